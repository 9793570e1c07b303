using System.Text.Json.Nodes;
using Kontext.Domain.Integrations;
using Kontext.Functions.Mcp;
using Microsoft.AspNetCore.Http;

namespace Kontext.Functions.Tests.Mcp;

public sealed class ToolsListTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task All_integrations_come_under_flat_names_in_a_fixed_order_with_every_keyword_of_their_schemas(bool server)
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: server);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "My Slack", upstream.Url);
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        using var response = await gateway.SendAsync(true, "tools/list");
        var text = await response.Content.ReadAsStringAsync();
        var result = JsonNode.Parse(text)!["result"]!;

        Assert.Equal(["My-Slack__delete_item", "My-Slack__echo", "github__delete_item", "github__echo"], result["tools"]!.AsArray().Select(tool => (string?)tool!["name"]));
        Assert.Contains("""{"type":"object","properties":{"text":{"type":"string"}},"x-unknown":{"kept":[1,2.50,"\u00e9"]}}""", text);
        Assert.Equal("private", (string?)result["cacheScope"]);
        Assert.Equal("kontext", (string?)result["_meta"]!["io.modelcontextprotocol/serverInfo"]!["name"]);
        Assert.Equal("hi", (string?)(await gateway.CallAsync(true, "My Slack:echo", new JsonObject { ["text"] = "hi" }))["result"]!["content"]![0]!["text"]);
        Assert.Equal("hi", (string?)(await gateway.CallAsync(true, "My-Slack__echo", new JsonObject { ["text"] = "hi" }))["result"]!["content"]![0]!["text"]);
    }

    [Fact]
    public async Task One_integration_alone_has_plain_names()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var listed = await gateway.AskAsync(false, "tools/list", path: "/mcp/github");
        var called = await gateway.CallAsync(false, "echo", new JsonObject { ["text"] = "plain" }, path: "/mcp/github");

        Assert.Equal(["delete_item", "echo"], listed["result"]!["tools"]!.AsArray().Select(tool => (string?)tool!["name"]));
        Assert.Equal("plain", (string?)called["result"]!["content"]![0]!["text"]);
    }

    [Fact]
    public async Task What_is_broken_or_not_connected_is_reported_and_does_not_hide_the_rest()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        await using var broken = await McpServerDouble.StartAsync(modern: true);
        broken.Fault = (context, _) =>
        {
            context.Response.StatusCode = 500;
            return Task.FromResult(true);
        };
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        GatewayApp.Connect(ports, "jira", broken.Url);
        GatewayApp.Connect(ports, "slack", upstream.Url, token: null);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var result = (await gateway.AskAsync(true, "tools/list"))["result"]!;

        Assert.Equal(2, result["tools"]!.AsArray().Count);
        Assert.Equal([("jira", "unavailable"), ("slack", "not_connected")], result["_meta"]!["kontext/unavailable"]!.AsArray().Select(missing => ((string)missing!["integration"]!, (string)missing["reason"]!)));
        Assert.Equal(0, (int)result["ttlMs"]!);
    }

    [Fact]
    public async Task A_slow_integration_is_reported_and_there_once_it_has_answered()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        await using var slow = await McpServerDouble.StartAsync(modern: true);
        var (asked, answer) = (new TaskCompletionSource(), new TaskCompletionSource());
        slow.Fault = async (_, body) =>
        {
            if ((string?)body["method"] != "tools/list")
                return false;
            asked.TrySetResult();
            await answer.Task;
            return false;
        };
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports, time: new ImpatientTime(asked.Task));
        // What is known already cannot be late as well.
        await gateway.AskAsync(true, "tools/list");
        GatewayApp.Connect(ports, "jira", slow.Url);

        var first = (await gateway.AskAsync(true, "tools/list"))["result"]!;
        answer.SetResult();
        var names = new List<string?>();
        while (!names.Contains("jira__echo"))
            names = [.. (await gateway.AskAsync(true, "tools/list"))["result"]!["tools"]!.AsArray().Select(tool => (string?)tool!["name"])];

        Assert.All(first["tools"]!.AsArray(), tool => Assert.StartsWith("github__", (string?)tool!["name"]));
        Assert.Equal(("jira", "unavailable"), ((string?)first["_meta"]!["kontext/unavailable"]![0]!["integration"], (string?)first["_meta"]!["kontext/unavailable"]![0]!["reason"]));
        Assert.Single(slow.SeenOf("tools/list"));
    }

    [Fact]
    public async Task A_list_is_fetched_once_and_again_for_another_credential()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        upstream.Tokens.Add("upstream-secret-2");
        var ports = new GatewayPorts();
        var integration = GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);
        await gateway.AskAsync(true, "tools/list");
        await gateway.AskAsync(true, "tools/list");
        Assert.Single(upstream.SeenOf("tools/list"));

        ports.Connections[integration.Id] = GatewayApp.ConnectionOf(integration, "upstream-secret-2");
        await gateway.AskAsync(true, "tools/list");

        Assert.Equal(["Bearer upstream-secret-1", "Bearer upstream-secret-2"], upstream.SeenOf("tools/list").Select(request => request.Headers["Authorization"]));
    }

    [Fact]
    public async Task Long_lists_come_in_pages_and_odd_names_can_be_called()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        upstream.ToolsJson = "[" + string.Join(',', Enumerable.Range(0, 700).Select(number => $$$"""{"name":"tool/{{{number}}}","inputSchema":{"type":"object"}}""")) + "]";
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var first = (await gateway.AskAsync(true, "tools/list"))["result"]!;
        var second = (await gateway.AskAsync(true, "tools/list", new JsonObject { ["cursor"] = (string?)first["nextCursor"] }))["result"]!;
        var names = first["tools"]!.AsArray().Concat(second["tools"]!.AsArray()).Select(tool => (string)tool!["name"]!).ToList();
        await gateway.CallAsync(true, names[17]);

        Assert.Null(second["nextCursor"]);
        Assert.Equal(700, names.Distinct().Count());
        Assert.All(names, name => Assert.Matches("^[A-Za-z0-9_.-]{1,128}$", name));
        Assert.StartsWith("tool/", (string?)Assert.Single(upstream.SeenOf("tools/call")).Body["params"]!["name"]);
    }

    [Fact]
    public async Task Credential_only_integrations_are_not_proxied()
    {
        var ports = new GatewayPorts();
        var integration = GatewayApp.Connect(ports, "github", new Uri("http://127.0.0.1:9/"));
        ports.Integrations[0] = integration with { Category = IntegrationCategory.InternalMcpCredentials };
        await using var gateway = await GatewayApp.StartAsync(ports);

        Assert.Empty((await gateway.AskAsync(true, "tools/list"))["result"]!["tools"]!.AsArray());
        Assert.Equal(-32602, (int)(await gateway.CallAsync(true, "github__echo"))["error"]!["code"]!);
        using var single = await gateway.SendAsync(true, "tools/list", path: "/mcp/github");
        Assert.Equal(StatusCodes.Status404NotFound, (int)single.StatusCode);
    }

    /// <summary>The list's patience is at its end once the slow integration has been asked, and not before.</summary>
    private sealed class ImpatientTime(Task asked) : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime != OfferedTools.Patience || asked.IsCompleted)
                return base.CreateTimer(callback, state, dueTime, period);
            var timer = base.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            asked.ContinueWith(_ => timer.Change(TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan), TaskScheduler.Default);
            return timer;
        }
    }
}
