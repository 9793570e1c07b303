using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kontext.Functions.Tests.Mcp;

/// <summary>One request as an MCP server saw it.</summary>
internal sealed record SeenRequest(string? Method, JsonNode Body, IReadOnlyDictionary<string, string> Headers);

/// <summary>An MCP server behind a bearer token: of 2026-07-28, or of an older revision with sessions. It is strict about what each revision demands, and misbehaves on demand.</summary>
internal sealed class McpServerDouble : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentDictionary<string, bool> sessions = [];

    private McpServerDouble(WebApplication app, bool modern) => (this.app, Modern) = (app, modern);

    public bool Modern { get; set; }

    public Uri Url => new(app.Urls.First() + "/mcp");

    public ConcurrentQueue<SeenRequest> Seen { get; } = [];

    public HashSet<string> Tokens { get; } = ["upstream-secret-1"];

    /// <summary>Answers instead of the ordinary server; returns whether it did.</summary>
    public Func<HttpContext, JsonNode, Task<bool>> Fault { get; set; } = static (_, _) => Task.FromResult(false);

    public bool Events { get; set; }

    /// <summary>The revision it speaks when it is not modern.</summary>
    public string Version { get; set; } = "2025-11-25";

    /// <summary>What it declares.</summary>
    public string Capabilities { get; set; } = """{"tools":{},"resources":{},"prompts":{}}""";

    /// <summary>Serves the stream of a session; null for a server without one.</summary>
    public Func<HttpContext, Task>? Listening { get; set; }

    /// <summary>Its resources, and what else its list says.</summary>
    public string ResourcesJson { get; set; } = """[{"uri":"demo://1","name":"one"}]""";

    public string TemplatesJson { get; set; } = "[]";

    public string PromptsJson { get; set; } = "[]";

    public string ToolsJson { get; set; } = """
        [{"name":"echo","description":"Echoes","inputSchema":{"type":"object","properties":{"text":{"type":"string"}},"x-unknown":{"kept":[1,2.50,"\u00e9"]}}},
         {"name":"delete_item","inputSchema":{"type":"object"}}]
        """;

    public static async Task<McpServerDouble> StartAsync(bool modern)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var server = new McpServerDouble(app, modern);
        app.Run(server.ServeAsync);
        await app.StartAsync();
        return server;
    }

    public IEnumerable<SeenRequest> SeenOf(string method) => Seen.Where(request => request.Method == method);

    public void DropSessions() => sessions.Clear();

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task ServeAsync(HttpContext context)
    {
        if (HttpMethods.IsGet(context.Request.Method))
        {
            if (Listening is not null)
                await Listening(context);
            else if (!await Fault(context, new JsonObject()))
                context.Response.StatusCode = 405;
            return;
        }
        var body = (await JsonNode.ParseAsync(context.Request.Body))!;
        var method = (string?)body["method"];
        Seen.Enqueue(new SeenRequest(method, body, context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase)));
        if (await Fault(context, body))
            return;
        if (context.Request.Headers.Authorization.ToString() is var authorization && (!authorization.StartsWith("Bearer ", StringComparison.Ordinal) || !Tokens.Contains(authorization[7..])))
        {
            context.Response.StatusCode = 401;
            return;
        }
        await (Modern ? ServeModernAsync(context, body, method) : ServeLegacyAsync(context, body, method));
    }

    private async Task ServeModernAsync(HttpContext context, JsonNode body, string? method)
    {
        var headers = context.Request.Headers;
        if (headers["MCP-Protocol-Version"] != "2026-07-28" || headers["Mcp-Method"] != method || (method == "tools/call" && headers["Mcp-Name"] != (string?)body["params"]!["name"]))
            await ErrorAsync(context, body, 400, -32020, "header mismatch");
        else if (body["params"]!["_meta"]?["io.modelcontextprotocol/clientCapabilities"] is not JsonObject)
            await ErrorAsync(context, body, 400, -32602, "capabilities missing");
        else if (method == "tools/call" && (string?)body["params"]!["name"] == "region" && headers["Mcp-Param-Region"] != (string?)body["params"]!["arguments"]!["region"])
            await ErrorAsync(context, body, 400, -32020, "parameter header mismatch");
        else if (method == "server/discover")
            await ResultAsync(context, body, $$"""{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{{Capabilities}},"ttlMs":0,"cacheScope":"public"}""");
        else
            await ServeMethodAsync(context, body, method, ",\"resultType\":\"complete\",\"ttlMs\":5,\"cacheScope\":\"public\"");
    }

    private async Task ServeLegacyAsync(HttpContext context, JsonNode body, string? method)
    {
        if (method == "initialize")
        {
            var session = Guid.NewGuid().ToString("N");
            sessions[session] = true;
            context.Response.Headers["Mcp-Session-Id"] = session;
            await ResultAsync(context, body, $$"""{"protocolVersion":"{{Version}}","capabilities":{{Capabilities}},"serverInfo":{"name":"double","version":"1"} }""");
        }
        else if (context.Request.Headers["Mcp-Session-Id"].ToString() is var id && !sessions.ContainsKey(id))
            await ErrorAsync(context, body, id.Length > 0 ? 404 : 400, -32000, "Session not found");
        // From 2025-06-18 on, each request names the revision that was agreed on (MCP 2025-06-18, transports).
        else if (string.CompareOrdinal(Version, "2025-06-18") >= 0 && context.Request.Headers["MCP-Protocol-Version"] != Version)
            await ErrorAsync(context, body, 400, -32000, "Another revision was agreed on");
        else if (body["params"]?["_meta"] is JsonObject meta && meta.Any(member => member.Key.StartsWith("io.modelcontextprotocol/", StringComparison.Ordinal)))
            await ErrorAsync(context, body, 200, -32602, "modern metadata in an older revision");
        else if (body["id"] is null)
            context.Response.StatusCode = 202;
        else
            await ServeMethodAsync(context, body, method, "");
    }

    private Task ServeMethodAsync(HttpContext context, JsonNode body, string? method, string modern) => method switch
    {
        "tools/list" => ResultAsync(context, body, $$"""{"tools":{{ToolsJson}}{{modern}}}"""),
        "tools/call" => ResultAsync(context, body, $$"""{"content":[{"type":"text","text":{{(body["params"]!["arguments"]?["text"] ?? "").ToJsonString()}}}]{{modern}}}"""),
        "resources/list" => ResultAsync(context, body, $$"""{"resources":{{ResourcesJson}}{{modern}}}"""),
        "resources/templates/list" => ResultAsync(context, body, $$"""{"resourceTemplates":{{TemplatesJson}}{{modern}}}"""),
        "prompts/list" => ResultAsync(context, body, $$"""{"prompts":{{PromptsJson}}{{modern}}}"""),
        "prompts/get" => ResultAsync(context, body, $$"""{"messages":[]{{modern}}}"""),
        "resources/read" => ResultAsync(context, body, $$"""{"contents":[{"uri":"demo://1","text":"one"}]{{modern}}}"""),
        _ => ErrorAsync(context, body, Modern ? 404 : 200, -32601, "Method not found"),
    };

    private async Task ResultAsync(HttpContext context, JsonNode body, string result)
    {
        // The id comes last on purpose: nothing promises an order of members.
        var message = $$"""{"jsonrpc":"2.0","result":{{result.ReplaceLineEndings(" ")}},"id":{{body["id"]!.ToJsonString()}}}""";
        if (!Events)
        {
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(message);
            return;
        }
        context.Response.ContentType = "text/event-stream";
        await context.Response.WriteAsync(": hello\r\n\r\nid: 1\r\ndata:\r\n\r\n");
        if (body["params"]?["_meta"]?["progressToken"] is { } token)
            await context.Response.WriteAsync($$$"""data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":{{{token.ToJsonString()}}},"progress":1}}""" + "\n\n");
        await context.Response.WriteAsync($"event: message\ndata: {message}\n\n");
    }

    private static async Task ErrorAsync(HttpContext context, JsonNode body, int status, int code, string message)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync($$$"""{"jsonrpc":"2.0","id":{{{body["id"]?.ToJsonString() ?? "null"}}},"error":{"message":"{{{message}}}","code":{{{code}}} } }""");
    }
}
