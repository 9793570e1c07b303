using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kontext.Chaos;

/// <summary>The MCP servers of all integrations (2026-07-28), one address each, with a tool that echoes. Each takes the access tokens of its own account and no others.</summary>
internal sealed class ToolServer : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentDictionary<string, string> accounts;
    private readonly Journal journal;

    private ToolServer(WebApplication app, ConcurrentDictionary<string, string> accounts, Journal journal) => (this.app, this.accounts, this.journal) = (app, accounts, journal);

    /// <summary>The server of an account.</summary>
    public Uri AddressOf(string account) => new($"{app.Urls.First()}/{account}/mcp");

    /// <summary>Starts it in this process.</summary>
    /// <param name="accounts">Whose each access token is.</param>
    /// <param name="journal">Where a foreign token is written down.</param>
    public static async Task<ToolServer> StartAsync(ConcurrentDictionary<string, string> accounts, Journal journal)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(static kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var server = new ToolServer(builder.Build(), accounts, journal);
        server.app.MapPost("/{account}/mcp", server.AnswerAsync);
        await server.app.StartAsync();
        return server;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        var account = (string)context.Request.RouteValues["account"]!;
        var authorization = context.Request.Headers.Authorization.ToString();
        if (!authorization.StartsWith("Bearer ", StringComparison.Ordinal) || !accounts.TryGetValue(authorization[7..], out var owner))
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return;
        }
        if (owner != account)
            journal.Breaches.Enqueue(new Breach(journal.Now, $"The server of {account} was called with a token of {owner}."));
        using var message = await JsonDocument.ParseAsync(context.Request.Body);
        var result = message.RootElement.GetProperty("method").GetString() switch
        {
            "server/discover" => """{"resultType":"complete","ttlMs":60000,"cacheScope":"public","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}""",
            "tools/list" => """{"resultType":"complete","ttlMs":60000,"cacheScope":"public","tools":[{"name":"echo","inputSchema":{"type":"object","properties":{"text":{"type":"string"}}}}]}""",
            "tools/call" => """{"resultType":"complete","content":[{"type":"text","text":"hello"}]}""",
            var other => throw new InvalidOperationException($"Nobody here asks for {other}."),
        };
        journal.Count("tool calls that reached their server");
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync($$"""{"jsonrpc":"2.0","id":{{message.RootElement.GetProperty("id").GetRawText()}},"result":{{result}}}""");
    }
}
