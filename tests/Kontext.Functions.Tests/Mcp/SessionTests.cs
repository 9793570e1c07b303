using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Account;
using Microsoft.AspNetCore.Http;

namespace Kontext.Functions.Tests.Mcp;

/// <summary>What passes between clients in sessions and servers besides calls and their results.</summary>
public sealed class SessionTests
{
    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public async Task A_cancelled_request_is_on_record_as_the_clients_doing_and_gets_no_answer(bool server, bool events)
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: server);
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        upstream.Fault = async (context, body) =>
        {
            if ((string?)body["method"] != "tools/call")
                return false;
            // The headers are in: the call is under way, and only its answer is missing.
            context.Response.ContentType = events ? "text/event-stream" : "application/json";
            await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(events ? """data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":1}}""" + "\n\n" : " "));
            await context.Response.Body.FlushAsync();
            reached.TrySetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            return true;
        };
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);
        var session = await GatewaySession.OpenAsync(gateway);

        var call = session.SendAsync("tools/call", new JsonObject { ["name"] = "github__echo", ["_meta"] = new JsonObject { ["progressToken"] = "p" } });
        await reached.Task;
        using var cancelled = await session.PostAsync(JsonNode.Parse("""{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"req-1"}}""")!);
        using var response = await call;
        var said = await response.Content.ReadAsStringAsync();

        Assert.Equal(HttpStatusCode.Accepted, cancelled.StatusCode);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        Assert.DoesNotContain("req-1", said);
        var recorded = Assert.Single(ports.Audit, happened => happened is { Type: "api.call", Capability: "github:echo" });
        Assert.Equal(("warn", "client_cancelled"), (recorded.Status, recorded.ErrorType));
    }

    [Fact]
    public async Task An_older_server_asks_an_older_client_for_its_roots()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: false);
        var roots = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        upstream.Fault = async (context, body) =>
        {
            if (body["result"]?["roots"] is { } told)
            {
                context.Response.StatusCode = 202;
                roots.TrySetResult((string?)told[0]!["uri"]);
                return true;
            }
            if ((string?)body["method"] != "tools/call")
                return false;
            context.Response.ContentType = "text/event-stream";
            await SayAsync(context, """{"jsonrpc":"2.0","id":"r1","method":"roots/list"}""");
            await SayAsync(context, $$$"""{"jsonrpc":"2.0","id":{{{body["id"]!.ToJsonString()}}},"result":{"content":[{"type":"text","text":"{{{await roots.Task}}}"}]}}""");
            return true;
        };
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);
        var session = await GatewaySession.OpenAsync(gateway, capabilities: new JsonObject { ["roots"] = new JsonObject { ["listChanged"] = true } });

        using var response = await session.SendAsync("tools/call", new JsonObject { ["name"] = "github__echo" });
        JsonNode? answer = null;
        await foreach (var message in GatewaySession.EventsAsync(response))
        {
            answer = message;
            if ((string?)message["method"] != "roots/list")
                continue;
            using var taken = await session.PostAsync(new JsonObject { ["jsonrpc"] = "2.0", ["id"] = message["id"]!.DeepClone(), ["result"] = new JsonObject { ["roots"] = new JsonArray(new JsonObject { ["uri"] = "file:///work" }) } });
            Assert.Equal(HttpStatusCode.Accepted, taken.StatusCode);
        }

        Assert.Equal("file:///work", (string?)answer!["result"]!["content"]![0]!["text"]);
        Assert.Equal("""{"listChanged":true}""", upstream.SeenOf("initialize").Last().Body["params"]!["capabilities"]!["roots"]!.ToJsonString());
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task A_client_hears_that_the_prompts_of_a_server_changed(bool client, bool server)
    {
        const string Changed = """{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}""";
        await using var upstream = await McpServerDouble.StartAsync(modern: server);
        upstream.Capabilities = """{"tools":{},"prompts":{"listChanged":true}}""";
        upstream.Fault = (context, body) => (string?)body["method"] == "subscriptions/listen" ? TellAsync(context) : Task.FromResult(false);
        upstream.Listening = TellAsync;
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        using var response = client
            ? await gateway.SendAsync(true, "subscriptions/listen", new JsonObject { ["notifications"] = new JsonObject { ["promptsListChanged"] = true } }, "/mcp/github")
            : await (await GatewaySession.OpenAsync(gateway, "/mcp/github")).ListenAsync();
        await foreach (var message in GatewaySession.EventsAsync(response))
        {
            if ((string?)message["method"] == "notifications/prompts/list_changed")
                return;
        }

        Assert.Fail("The stream ended without the change.");

        static async Task<bool> TellAsync(HttpContext context)
        {
            context.Response.ContentType = "text/event-stream";
            await SayAsync(context, Changed);
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            return true;
        }
    }

    [Fact]
    public async Task An_older_client_of_all_integrations_hears_that_its_tools_changed()
    {
        await using var world = await ApprovalWorld.StartAsync();
        using var http = new HttpClient { BaseAddress = world.Kontext.Address };
        HttpRequestMessage Of(HttpMethod method, string? session)
        {
            var request = new HttpRequestMessage(method, "/mcp");
            request.Headers.Authorization = new("Bearer", world.Token);
            request.Headers.Accept.ParseAdd("text/event-stream");
            if (session is not null)
                request.Headers.Add("Mcp-Session-Id", session);
            return request;
        }
        using var initialize = Of(HttpMethod.Post, session: null);
        initialize.Headers.Accept.ParseAdd("application/json");
        initialize.Content = new StringContent(GatewaySession.Request(1, "initialize", new JsonObject { ["protocolVersion"] = "2025-06-18", ["capabilities"] = new JsonObject(), ["clientInfo"] = new JsonObject { ["name"] = "test", ["version"] = "1" } }).ToJsonString(), Encoding.UTF8, "application/json");
        using var greeting = await http.SendAsync(initialize);
        using var listen = Of(HttpMethod.Get, greeting.Headers.GetValues("Mcp-Session-Id").Single());
        using var stream = await http.SendAsync(listen, HttpCompletionOption.ResponseHeadersRead);
        // What the stream compares with is read after it was opened.
        while (!world.Upstream.SeenOf("tools/list").Any())
            await Task.Delay(50, TestContext.Current.CancellationToken);

        using var done = new CancellationTokenSource();
        var changing = ChangeAsync(world, done.Token);
        string? heard = null;
        await foreach (var message in GatewaySession.EventsAsync(stream))
        {
            heard = (string?)message["method"];
            break;
        }
        await done.CancelAsync();
        await changing;

        Assert.Equal("notifications/tools/list_changed", heard);
        Assert.True((bool)JsonNode.Parse(await greeting.Content.ReadAsStringAsync())!["result"]!["capabilities"]!["tools"]!["listChanged"]!);
    }

    // Whether the stream had looked before the first change cannot be seen from outside: the tool comes and goes until it is told of.
    private static async Task ChangeAsync(ApprovalWorld world, CancellationToken done)
    {
        while (!done.IsCancellationRequested)
        {
            var rule = (await world.Agent.ApiAsync(HttpMethod.Post, "/policy/rules", world.Owner, new JsonObject { ["action"] = "deny", ["level"] = "org", ["toolName"] = "delete_item" })).Json!["rule"]!;
            await Task.Delay(3000, done).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await world.Agent.ApiAsync(HttpMethod.Delete, $"/policy/rules/{(string?)rule["id"]}", world.Owner);
            await Task.Delay(3000, done).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task SayAsync(HttpContext context, string message)
    {
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes($"data: {message}\n\n"));
        await context.Response.Body.FlushAsync();
    }
}
