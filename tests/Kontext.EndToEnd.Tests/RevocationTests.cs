using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests;

/// <summary>Cutting off, across instances.</summary>
public sealed class RevocationTests(AzuriteFixture azurite)
{
    [Fact]
    public async Task Revoking_an_agent_on_one_instance_stops_it_on_the_other_and_leaves_the_next_agent_alone()
    {
        await using var installation = await Installation.CreateAsync(azurite);
        var (first, second) = (await installation.StartAsync(), await installation.StartAsync());
        var agent = new TestAgent(first.Url);
        var owner = await agent.ManagementTokenAsync("olivia");
        var (bad, badToken) = await AgentAsync(agent, owner, "Bad agent");
        var (_, goodToken) = await AgentAsync(agent, owner, "Good agent");
        async Task<HttpStatusCode> CallAsync(string token) => (await TestAgent.CallAsync(second.Url, HttpMethod.Get, "/mcp/integrations", token)).Status;
        Assert.Equal(HttpStatusCode.OK, await CallAsync(badToken));

        Assert.Equal(HttpStatusCode.NoContent, (await agent.ApiAsync(HttpMethod.Delete, $"/applications/{bad}", owner)).Status);
        // The other instance may serve what it knew for one more second; how long it takes is measured in bench/.
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (await CallAsync(badToken) != HttpStatusCode.Unauthorized)
            await Task.Delay(50, limit.Token);
        Assert.Equal(HttpStatusCode.OK, await CallAsync(goodToken));
        Assert.Equal("invalid_client", (await agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = $"app_{bad}", ["refresh_token"] = "x" }))["error"]);
    }

    [Fact]
    public async Task What_was_approved_survives_the_process_being_killed()
    {
        await using var installation = await Installation.CreateAsync(azurite);
        var first = await installation.StartAsync();
        var agent = new TestAgent(first.Url);
        var owner = await agent.ManagementTokenAsync("olivia");
        var (_, token) = await AgentAsync(agent, owner, "Agent");
        var second = await installation.StartAsync();
        await first.KillAsync();
        Assert.Equal(HttpStatusCode.OK, (await TestAgent.CallAsync(second.Url, HttpMethod.Get, "/mcp/integrations", token)).Status);
        var trail = await TestAgent.CallAsync(second.Url, HttpMethod.Get, "/api/v1/audit/events?limit=200", owner);
        Assert.Contains(trail.Json!["items"]!.AsArray(), entry => (string?)entry!["type"] == "token.issued" && (string?)entry["agent"]!["name"] == "Agent");
    }

    private static async Task<(string Id, string Token)> AgentAsync(TestAgent agent, string owner, string name)
    {
        var created = await agent.ApiAsync(HttpMethod.Post, "/applications", owner, new JsonObject
        {
            ["name"] = name,
            ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        });
        var application = created.Json!["application"]!;
        using var browser = new FormBrowser();
        var tokens = await agent.AuthorizeAsync(browser, (string)application["clientId"]!, "alice", agent.Gateway);
        return ((string)application["id"]!, tokens["access_token"]!);
    }
}
