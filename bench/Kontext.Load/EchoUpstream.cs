using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Kontext.Load;

/// <summary>The smallest MCP server (2026-07-28) that has a tool: echo. It wants a bearer token and answers with JSON, so that what is measured through the gateway is the gateway.</summary>
public sealed class EchoUpstream : IAsyncDisposable
{
    /// <summary>The token it wants.</summary>
    public const string Token = "upstream-token";

    private readonly WebApplication app;

    private EchoUpstream(WebApplication app, Uri address) => (this.app, Address) = (app, address);

    /// <summary>Its MCP endpoint.</summary>
    public Uri Address { get; }

    /// <summary>Starts it in this process on a free port.</summary>
    public static async Task<EchoUpstream> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        app.MapPost("/mcp", AnswerAsync);
        await app.StartAsync();
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return new EchoUpstream(app, new Uri(address + "/mcp"));
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => app.DisposeAsync();

    private static async Task AnswerAsync(HttpContext context)
    {
        if (context.Request.Headers.Authorization != "Bearer " + Token)
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return;
        }
        using var message = await JsonDocument.ParseAsync(context.Request.Body);
        var result = message.RootElement.GetProperty("method").GetString() switch
        {
            "server/discover" => """{"resultType":"complete","ttlMs":60000,"cacheScope":"public","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}""",
            "tools/list" => """{"resultType":"complete","ttlMs":60000,"cacheScope":"public","tools":[{"name":"echo","inputSchema":{"type":"object","properties":{"text":{"type":"string"}}}}]}""",
            "tools/call" => $$"""{"resultType":"complete","content":[{"type":"text","text":{{message.RootElement.GetProperty("params").GetProperty("arguments").GetProperty("text").GetRawText()}}}]}""",
            _ => throw new InvalidOperationException("The bench asks for nothing else."),
        };
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync($$"""{"jsonrpc":"2.0","id":{{message.RootElement.GetProperty("id").GetRawText()}},"result":{{result}}}""");
    }
}
