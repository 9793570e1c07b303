using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>An administrative change is on record before it is made (architecture section 8).</summary>
public sealed class RecordedFirstTests(KontextFixture kontext, AzuriteFixture azurite) : IAsyncDisposable
{
    private readonly DirectoryInfo keys = Directory.CreateTempSubdirectory("kontext-keys-");
    private Wire wire = null!;
    private KontextServer? server;

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
            await wire.DisposeAsync();
        }
        keys.Delete(recursive: true);
    }

    [Fact]
    public async Task A_change_that_cannot_be_recorded_is_not_made()
    {
        var (agent, owner) = await StartAsync();
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
    }

    [Fact]
    public async Task Nobody_is_let_in_again_before_that_is_recorded_and_who_was_stopped_is_recorded_in_the_end()
    {
        var (agent, owner) = await StartAsync();
        Task<JsonAnswer> ManageAsync(HttpMethod method, string path, JsonObject? body = null) => agent.ApiAsync(method, path, owner, body);
        async Task<int> EntriesAsync(string type, string? session = null) => (await ManageAsync(HttpMethod.Get, $"/audit/events?limit=200&type={type}")).Json!["items"]!.AsArray()
            .Count(entry => session is null || (string?)entry!["sessionId"] == session);
        var application = (await ManageAsync(HttpMethod.Post, "/applications", new()
        {
            ["name"] = "Agent", ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        })).Json!["application"]!;
        var (id, client) = ((string)application["id"]!, (string)application["clientId"]!);
        using var browser = new FormBrowser();
        var token = (await agent.AuthorizeAsync(browser, client, "alice", agent.Gateway))["access_token"]!;
        var cut = (string)(await ManageAsync(HttpMethod.Post, "/revocations", new() { ["type"] = "application", ["applicationId"] = id })).Json!["revocation"]!["id"]!;

        WireRule refusing = static async (request, pass) =>
            request.Method == "GET" || !request.Target.Split('?')[0].EndsWith("/audit", StringComparison.Ordinal) ? await pass() : WireAnswer.Of(HttpStatusCode.Forbidden);
        WireRule passing = static async (_, pass) => await pass();
        wire.Rule = refusing;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await ManageAsync(HttpMethod.Post, $"/revocations/{cut}/reinstate")).Status);
        wire.Rule = passing;
        Assert.Equal("active", (string?)(await ManageAsync(HttpMethod.Get, $"/revocations/{cut}")).Json!["revocation"]!["status"]);
        Assert.Equal(0, await EntriesAsync("access.reinstated"));
        Assert.Equal(HttpStatusCode.OK, (await ManageAsync(HttpMethod.Post, $"/revocations/{cut}/reinstate")).Status);
        Assert.Equal(1, await EntriesAsync("access.reinstated"));

        var session = (string)(await ManageAsync(HttpMethod.Get, $"/applications/{id}/sessions")).Json!["items"]![0]!["id"]!;
        wire.Rule = refusing;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await ManageAsync(HttpMethod.Delete, $"/applications/{id}/sessions/{session}")).Status);
        // To stop comes first all the same.
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(token, "ping")).Status);
        wire.Rule = passing;
        Assert.Equal(0, await EntriesAsync("access.revoked", session));
        for (var time = 0; time < 2; time++)
            Assert.True((int)(await ManageAsync(HttpMethod.Delete, $"/applications/{id}/sessions/{session}")).Status < 300);
        Assert.Equal(1, await EntriesAsync("access.revoked", session));
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

    /// <summary>Starts the product with a wire to its tables; gives a client and the owner's token.</summary>
    private async Task<(TestAgent Agent, string Owner)> StartAsync()
    {
        var account = await azurite.EmptyAccountAsync();
        var tables = new Uri(account.Split("TableEndpoint=")[1].Split(';')[0]).GetLeftPart(UriPartial.Authority);
        wire = await Wire.OpenAsync(new Uri(tables));
        server = await KontextServer.StartAsync(account.Replace("TableEndpoint=" + tables, "TableEndpoint=" + wire.Address.GetLeftPart(UriPartial.Authority), StringComparison.Ordinal), keys.FullName);
        var agent = new TestAgent(server.Url);
        return (agent, await agent.ManagementTokenAsync(KontextFixture.Owner));
    }
}
