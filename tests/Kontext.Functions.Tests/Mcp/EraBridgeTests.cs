using System.Text.Json.Nodes;

namespace Kontext.Functions.Tests.Mcp;

public sealed class EraBridgeTests
{
    [Theory]
    [InlineData(true, true, false)]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    [InlineData(false, false, false)]
    [InlineData(true, true, true)]
    [InlineData(true, false, true)]
    [InlineData(false, true, true)]
    [InlineData(false, false, true)]
    public async Task Every_client_reaches_every_server(bool client, bool server, bool events)
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: server);
        upstream.Events = events;
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var answer = await gateway.CallAsync(client, "github__echo", new JsonObject { ["text"] = "hi" });

        Assert.Equal("req-1", (string?)answer["id"]);
        Assert.Equal("hi", (string?)answer["result"]!["content"]![0]!["text"]);
        Assert.Equal(client ? "complete" : null, (string?)answer["result"]!["resultType"]);
        Assert.Null(answer["result"]!["cacheScope"]);
        var call = Assert.Single(upstream.SeenOf("tools/call"));
        Assert.Equal("Bearer upstream-secret-1", call.Headers["Authorization"]);
        Assert.Equal("echo", (string?)call.Body["params"]!["name"]);
    }

    [Theory]
    [InlineData("2026-07-28", "2025-06-18")]
    [InlineData("2025-11-25", "2025-06-18")]
    [InlineData("2025-06-18", "2025-06-18")]
    [InlineData("2025-03-26", "2025-06-18")]
    [InlineData("2026-07-28", "2025-03-26")]
    [InlineData("2025-11-25", "2025-03-26")]
    [InlineData("2025-06-18", "2025-03-26")]
    [InlineData("2025-03-26", "2025-03-26")]
    public async Task Clients_of_every_revision_reach_servers_of_the_middle_ones(string client, string server)
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: false);
        upstream.Version = server;
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);
        var session = client == "2026-07-28" ? null : await GatewaySession.OpenAsync(gateway, version: client, capabilities: new JsonObject { ["roots"] = new JsonObject() });
        Task<JsonNode> AskAsync(string method, JsonObject? parameters = null) => session is null ? gateway.AskAsync(modern: true, method, parameters) : session.AskAsync(method, parameters);

        var tools = await AskAsync("tools/list");
        var answer = await AskAsync("tools/call", new JsonObject { ["name"] = "github__echo", ["arguments"] = new JsonObject { ["text"] = "hi" } });

        Assert.Contains("github__echo", tools["result"]!["tools"]!.AsArray().Select(tool => (string?)tool!["name"]));
        Assert.Equal("hi", (string?)answer["result"]!["content"]![0]!["text"]);
        Assert.All(upstream.SeenOf("tools/call"), call => Assert.Equal(server, call.Headers["MCP-Protocol-Version"]));
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task Progress_reaches_the_client_ahead_of_the_result(bool client, bool server)
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: server);
        upstream.Events = true;
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        using var response = await gateway.SendAsync(client, "tools/call", new JsonObject { ["name"] = "github__echo", ["_meta"] = new JsonObject { ["progressToken"] = "p1" } });
        var messages = await GatewayApp.MessagesAsync(response);

        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal("p1", (string?)messages[0]["params"]!["progressToken"]);
        Assert.Equal("req-1", (string?)messages[1]["id"]);
        Assert.Equal(2, messages.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_call_in_the_steady_state_costs_one_request_to_the_server(bool server)
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: server);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);
        await gateway.CallAsync(modern: true, "github__echo");
        var before = upstream.Seen.Count;

        await gateway.CallAsync(modern: true, "github__echo");
        await gateway.CallAsync(modern: false, "github:echo");

        Assert.Equal(before + 2, upstream.Seen.Count);
    }

    [Fact]
    public async Task A_lost_session_is_opened_again()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: false);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);
        await gateway.CallAsync(modern: true, "github__echo");
        upstream.DropSessions();

        var answer = await gateway.CallAsync(modern: true, "github__echo", new JsonObject { ["text"] = "again" });

        Assert.Equal("again", (string?)answer["result"]!["content"]![0]!["text"]);
        Assert.Equal(2, upstream.SeenOf("initialize").Count());
    }

    [Fact]
    public async Task A_server_that_was_replaced_by_one_of_the_other_era_is_noticed()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: false);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);
        await gateway.CallAsync(modern: true, "github__echo");
        upstream.Modern = true;
        upstream.Fault = async (context, body) =>
        {
            // What a server of 2026-07-28 alone says to an older request.
            if (context.Request.Headers["MCP-Protocol-Version"] == "2026-07-28")
                return false;
            context.Response.StatusCode = 400;
            context.Response.ContentType = "application/json";
            await Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, """{"jsonrpc":"2.0","id":null,"error":{"code":-32022,"message":"unsupported","data":{"supported":["2026-07-28"]}}}""");
            return true;
        };

        var answer = await gateway.CallAsync(modern: false, "github__echo", new JsonObject { ["text"] = "new" });

        Assert.Equal("new", (string?)answer["result"]!["content"]![0]!["text"]);
    }

    [Fact]
    public async Task Arguments_a_tool_wants_in_headers_are_mirrored_even_for_an_older_client_on_a_cold_instance()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        upstream.ToolsJson = """[{"name":"region","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}},{"name":"broken","inputSchema":{"type":"object","properties":{"n":{"type":"number","x-mcp-header":"N"}}}}]""";
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var answer = await gateway.CallAsync(modern: false, "github__region", new JsonObject { ["region"] = "eu", ["text"] = "ok" });
        var tools = await gateway.AskAsync(modern: true, "tools/list");

        Assert.Equal("ok", (string?)answer["result"]!["content"]![0]!["text"]);
        Assert.Equal("eu", upstream.SeenOf("tools/call").Last().Headers["Mcp-Param-Region"]);
        Assert.Equal("github__region", (string?)Assert.Single(tools["result"]!["tools"]!.AsArray())!["name"]);
    }

    [Fact]
    public async Task Mirrored_arguments_are_held_against_the_body_on_a_cold_instance_too()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        upstream.ToolsJson = """[{"name":"region","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}]""";
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);
        Task<HttpResponseMessage> CallAsync(string header) => gateway.SendAsync(
            true, "tools/call", new JsonObject { ["name"] = "github__region", ["arguments"] = new JsonObject { ["region"] = "eu", ["text"] = "ok" } }, change: message => message.Headers.Add("Mcp-Param-Region", header));

        using var wrong = await CallAsync("us");
        var before = upstream.SeenOf("tools/call").Count();
        using var right = await CallAsync("eu");

        Assert.Equal(400, (int)wrong.StatusCode);
        Assert.Equal(-32020, (int)(await GatewayApp.MessagesAsync(wrong))[0]["error"]!["code"]!);
        Assert.Equal(0, before);
        Assert.Equal("ok", (string?)(await GatewayApp.MessagesAsync(right))[0]["result"]!["content"]![0]!["text"]);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(200_000)]
    public async Task Structured_content_that_is_no_object_reaches_only_clients_that_know_it(int length)
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        upstream.Fault = async (context, body) =>
        {
            if ((string?)body["method"] != "tools/call")
                return false;
            context.Response.ContentType = "application/json";
            var tool = (string?)body["params"]!["name"];
            var structured = tool == "object" ? "{\"a\":[1]}" : $"[\"{new string('x', length)}\"]";
            await Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, $$$"""{"jsonrpc":"2.0","id":{{{body["id"]!.ToJsonString()}}},"result":{"resultType":"complete","structuredContent":{{{structured}}},"content":[]}}""");
            return true;
        };
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var modern = await gateway.CallAsync(modern: true, "github__list");
        var older = await gateway.CallAsync(modern: false, "github__list");
        var known = await gateway.CallAsync(modern: false, "github__object");

        Assert.Equal(length, modern["result"]!["structuredContent"]![0]!.ToString().Length);
        Assert.Equal(["content"], older["result"]!.AsObject().Select(member => member.Key));
        Assert.Equal(1, (int)known["result"]!["structuredContent"]!["a"]![0]!);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_large_result_streams_through_whole(bool events)
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: false);
        upstream.Events = events;
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);
        var text = string.Concat(Enumerable.Repeat("0123456789\\\"{[é", 200_000));

        // The request may hold 4 MiB; the text in it is below that.
        var answer = await gateway.CallAsync(modern: true, "github__echo", new JsonObject { ["text"] = text[..900_000] });

        Assert.Equal(text[..900_000], (string?)answer["result"]!["content"]![0]!["text"]);
        Assert.Equal("complete", (string?)answer["result"]!["resultType"]);
    }

    [Fact]
    public async Task A_single_integration_offers_its_resources_and_keeps_them_private()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var discovered = await gateway.AskAsync(modern: true, "server/discover", path: "/mcp/github");
        var read = await gateway.AskAsync(modern: true, "resources/read", new JsonObject { ["uri"] = "demo://1" }, path: "/mcp/github");
        var older = await gateway.AskAsync(modern: false, "resources/list", path: "/mcp/github");

        Assert.NotNull(discovered["result"]!["capabilities"]!["resources"]);
        Assert.Equal("one", (string?)read["result"]!["contents"]![0]!["text"]);
        Assert.Equal("private", (string?)read["result"]!["cacheScope"]);
        Assert.Equal(5, (int?)read["result"]!["ttlMs"]);
        Assert.Null(older["result"]!["ttlMs"]);
        Assert.Contains(ports.Audit, happened => happened.Capability == "github:resources/read" && happened.Type == "api.call");
    }
}
