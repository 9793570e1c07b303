using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>The access graph shows what decides: attached, approved, connected, denied.</summary>
public sealed class AccessGraphTests(KontextFixture kontext)
{
    private readonly TestAgent agent = kontext.Agent;

    [Fact]
    public async Task People_agents_integrations_and_capabilities_with_how_they_hang_together()
    {
        var integration = await kontext.IntegrationAsync("user_token", new JsonObject { ["capabilities"] = new JsonArray("read", "delete") });
        var (application, _) = await kontext.ApplicationAsync();
        await OwnerAsync(HttpMethod.Post, $"/applications/{application}/integrations/{integration}");
        var rule = await OwnerAsync(HttpMethod.Post, "/policy/rules", new JsonObject { ["action"] = "deny", ["scope"] = "tool", ["level"] = "org", ["integrationId"] = integration, ["toolName"] = "delete" });
        Assert.Equal(HttpStatusCode.Created, rule.Status);
        using var browser = new FormBrowser();
        await agent.AuthorizeAsync(browser, "app_" + application, "gina", agent.Gateway);
        var token = await agent.ManagementTokenAsync("gina");
        await agent.ApiAsync(HttpMethod.Post, $"/integrations/{integration}/connection", token, new JsonObject { ["token"] = "ginas" });
        var user = (string)(await OwnerAsync(HttpMethod.Get, $"/applications/{application}/sessions")).Json!["items"]![0]!["userId"]!;

        foreach (var graph in new[] { (await OwnerAsync(HttpMethod.Get, $"/applications/{application}/access-graph")).Json!, await PageWithAsync(application) })
        {
            var edges = graph["edges"]!.AsArray().Select(edge => ((string)edge!["from"]!, (string)edge["to"]!, (string)edge["type"]!)).ToHashSet();
            Assert.Contains(($"application:{application}", $"integration:{integration}", "attached"), edges);
            Assert.Contains(($"integration:{integration}", $"capability:{integration}:delete", "offers"), edges);
            Assert.Contains(($"application:{application}", $"capability:{integration}:delete", "denied"), edges);
            Assert.DoesNotContain(($"application:{application}", $"capability:{integration}:read", "denied"), edges);
            Assert.Contains(($"user:{user}", $"application:{application}", "approved"), edges);
            Assert.Contains(($"user:{user}", $"integration:{integration}", "approved"), edges);
            Assert.Contains(($"user:{user}", $"integration:{integration}", "connected"), edges);
            var nodes = graph["nodes"]!.AsArray().Select(node => (string)node!["id"]!).ToList();
            Assert.Equal(nodes.Distinct().Count(), nodes.Count);
            Assert.All(edges, edge => Assert.True(nodes.Contains(edge.Item1) && nodes.Contains(edge.Item2)));
            Assert.Equal("org", (string?)graph["edges"]!.AsArray().Single(edge => (string?)edge!["to"] == $"capability:{integration}:delete" && (string?)edge["type"] == "denied")!["deniedBy"]);
        }
        Assert.Equal(HttpStatusCode.NotFound, (await agent.ApiAsync(HttpMethod.Get, $"/applications/{application}/access-graph", token)).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await agent.ApiAsync(HttpMethod.Get, "/applications/access-graph", token)).Status);
    }

    /// <summary>The page of the whole graph that has the application.</summary>
    private async Task<JsonNode> PageWithAsync(string application)
    {
        var cursor = "";
        while (true)
        {
            var page = (await OwnerAsync(HttpMethod.Get, "/applications/access-graph?limit=50" + cursor)).Json!;
            if (page["nodes"]!.AsArray().Any(node => (string)node!["id"]! == $"application:{application}"))
                return page;
            cursor = "&cursor=" + ((string?)page["nextCursor"] ?? throw new InvalidOperationException("It is on no page."));
        }
    }

    private Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, JsonNode? body = null) => agent.ApiAsync(method, path, kontext.OwnerToken, body);
}
