using System.Text.Json.Nodes;
using Kontext.Domain.Integrations;
using Kontext.Functions.Mcp;
using Kontext.Functions.Storage;
using Kontext.Testing;
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
    public async Task A_server_that_breaks_off_while_it_is_found_out_about_hides_nothing_else_and_is_asked_again()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        await using var broken = await McpServerDouble.StartAsync(modern: true);
        broken.Fault = async (context, _) =>
        {
            if (!HttpMethods.IsGet(context.Request.Method))
            {
                context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
                return true;
            }
            context.Response.ContentType = "text/event-stream";
            await context.Response.WriteAsync("event: endpoint\ndata: /mess");
            await context.Response.Body.FlushAsync();
            context.Abort();
            return true;
        };
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        GatewayApp.Connect(ports, "jira", broken.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var first = (await gateway.AskAsync(true, "tools/list"))["result"]!;
        broken.Fault = static (_, _) => Task.FromResult(false);
        var second = (await gateway.AskAsync(true, "tools/list"))["result"]!;

        Assert.Equal(["github__delete_item", "github__echo"], NamesOf(first));
        Assert.Equal([("jira", "unavailable")], MissingOf(first));
        Assert.Equal(["github__delete_item", "github__echo", "jira__delete_item", "jira__echo"], NamesOf(second));
    }

    [Fact]
    public async Task A_moment_without_storage_costs_one_integration_one_list()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        var tables = new FaultyTables(new MemoryTables());
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        GatewayApp.Connect(ports, "jira", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports, tables: tables);
        tables["toolpins"].FailRead(1);

        var first = (await gateway.AskAsync(true, "tools/list"))["result"]!;
        var second = (await gateway.AskAsync(true, "tools/list"))["result"]!;

        Assert.Equal(2, NamesOf(first).Count());
        Assert.Equal("unavailable", Assert.Single(MissingOf(first)).Reason);
        Assert.Equal(4, NamesOf(second).Count());
        Assert.Null(second["_meta"]!["kontext/unavailable"]);
    }

    [Fact]
    public async Task A_tool_that_clients_could_not_read_is_left_out_and_reported()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        upstream.ToolsJson = """
            [{"name":"fine","title":null,"inputSchema":{"type":"object"}},
             {"name":"numbers","inputSchema":{"type":"object"},"outputSchema":{"type":"array"}},
             {"name":"anything","inputSchema":{"type":"object","properties":{"what":true}}},
             {"name":"no schema"},{"name":"odd","description":5,"inputSchema":{"type":"object"}},{"inputSchema":{"type":"object"}}]
            """;
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var modern = (await gateway.AskAsync(true, "tools/list"))["result"]!;
        var older = (await gateway.AskAsync(false, "tools/list"))["result"]!;
        var single = (await gateway.AskAsync(false, "tools/list", path: "/mcp/github"))["result"]!;

        Assert.Equal(["github__anything", "github__fine", "github__numbers"], NamesOf(modern));
        Assert.Equal(["github__fine", "github__numbers"], NamesOf(older));
        Assert.Equal(["fine", "numbers"], NamesOf(single));
        Assert.Equal(["name", "inputSchema"], modern["tools"]![1]!.AsObject().Select(member => member.Key));
        Assert.NotNull(modern["tools"]![2]!["outputSchema"]);
        Assert.Null(older["tools"]![1]!["outputSchema"]);
        Assert.Equal([("github", "unreadable_tools")], MissingOf(modern));
        Assert.Equal([("github", "unreadable_tools"), ("github", "unreadable_tools")], MissingOf(single));
        Assert.Contains("no schema, odd, one without a name.", (string?)modern["_meta"]!["kontext/unavailable"]![0]!["message"], StringComparison.Ordinal);
        Assert.Contains(": anything.", (string?)older["_meta"]!["kontext/unavailable"]![1]!["message"], StringComparison.Ordinal);
        Assert.NotEqual(0, (int)modern["ttlMs"]!);
    }

    [Fact]
    public async Task A_strict_client_reads_the_list_and_the_result_of_a_server_that_is_not()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        upstream.ToolsJson = """[{"name":"odd","inputSchema":{"type":"array"}},{"name":"numbers","annotations":null,"inputSchema":{"type":"object"},"outputSchema":{"type":"array"}}]""";
        upstream.Fault = async (context, body) =>
        {
            if ((string?)body["method"] != "tools/call")
                return false;
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync($$$"""{"jsonrpc":"2.0","id":{{{body["id"]!.ToJsonString()}}},"result":{"resultType":"complete","structuredContent":[1,2],"content":[{"type":"text","text":"[1,2]"}]}}""");
            return true;
        };
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var outcome = await NodeProgram.RunAsync("tests/mcp-client/strict.mjs", new Dictionary<string, string> { ["GATEWAY"] = new Uri(gateway.Url, "/mcp").AbsoluteUri, ["TOKEN"] = "agent-token" }, TestContext.Current.CancellationToken);

        Assert.True(outcome.ExitCode == 0, outcome.Output);
        Assert.Equal("""{"tools":["github__numbers"],"missing":["unreadable_tools"],"text":"[1,2]"}""", outcome.LastLine);
    }

    [Fact]
    public async Task A_list_that_is_longer_than_is_read_says_so()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        upstream.ToolsJson = "[" + string.Join(',', Enumerable.Range(0, 5001).Select(number => $$$"""{"name":"t{{{number}}}","inputSchema":{"type":"object"}}""")) + "]";
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var listed = (await gateway.AskAsync(true, "tools/list", path: "/mcp/github"))["result"]!;

        Assert.Equal([("github", "list_cut")], MissingOf(listed));
        Assert.Contains("the first 5000", (string?)listed["_meta"]!["kontext/unavailable"]![0]!["message"], StringComparison.Ordinal);
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

    private static IEnumerable<string?> NamesOf(JsonNode result) => result["tools"]!.AsArray().Select(tool => (string?)tool!["name"]);

    private static IEnumerable<(string Integration, string Reason)> MissingOf(JsonNode result) =>
        result["_meta"]!["kontext/unavailable"]!.AsArray().Select(missing => ((string)missing!["integration"]!, (string)missing["reason"]!));

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
