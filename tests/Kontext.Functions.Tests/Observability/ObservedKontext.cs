using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Mcp;
using Kontext.Testing;
using Kontext.Testing.Telemetry;

namespace Kontext.Functions.Tests.Observability;

/// <summary>The product as a process that exports to a receiver of ours, with an integration at an MCP server of ours and one at the provider simulator whose tokens live for a second. Values that must not leak are named once, here.</summary>
public sealed class ObservedKontext : IAsyncLifetime
{
    internal const string UpstreamToken = "canary-upstream-token-77aa";
    internal const string Argument = "canary-argument-31bc";
    internal const string Query = "canary-query-52de";
    internal const string Trace = "0af7651916cd43dd8448eb211c80319c";
    private const string Owner = "olivia";

    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;
    private readonly FormBrowser browser = new();
    private McpServerDouble mcp = null!;
    private UpstreamIdp provider = null!;
    private KontextServer server = null!;
    private TestAgent agent = null!;
    private OtlpReceiver receiver = null!;

    internal OtlpReceiver Receiver => receiver;

    internal McpServerDouble Mcp => mcp;

    internal KontextServer Server => server;

    internal TestAgent Agent => agent;

    internal UpstreamIdp Provider => provider;

    internal string OwnerToken { get; private set; } = "";

    internal string AgentToken { get; private set; } = "";

    internal string RefreshToken { get; private set; } = "";

    internal string ClientId { get; private set; } = "";

    /// <summary>The id of the integration whose server the tests have.</summary>
    internal string Notes { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        receiver = await OtlpReceiver.StartAsync();
        mcp = await McpServerDouble.StartAsync(modern: true);
        mcp.Tokens.Add(UpstreamToken);
        provider = await UpstreamIdp.StartAsync(("ACCESS_TTL", "1"));
        server = await KontextServer.StartAsync("memory", keys, settings: new Dictionary<string, string>(receiver.Settings()) { ["Kontext__LogFormat"] = "json" });
        agent = new TestAgent(server.Url);
        OwnerToken = await agent.ManagementTokenAsync(Owner);
        Notes = await IntegrationAsync(new JsonObject { ["name"] = "notes", ["url"] = mcp.Url.AbsoluteUri, ["authMode"] = "server_token", ["serverToken"] = UpstreamToken });
        var files = await IntegrationAsync(new JsonObject
        {
            ["name"] = "files",
            ["url"] = "http://127.0.0.1:9/mcp",
            ["authMode"] = "oauth",
            ["oauth"] = new JsonObject
            {
                ["authorizationUrl"] = $"{provider.Issuer}/authorize?login_hint=olivia",
                ["tokenUrl"] = $"{provider.Issuer}/token",
                ["clientId"] = "vault-public",
                ["scopes"] = new JsonArray("openid", "api.read"),
            },
        });
        var application = (await agent.ApiAsync(HttpMethod.Post, "/applications", OwnerToken, new JsonObject
        {
            ["name"] = "Agent",
            ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        })).Json!["application"]!;
        var attached = await agent.ApiAsync(HttpMethod.Put, $"/applications/{application["id"]}/integrations", OwnerToken, new JsonObject { ["integrationIds"] = new JsonArray(Notes, files) });
        Assert.Equal(HttpStatusCode.OK, attached.Status);
        ClientId = (string)application["clientId"]!;
        var tokens = await agent.AuthorizeAsync(browser, ClientId, Owner, agent.Gateway);
        AgentToken = tokens["access_token"]!;
        RefreshToken = tokens["refresh_token"]!;
        await ConnectAsync(files);
    }

    public async ValueTask DisposeAsync()
    {
        browser.Dispose();
        await server.DisposeAsync();
        await provider.DisposeAsync();
        await mcp.DisposeAsync();
        await receiver.DisposeAsync();
        Directory.Delete(keys, recursive: true);
    }

    /// <summary>Calls a tool with a trace context in the header or in <c>_meta</c>, or in both.</summary>
    internal async Task<JsonNode> CallAsync(string tool, string? header, string? meta, string path = "/mcp?unread=" + Query)
    {
        var parameters = new JsonObject { ["name"] = tool, ["arguments"] = new JsonObject { ["text"] = Argument } };
        if (meta is not null)
            parameters["_meta"] = new JsonObject { ["traceparent"] = meta, ["tracestate"] = "vendor=1", ["baggage"] = "person=" + Query, ["progressToken"] = "p1" };
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server.Url, path));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", AgentToken);
        request.Headers.Accept.ParseAdd("application/json");
        request.Headers.Accept.ParseAdd("text/event-stream");
        request.Headers.Add("MCP-Protocol-Version", "2025-06-18");
        request.Headers.Add("baggage", "person=" + Query);
        if (header is not null)
            request.Headers.Add("traceparent", header);
        request.Content = JsonContent.Create<JsonNode>(new JsonObject { ["jsonrpc"] = "2.0", ["id"] = 1, ["method"] = "tools/call", ["params"] = parameters });
        using var http = new HttpClient(new SocketsHttpHandler { ActivityHeadersPropagator = null });
        using var answer = await http.SendAsync(request);
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
    }

    private async Task<string> IntegrationAsync(JsonObject integration)
    {
        var made = await agent.ApiAsync(HttpMethod.Post, "/integrations", OwnerToken, integration);
        Assert.True(made.Status == HttpStatusCode.Created, made.Json?.ToJsonString());
        return (string)made.Json!["integration"]!["id"]!;
    }

    private async Task ConnectAsync(string integration)
    {
        var link = await TestAgent.CallAsync(server.Url, HttpMethod.Post, "/mcp/connect-session", AgentToken, new JsonObject());
        var page = await browser.OpenAsync(new Uri(link["connectUrl"]!));
        var form = page.Document.Forms.First(candidate => candidate.GetAttribute("action")!.EndsWith("/start", StringComparison.Ordinal)
            && candidate.QuerySelector("input[name=integration]")!.GetAttribute("value")!.EndsWith(integration, StringComparison.Ordinal));
        page = await browser.SubmitAsync(page, form.QuerySelector("button")!);
        Assert.Contains("connected", page.Text, StringComparison.OrdinalIgnoreCase);
    }
}
