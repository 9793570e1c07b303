using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Kontext.Functions.Tests.Mcp;

/// <summary>A client of an older revision in a session of its own.</summary>
internal sealed class GatewaySession(GatewayApp gateway, string id, string version, string path)
{
    public static async Task<GatewaySession> OpenAsync(GatewayApp gateway, string path = "/mcp", JsonObject? capabilities = null, string version = "2025-11-25")
    {
        using var greeting = await gateway.SendAsync(modern: false, "initialize", new JsonObject { ["protocolVersion"] = version, ["capabilities"] = capabilities ?? [], ["clientInfo"] = new JsonObject { ["name"] = "test", ["version"] = "1" } }, path);
        return new GatewaySession(gateway, greeting.Headers.GetValues("Mcp-Session-Id").Single(), version, path);
    }

    /// <summary>Sends a message, or several as a batch.</summary>
    public Task<HttpResponseMessage> PostAsync(JsonNode message)
    {
        var request = Of(HttpMethod.Post);
        request.Headers.Accept.ParseAdd("application/json");
        request.Content = new StringContent(message.ToJsonString(), Encoding.UTF8, "application/json");
        return gateway.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    public Task<HttpResponseMessage> SendAsync(string method, JsonObject? parameters = null) => PostAsync(Request("req-1", method, parameters));

    public async Task<JsonNode> AskAsync(string method, JsonObject? parameters = null)
    {
        using var response = await SendAsync(method, parameters);
        return (await GatewayApp.MessagesAsync(response))[^1];
    }

    /// <summary>Opens the session's stream.</summary>
    public Task<HttpResponseMessage> ListenAsync() => gateway.SendAsync(Of(HttpMethod.Get), HttpCompletionOption.ResponseHeadersRead);

    public static JsonObject Request(JsonNode id, string method, JsonObject? parameters = null) => new() { ["jsonrpc"] = "2.0", ["id"] = id, ["method"] = method, ["params"] = parameters ?? [] };

    /// <summary>The messages of a stream as they come.</summary>
    public static async IAsyncEnumerable<JsonNode> EventsAsync(HttpResponseMessage response)
    {
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        while (await reader.ReadLineAsync() is { } line)
        {
            if (line.StartsWith("data: ", StringComparison.Ordinal))
                yield return JsonNode.Parse(line[6..])!;
        }
    }

    private HttpRequestMessage Of(HttpMethod method)
    {
        var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", "agent-token");
        request.Headers.Accept.ParseAdd("text/event-stream");
        request.Headers.Add("Mcp-Session-Id", id);
        // Clients of 2025-03-26 know no such header.
        if (version != "2025-03-26")
            request.Headers.Add("MCP-Protocol-Version", version);
        return request;
    }
}
