using System.Net.Http.Headers;
using System.Text;

namespace Kontext.Load;

/// <summary>The requests of the scenarios.</summary>
internal static class Requests
{
    /// <summary>Exchanges the person's token for what is stored for an integration (RFC 8693).</summary>
    public static HttpRequestMessage Exchange(Workplace workplace) => new(HttpMethod.Post, new Uri(workplace.Kontext.Url, "/oauth2/token"))
    {
        Content = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "urn:ietf:params:oauth:grant-type:token-exchange",
            ["client_id"] = workplace.ClientId,
            ["subject_token_type"] = "urn:ietf:params:oauth:token-type:access_token",
            ["subject_token"] = workplace.AccessToken,
            ["resource"] = "notes",
        }),
    };

    /// <summary>Calls a tool (MCP 2026-07-28), directly or through the gateway.</summary>
    public static HttpRequestMessage Call(Uri endpoint, string tool, string token)
    {
        var body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"" + tool + "\",\"arguments\":{\"text\":\"hello\"},"
            + "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\"io.modelcontextprotocol/clientCapabilities\":{},\"progressToken\":1}}}";
        var request = new HttpRequestMessage(HttpMethod.Post, endpoint) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        request.Headers.Accept.ParseAdd("application/json");
        request.Headers.Accept.ParseAdd("text/event-stream");
        request.Headers.Add("MCP-Protocol-Version", "2026-07-28");
        request.Headers.Add("Mcp-Method", "tools/call");
        request.Headers.Add("Mcp-Name", tool);
        return request;
    }

    /// <summary>Reads a note from an API, directly or through the proxy.</summary>
    public static HttpRequestMessage Get(Uri note, string token)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, note);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return request;
    }
}
