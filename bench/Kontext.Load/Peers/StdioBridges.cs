using System.Globalization;
using Kontext.Testing;

namespace Kontext.Load.Peers;

/// <summary>Programs that put an MCP server on HTTP, in front of the same small server over stdio. They know no people, no policy and no record of calls.</summary>
public static class StdioBridges
{
    private const string Initialize = """{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"bench","version":"1.0.0"}}}""";
    private const string Initialized = """{"jsonrpc":"2.0","method":"notifications/initialized"}""";

    /// <summary>mcp-proxy.</summary>
    public static Task<(NodePeer Peer, Side Side)> McpProxyAsync() => StartAsync("mcp-proxy", port =>
        ["node_modules/mcp-proxy/dist/bin/mcp-proxy.mjs", "--host", "127.0.0.1", "--port", port, "--server", "stream", "--", "node", "stdio-echo.mjs"]);

    /// <summary>supergateway.</summary>
    public static Task<(NodePeer Peer, Side Side)> SupergatewayAsync() => StartAsync("supergateway", port =>
        ["node_modules/supergateway/dist/index.js", "--stdio", "node stdio-echo.mjs", "--outputTransport", "streamableHttp", "--stateful", "--port", port, "--logLevel", "none"]);

    private static async Task<(NodePeer Peer, Side Side)> StartAsync(string name, Func<string, string[]> arguments)
    {
        var port = KontextServer.FreePort();
        var endpoint = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/mcp"));
        var peer = await NodePeer.StartAsync(endpoint, arguments(port.ToString(CultureInfo.InvariantCulture)));
        // One session for all connections: each starts a server process of its own.
        using var http = new HttpClient();
        using var greeting = Requests.Message(endpoint, Initialize);
        using var greeted = await http.SendAsync(greeting);
        greeted.EnsureSuccessStatusCode();
        var session = greeted.Headers.TryGetValues("Mcp-Session-Id", out var values) ? values.Single() : null;
        using var ready = Requests.Message(endpoint, Initialized);
        if (session is not null)
            ready.Headers.Add("Mcp-Session-Id", session);
        (await http.SendAsync(ready)).Dispose();
        // Ids that are under way must differ in a session.
        var next = 0;
        return (peer, Side.Of(name, _ => Requests.Call(endpoint, session, Interlocked.Increment(ref next)), peer.ProcessId));
    }
}
