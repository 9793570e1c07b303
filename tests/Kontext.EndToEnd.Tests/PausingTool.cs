using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kontext.EndToEnd.Tests;

/// <summary>An MCP server of 2026-07-28 with two tools: <c>ping</c> answers at once; <c>export</c> begins to stream, waits until the test lets it go on, and streams the rest.</summary>
internal sealed class PausingTool : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly TaskCompletionSource goOn = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private PausingTool(WebApplication app) => this.app = app;

    /// <summary>How much is streamed: one message of progress each, and the result's text.</summary>
    public const int Parts = 200;

    public Uri Url => new(app.Urls.First() + "/mcp");

    /// <summary>What the export's result says.</summary>
    public static string Result { get; } = string.Concat(Enumerable.Repeat("0123456789", 20_000));

    public static async Task<PausingTool> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var server = new PausingTool(app);
        app.Run(server.ServeAsync);
        await app.StartAsync();
        return server;
    }

    /// <summary>Lets exports go on to their end.</summary>
    public void GoOn() => goOn.TrySetResult();

    public ValueTask DisposeAsync()
    {
        GoOn();
        return app.DisposeAsync();
    }

    private async Task ServeAsync(HttpContext context)
    {
        var request = (await JsonNode.ParseAsync(context.Request.Body))!;
        switch ((string?)request["method"])
        {
            case "server/discover":
                await AnswerAsync(context, request, """{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"public"}""");
                break;
            case "tools/list":
                await AnswerAsync(context, request, """{"resultType":"complete","tools":[{"name":"ping","inputSchema":{"type":"object"}},{"name":"export","inputSchema":{"type":"object"}}],"ttlMs":0,"cacheScope":"public"}""");
                break;
            case "tools/call" when (string?)request["params"]!["name"] == "export":
                await ExportAsync(context, request);
                break;
            default:
                await AnswerAsync(context, request, """{"resultType":"complete","content":[{"type":"text","text":"pong"}]}""");
                break;
        }
    }

    private async Task ExportAsync(HttpContext context, JsonNode request)
    {
        context.Response.ContentType = "text/event-stream";
        for (var part = 1; part <= Parts; part++)
        {
            if (part == Parts / 2)
                await goOn.Task;
            await context.Response.WriteAsync($$$"""data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"export","progress":{{{part}}}}}""" + "\n\n");
            await context.Response.Body.FlushAsync();
        }
        await context.Response.WriteAsync($$$"""data: {"jsonrpc":"2.0","id":{{{request["id"]!.ToJsonString()}}},"result":{"resultType":"complete","content":[{"type":"text","text":"{{{Result}}}"}]}}""" + "\n\n");
    }

    private static Task AnswerAsync(HttpContext context, JsonNode request, string result)
    {
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync($$"""{"jsonrpc":"2.0","id":{{request["id"]!.ToJsonString()}},"result":{{result}}}""");
    }
}
