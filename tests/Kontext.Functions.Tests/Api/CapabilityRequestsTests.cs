using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>Search mode as a setting of the application, and what its agent lacks, seen and decided by administrators.</summary>
public sealed class CapabilityRequestsTests(KontextFixture kontext)
{
    [Fact]
    public async Task An_administrator_sees_what_an_agent_asked_for_and_what_is_decided_reaches_the_agent()
    {
        var (application, made) = await kontext.ApplicationAsync();
        Assert.Equal("list", (string?)made.Json!["application"]!["toolDiscovery"]);
        var changed = await OwnerAsync(HttpMethod.Patch, $"/applications/{application}", new JsonObject { ["toolDiscovery"] = "search" });
        Assert.Equal("search", (string?)changed.Json!["application"]!["toolDiscovery"]);
        Assert.NotNull((await OwnerAsync(HttpMethod.Patch, $"/applications/{application}", new JsonObject { ["toolDiscovery"] = "guess" })).Json!["validationErrors"]!["toolDiscovery"]);
        using var browser = new FormBrowser();
        var token = (await kontext.Agent.AuthorizeAsync(browser, "app_" + application, "quentin", kontext.Agent.Gateway))["access_token"]!;
        Assert.Equal(3, (await kontext.Agent.McpAsync(token, "tools/list")).Json!["result"]!["tools"]!.AsArray().Count);

        var name = ApiCalls.Unique("salesforce");
        Assert.Contains("has been asked", await AskAsync(token, name));
        var request = Assert.Single((await OwnerAsync(HttpMethod.Get, "/capability-requests?status=open")).Json!["items"]!.AsArray(), item => (string?)item!["capability"] == name)!;
        Assert.Equal(("open", application, "quarterly figures"), ((string?)request["status"], (string?)request["applicationId"], (string?)request["reason"]));

        var member = await kontext.Agent.ManagementTokenAsync("quentin");
        Assert.Equal(HttpStatusCode.Forbidden, (await kontext.Agent.ApiAsync(HttpMethod.Get, "/capability-requests", member)).Status);
        var path = $"/capability-requests/{request["id"]}/resolve";
        Assert.Equal(HttpStatusCode.Forbidden, (await kontext.Agent.ApiAsync(HttpMethod.Post, path, member, new JsonObject { ["resolution"] = "granted" })).Status);
        Assert.NotNull((await OwnerAsync(HttpMethod.Post, path, new JsonObject { ["resolution"] = "maybe" })).Json!["validationErrors"]!["resolution"]);
        Assert.Equal(HttpStatusCode.NotFound, (await OwnerAsync(HttpMethod.Post, "/capability-requests/unknown/resolve", new JsonObject { ["resolution"] = "granted" })).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await OwnerAsync(HttpMethod.Post, "/capability-requests/a%23b/resolve", new JsonObject { ["resolution"] = "granted" })).Status);
        var resolved = await OwnerAsync(HttpMethod.Post, path, new JsonObject { ["resolution"] = "declined", ["note"] = "use the warehouse" });
        Assert.Equal((HttpStatusCode.OK, "declined"), (resolved.Status, (string?)resolved.Json!["capabilityRequest"]!["status"]));

        Assert.Contains("declined", await AskAsync(token, name.ToUpperInvariant()));
        Assert.Contains("use the warehouse", await AskAsync(token, name));
        Assert.DoesNotContain((await OwnerAsync(HttpMethod.Get, "/capability-requests?status=open")).Json!["items"]!.AsArray(), item => (string?)item!["capability"] == name);
        Assert.Contains($"capability_request.declined {name}", await kontext.ChangesAsync());
        var asked = await OwnerAsync(HttpMethod.Get, "/audit/events?type=capability.requested&limit=200");
        Assert.Single(asked.Json!["items"]!.AsArray(), item => (string?)item!["capability"] == name);
    }

    private async Task<string> AskAsync(string token, string name) =>
        (string)(await kontext.Agent.McpAsync(token, "tools/call", new JsonObject { ["name"] = "REQUEST_CAPABILITY", ["arguments"] = new JsonObject { ["capability_name"] = name, ["reason"] = "quarterly figures" } }))
            .Json!["result"]!["content"]![0]!["text"]!;

    private Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, JsonNode? body = null) => kontext.Agent.ApiAsync(method, path, kontext.OwnerToken, body);
}
