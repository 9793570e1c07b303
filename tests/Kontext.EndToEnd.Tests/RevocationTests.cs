using System.Net;
using System.Net.Http.Headers;
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
    public async Task Revoking_one_agent_leaves_the_call_of_another_that_is_under_way_on_the_other_instance_whole()
    {
        await using var installation = await Installation.CreateAsync(azurite);
        var (first, second) = (await installation.StartAsync(), await installation.StartAsync());
        await using var tool = await PausingTool.StartAsync();
        var agent = new TestAgent(first.Url);
        var owner = await agent.ManagementTokenAsync("olivia");
        var integration = (string)(await agent.ApiAsync(HttpMethod.Post, "/integrations", owner, new JsonObject
        {
            ["name"] = "reports", ["url"] = tool.Url.AbsoluteUri, ["authMode"] = "server_token", ["serverToken"] = "token-of-the-team",
        })).Json!["integration"]!["id"]!;
        var (bad, badToken) = await AgentAsync(agent, owner, "Bad agent", integration);
        var (_, goodToken) = await AgentAsync(agent, owner, "Good agent", integration);
        var there = new TestAgent(second.Url);
        var ping = new JsonObject { ["name"] = "reports__ping" };
        Assert.Equal("pong", (string?)(await there.McpAsync(badToken, "tools/call", ping.DeepClone().AsObject())).Json!["result"]!["content"]![0]!["text"]);

        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(second.Url, "/mcp"))
        {
            Content = new StringContent(
                """{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"reports__export","_meta":{"progressToken":"export"}}}""", new MediaTypeHeaderValue("application/json")),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", goodToken);
        request.Headers.TryAddWithoutValidation("Accept", "application/json, text/event-stream");
        request.Headers.TryAddWithoutValidation("MCP-Protocol-Version", "2025-11-25");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(1));
        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
        using var stream = new StreamReader(await answer.Content.ReadAsStreamAsync(limit.Token));
        var messages = new List<JsonNode>();
        async Task ReadAsync(int until)
        {
            while (messages.Count < until && await stream.ReadLineAsync(limit.Token) is { } line)
            {
                if (line.StartsWith("data: {", StringComparison.Ordinal))
                    messages.Add(JsonNode.Parse(line[6..])!);
            }
        }
        await ReadAsync(1);

        Assert.Equal(HttpStatusCode.Created, (await agent.ApiAsync(HttpMethod.Post, "/revocations", owner, new JsonObject { ["type"] = "application", ["applicationId"] = bad })).Status);
        while ((await there.McpAsync(badToken, "tools/call", ping.DeepClone().AsObject())).Status != HttpStatusCode.Unauthorized)
            await Task.Delay(50, limit.Token);

        tool.GoOn();
        await ReadAsync(int.MaxValue);
        Assert.Equal(Enumerable.Range(1, PausingTool.Parts), messages.SkipLast(1).Select(message => (int)message["params"]!["progress"]!));
        Assert.Equal(PausingTool.Result, (string?)messages[^1]["result"]!["content"]![0]!["text"]);
    }

    [Fact]
    public async Task A_cut_off_whose_instance_died_over_it_is_finished_by_another()
    {
        await using var installation = await Installation.CreateAsync(azurite);
        var first = await installation.StartAsync();
        await using var wire = await Wire.OpenAsync(installation.Tables);
        var doomed = await installation.StartAsync(wire.Address);
        var agent = new TestAgent(first.Url);
        var owner = await agent.ManagementTokenAsync("olivia");
        var integration = (string)(await agent.ApiAsync(HttpMethod.Post, "/integrations", owner, new JsonObject
        {
            ["name"] = "notes", ["url"] = "http://127.0.0.1:9/mcp", ["authMode"] = "user_token",
        })).Json!["integration"]!["id"]!;
        foreach (var person in new[] { "alice", "bob", "carol" })
        {
            var connected = await agent.ApiAsync(HttpMethod.Post, $"/integrations/{integration}/connection", await agent.ManagementTokenAsync(person), new JsonObject { ["token"] = "own-" + person });
            Assert.Equal(HttpStatusCode.OK, connected.Status);
        }

        var ended = 0;
        wire.Rule = async (request, pass) =>
        {
            // It lives to end one connection, and dies over the next.
            var writes = request.Method != "GET" && request.Target.Contains("/connections(", StringComparison.Ordinal);
            if (!writes || Interlocked.Increment(ref ended) <= 2)
                return await pass();
            await doomed.KillAsync();
            return null;
        };
        using var http = new HttpClient();
        using var order = new HttpRequestMessage(HttpMethod.Post, new Uri(doomed.Url, "/api/v1/revocations"))
        {
            Content = new StringContent($$"""{"type":"integration","integrationId":"{{integration}}","disconnect":true}""", new MediaTypeHeaderValue("application/json")),
        };
        order.Headers.Authorization = new AuthenticationHeaderValue("Bearer", owner);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => http.SendAsync(order));

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(3));
        JsonNode cut;
        while ((string?)(cut = (await agent.ApiAsync(HttpMethod.Get, "/revocations", owner)).Json!["items"]![0]!)["status"] != "active")
            await Task.Delay(500, limit.Token);
        Assert.Equal(3, (int)cut["disconnectedConnections"]!);
        var connections = (await agent.ApiAsync(HttpMethod.Get, $"/integrations/{integration}/connections", owner)).Json!["items"]!.AsArray();
        Assert.Equal([false, false, false], connections.Select(item => (bool)item!["connection"]!["connected"]!));
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

    private static async Task<(string Id, string Token)> AgentAsync(TestAgent agent, string owner, string name, params string[] integrations)
    {
        var created = await agent.ApiAsync(HttpMethod.Post, "/applications", owner, new JsonObject
        {
            ["name"] = name,
            ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        });
        var application = created.Json!["application"]!;
        foreach (var integration in integrations)
            await agent.ApiAsync(HttpMethod.Post, $"/applications/{application["id"]}/integrations/{integration}", owner);
        using var browser = new FormBrowser();
        var tokens = await agent.AuthorizeAsync(browser, (string)application["clientId"]!, "alice", agent.Gateway);
        return ((string)application["id"]!, tokens["access_token"]!);
    }
}
