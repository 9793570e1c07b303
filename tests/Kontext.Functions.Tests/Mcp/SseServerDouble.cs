using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kontext.Functions.Tests.Mcp;

/// <summary>An MCP server of HTTP+SSE (2024-11-05): a stream for all it says, and an address for what it is told.</summary>
internal sealed class SseServerDouble : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentDictionary<string, Channel<string>> streams = new(StringComparer.Ordinal);

    private SseServerDouble(WebApplication app) => this.app = app;

    public Uri Url => new(app.Urls.First() + "/sse");

    /// <summary>The methods of the messages it was told, and the verb of everything else.</summary>
    public ConcurrentQueue<string> Seen { get; } = [];

    public static async Task<SseServerDouble> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var server = new SseServerDouble(app);
        app.Run(server.ServeAsync);
        await app.StartAsync();
        return server;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private Task ServeAsync(HttpContext context)
    {
        if (HttpMethods.IsGet(context.Request.Method))
            return SpeakAsync(context);
        if (HttpMethods.IsPost(context.Request.Method) && context.Request.Path == "/messages")
            return TakeAsync(context);
        Seen.Enqueue(context.Request.Method);
        context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
        return Task.CompletedTask;
    }

    private async Task SpeakAsync(HttpContext context)
    {
        Seen.Enqueue("GET");
        var name = Guid.NewGuid().ToString("N");
        var said = streams[name] = Channel.CreateUnbounded<string>();
        context.Response.ContentType = "text/event-stream";
        await context.Response.WriteAsync($"event: endpoint\ndata: /messages?stream={name}\n\n");
        await context.Response.Body.FlushAsync();
        try
        {
            await foreach (var message in said.Reader.ReadAllAsync(context.RequestAborted))
            {
                await context.Response.WriteAsync($"event: message\ndata: {message}\n\n");
                await context.Response.Body.FlushAsync();
            }
        }
        catch (OperationCanceledException)
        {
            // The client is gone.
        }
    }

    private async Task TakeAsync(HttpContext context)
    {
        var message = (await JsonNode.ParseAsync(context.Request.Body))!;
        Seen.Enqueue((string?)message["method"] ?? "answer");
        context.Response.StatusCode = StatusCodes.Status202Accepted;
        if (message["id"] is not { } id || message["method"] is null)
            return;
        var result = (string?)message["method"] switch
        {
            "initialize" => """{"protocolVersion":"2024-11-05","capabilities":{"tools":{}},"serverInfo":{"name":"sse","version":"1"}}""",
            "tools/list" => """{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}""",
            _ => """{"content":[]}""",
        };
        await streams[context.Request.Query["stream"].ToString()].Writer.WriteAsync($$"""{"jsonrpc":"2.0","id":{{id.ToJsonString()}},"result":{{result}}}""");
    }
}
