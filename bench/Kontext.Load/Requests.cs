using System.Globalization;
using System.Net.Http.Headers;
using System.Text;

namespace Kontext.Load;

/// <summary>The requests that are sent.</summary>
public static class Requests
{
    private const string Modern = "2026-07-28";

    /// <summary>A form to a token endpoint; <paramref name="basic"/> is <c>id:secret</c> and takes the place of credentials in the form.</summary>
    public static HttpRequestMessage Form(Uri endpoint, IReadOnlyDictionary<string, string> form, string? basic = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, endpoint)
        {
            Content = new FormUrlEncodedContent(basic is null ? form : form.Where(field => field.Key is not ("client_id" or "client_secret"))),
        };
        if (basic is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes(basic)));
        return request;
    }

    /// <summary>A tool call of 2026-07-28.</summary>
    public static HttpRequestMessage Call(Uri endpoint, string tool, string token)
    {
        var request = Message(endpoint, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"" + tool + "\",\"arguments\":{\"text\":\"hello\"},"
            + "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"" + Modern + "\",\"io.modelcontextprotocol/clientCapabilities\":{},\"progressToken\":1}}}");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        request.Headers.Add("MCP-Protocol-Version", Modern);
        request.Headers.Add("Mcp-Method", "tools/call");
        request.Headers.Add("Mcp-Name", tool);
        return request;
    }

    /// <summary>A tool call of 2025-06-18 in a session, with an id of its own.</summary>
    public static HttpRequestMessage Call(Uri endpoint, string? session, int id)
    {
        var request = Message(endpoint, string.Create(CultureInfo.InvariantCulture, $$"""{"jsonrpc":"2.0","id":{{id}},"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"} } }"""));
        request.Headers.Add("MCP-Protocol-Version", "2025-06-18");
        if (session is not null)
            request.Headers.Add("Mcp-Session-Id", session);
        return request;
    }

    /// <summary>Any message to an MCP server.</summary>
    public static HttpRequestMessage Message(Uri endpoint, string body)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, endpoint) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Accept.ParseAdd("application/json");
        request.Headers.Accept.ParseAdd("text/event-stream");
        return request;
    }

    /// <summary>A request to the REST proxy or an API.</summary>
    public static HttpRequestMessage Get(Uri address, string token)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return request;
    }
}
