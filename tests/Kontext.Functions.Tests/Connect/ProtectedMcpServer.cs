using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kontext.Functions.Tests.Connect;

/// <summary>An MCP server that demands tokens of an authorization server and says so as RFC 9728 has it. Its tool <c>write</c> demands a scope of its own.</summary>
internal sealed class ProtectedMcpServer : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly HttpClient http = new();
    private readonly string[] issuers;

    private ProtectedMcpServer(WebApplication app, string[] issuers) => (this.app, this.issuers) = (app, issuers);

    /// <summary>The MCP endpoint.</summary>
    public string Url => app.Urls.First() + "/mcp";

    /// <summary>What the metadata says it is about; null for the truth.</summary>
    public string? Resource { get; set; }

    public static async Task<ProtectedMcpServer> StartAsync(params string[] issuers)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var server = new ProtectedMcpServer(app, issuers);
        app.MapGet("/.well-known/oauth-protected-resource/mcp", server.MetadataAsync);
        app.MapPost("/mcp", server.ServeAsync);
        await app.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await app.DisposeAsync();
    }

    private Task MetadataAsync(HttpContext context)
    {
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(new JsonObject
        {
            ["resource"] = Resource ?? Url,
            ["authorization_servers"] = new JsonArray([.. issuers.Select(issuer => (JsonNode)issuer)]),
            ["scopes_supported"] = new JsonArray("openid", "api.read"),
        }.ToJsonString());
    }

    private async Task ServeAsync(HttpContext context)
    {
        var body = (await JsonNode.ParseAsync(context.Request.Body))!;
        var metadata = $"resource_metadata=\"{app.Urls.First()}/.well-known/oauth-protected-resource/mcp\"";
        if (await ScopesAsync(context.Request.Headers.Authorization.ToString()) is not { } scopes)
        {
            context.Response.StatusCode = 401;
            context.Response.Headers.WWWAuthenticate = $"Bearer {metadata}";
            return;
        }
        var method = (string?)body["method"];
        if (method == "tools/call" && (string?)body["params"]!["name"] == "write" && !scopes.Contains("api.write"))
        {
            context.Response.StatusCode = 403;
            context.Response.Headers.WWWAuthenticate = $"Bearer error=\"insufficient_scope\", scope=\"api.write\", {metadata}";
            return;
        }
        if (body["id"] is null)
        {
            context.Response.StatusCode = 202;
            return;
        }
        var result = method switch
        {
            "initialize" => """{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"protected","version":"1"}}""",
            "tools/list" => """{"tools":[{"name":"read","inputSchema":{"type":"object"}},{"name":"write","inputSchema":{"type":"object"}}]}""",
            "tools/call" => """{"content":[{"type":"text","text":"done"}]}""",
            _ => null,
        };
        context.Response.ContentType = "application/json";
        var answer = new JsonObject { ["jsonrpc"] = "2.0", ["id"] = body["id"]!.DeepClone() };
        if (result is null)
            answer["error"] = new JsonObject { ["code"] = -32601, ["message"] = "Method not found" };
        else
            answer["result"] = JsonNode.Parse(result);
        await context.Response.WriteAsync(answer.ToJsonString());
    }

    private async Task<string[]?> ScopesAsync(string authorization)
    {
        if (!authorization.StartsWith("Bearer ", StringComparison.Ordinal))
            return null;
        foreach (var issuer in issuers)
        {
            using var question = new HttpRequestMessage(HttpMethod.Post, issuer + "/introspect") { Content = new FormUrlEncodedContent([KeyValuePair.Create("token", authorization[7..])]) };
            question.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes("mcp-upstream-rs:rs-secret")));
            try
            {
                using var answer = await http.SendAsync(question);
                var token = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
                if ((bool)token["active"]!)
                    return ((string)token["scope"]!).Split(' ');
            }
            catch (HttpRequestException)
            {
                // An issuer that is not there issued nothing.
            }
        }
        return null;
    }
}
