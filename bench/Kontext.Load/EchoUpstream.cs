using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Kontext.Load;

/// <summary>The smallest MCP server (2026-07-28) that has tools, and the smallest API: they want a bearer token and do nothing else, so that what is measured through the gateway is the gateway.
/// <c>echo</c> answers with what it is given, <c>large</c> with a megabyte, <c>stream</c> with twenty reports of progress and then a result; <c>GET /notes/1</c> with a note.</summary>
public sealed class EchoUpstream : IAsyncDisposable
{
    /// <summary>The token it wants.</summary>
    public const string Token = "upstream-token";

    private const int LargeCharacters = 1024 * 1024;
    private const int Reports = 20;

    // As a server would send it that reads a document: text in which every line end is escaped.
    private static readonly byte[] Large = Encoding.UTF8.GetBytes(
        "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"" + string.Concat(Enumerable.Repeat(new string('a', 62) + "\\n", LargeCharacters / 64)) + "\"}]}}");

    private readonly WebApplication app;

    private EchoUpstream(WebApplication app, Uri address) => (this.app, Address) = (app, address);

    /// <summary>Its MCP endpoint.</summary>
    public Uri Address { get; }

    /// <summary>Its API.</summary>
    public Uri Api => new(Address, "/api");

    /// <summary>Starts it in this process on a free port.</summary>
    public static async Task<EchoUpstream> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        app.Use(static (context, next) =>
        {
            if (context.Request.Headers.Authorization == "Bearer " + Token)
                return next(context);
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return Task.CompletedTask;
        });
        app.MapPost("/mcp", AnswerAsync);
        app.MapGet("/api/notes/1", static context =>
        {
            context.Response.ContentType = "application/json";
            return context.Response.WriteAsync("""{"id":1,"title":"Milk","done":false}""");
        });
        await app.StartAsync();
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return new EchoUpstream(app, new Uri(address + "/mcp"));
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => app.DisposeAsync();

    private static async Task AnswerAsync(HttpContext context)
    {
        using var message = await JsonDocument.ParseAsync(context.Request.Body);
        var id = message.RootElement.GetProperty("id").GetRawText();
        var parameters = message.RootElement.TryGetProperty("params", out var given) ? given : default;
        context.Response.ContentType = "application/json";
        switch (message.RootElement.GetProperty("method").GetString())
        {
            case "server/discover":
                await ResultAsync(context, id, """{"resultType":"complete","ttlMs":60000,"cacheScope":"public","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}""");
                break;
            case "tools/list":
                await ResultAsync(context, id, """{"resultType":"complete","ttlMs":60000,"cacheScope":"public","tools":[{"name":"echo","inputSchema":{"type":"object","properties":{"text":{"type":"string"}}}},{"name":"large","inputSchema":{"type":"object"}},{"name":"stream","inputSchema":{"type":"object"}}]}""");
                break;
            case "tools/call" when parameters.GetProperty("name").GetString() == "large":
                await context.Response.WriteAsync($$"""{"jsonrpc":"2.0","id":{{id}},"result":""");
                await context.Response.Body.WriteAsync(Large);
                break;
            case "tools/call" when parameters.GetProperty("name").GetString() == "stream":
                await StreamAsync(context, id, parameters.GetProperty("_meta").GetProperty("progressToken").GetRawText());
                break;
            case "tools/call":
                await ResultAsync(context, id, $$"""{"resultType":"complete","content":[{"type":"text","text":{{parameters.GetProperty("arguments").GetProperty("text").GetRawText()}}}]}""");
                break;
            default:
                throw new InvalidOperationException("The bench asks for nothing else.");
        }
    }

    private static Task ResultAsync(HttpContext context, string id, string result) => context.Response.WriteAsync($$"""{"jsonrpc":"2.0","id":{{id}},"result":{{result}}}""");

    // Each report leaves on its own, as from a server that works in between.
    private static async Task StreamAsync(HttpContext context, string id, string token)
    {
        context.Response.ContentType = "text/event-stream";
        for (var report = 1; report <= Reports; report++)
        {
            await context.Response.WriteAsync(
                $$$"""event: message{{{"\n"}}}data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":{{{token}}},"progress":{{{report}}},"total":{{{Reports}}}}}{{{"\n\n"}}}""");
            await context.Response.Body.FlushAsync();
        }
        await context.Response.WriteAsync("event: message\ndata: ");
        await ResultAsync(context, id, """{"resultType":"complete","content":[{"type":"text","text":"done"}]}""");
        await context.Response.WriteAsync("\n\n");
    }
}
