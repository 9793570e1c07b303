using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>An administrative change is on record before it is made (architecture section 8).</summary>
public sealed class RecordedFirstTests(KontextFixture kontext, AzuriteFixture azurite)
{
    [Fact]
    public async Task A_change_that_cannot_be_recorded_is_not_made()
    {
        var keys = Directory.CreateTempSubdirectory("kontext-keys-");
        var account = await azurite.EmptyAccountAsync();
        var tables = new Uri(account.Split("TableEndpoint=")[1].Split(';')[0]).GetLeftPart(UriPartial.Authority);
        await using var wire = await Wire.OpenAsync(new Uri(tables));
        await using var server = await KontextServer.StartAsync(account.Replace("TableEndpoint=" + tables, "TableEndpoint=" + wire.Address.GetLeftPart(UriPartial.Authority), StringComparison.Ordinal), keys.FullName);
        var agent = new TestAgent(server.Url);
        var owner = await agent.ManagementTokenAsync(KontextFixture.Owner);
        var before = (await agent.ApiAsync(HttpMethod.Get, "/organization", owner)).Json!.ToJsonString();

        var refused = 0;
        wire.Rule = async (request, pass) =>
        {
            if (request.Method == "GET" || !request.Target.Split('?')[0].EndsWith("/audit", StringComparison.Ordinal))
                return await pass();
            refused++;
            return WireAnswer.Of(HttpStatusCode.Forbidden);
        };
        var changes = new (HttpMethod Method, string Path, JsonObject Body)[]
        {
            (HttpMethod.Post, "/applications", new() { ["name"] = "unrecorded" }),
            (HttpMethod.Post, "/integrations", new() { ["name"] = "unrecorded", ["url"] = "https://mcp.example.com/mcp", ["authMode"] = "none" }),
            (HttpMethod.Post, "/service-accounts", new() { ["name"] = "unrecorded" }),
            (HttpMethod.Post, "/webhooks", new() { ["url"] = "https://hooks.example.com/unrecorded" }),
            (HttpMethod.Post, "/policy/rules", new() { ["action"] = "deny", ["level"] = "org", ["description"] = "unrecorded" }),
            (HttpMethod.Patch, "/policy/settings", new() { ["policyEnabled"] = false }),
            (HttpMethod.Patch, "/organization", new() { ["name"] = "unrecorded" }),
        };
        foreach (var (method, path, body) in changes)
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await agent.ApiAsync(method, path, owner, body)).Status);
        Assert.True(refused >= changes.Length);

        wire.Rule = static async (_, pass) => await pass();
        foreach (var path in new[] { "/applications", "/integrations", "/service-accounts", "/webhooks", "/policy/rules" })
            Assert.DoesNotContain("unrecorded", (await agent.ApiAsync(HttpMethod.Get, path, owner)).Json!.ToJsonString(), StringComparison.Ordinal);
        Assert.True((bool)(await agent.ApiAsync(HttpMethod.Get, "/policy/settings", owner)).Json!["policyEnabled"]!);
        Assert.Equal(before, (await agent.ApiAsync(HttpMethod.Get, "/organization", owner)).Json!.ToJsonString());
        keys.Delete(recursive: true);
    }

    [Fact]
    public async Task What_was_recorded_and_then_not_made_is_said_not_to_have_been()
    {
        var name = ApiCalls.Unique("twice");
        foreach (var expected in new[] { HttpStatusCode.Created, HttpStatusCode.Conflict })
            Assert.Equal(expected, (await kontext.Agent.ApiAsync(HttpMethod.Post, "/applications", kontext.OwnerToken, new JsonObject { ["name"] = name })).Status);
        var entries = (await kontext.Agent.ApiAsync(HttpMethod.Get, "/audit/events?limit=200&type=admin.change", kontext.OwnerToken)).Json!["items"]!.AsArray()
            .Where(entry => ((string?)entry!["target"])?.StartsWith(name, StringComparison.Ordinal) == true).Select(entry => $"{entry!["capability"]} {entry["status"]} {entry["errorType"]}".TrimEnd());
        Assert.Equal(["application.created warn not_carried_out", "application.created ok", "application.created ok"], entries);
    }
}
