using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Proxy;

/// <summary>An agent with a token, and an integration whose API is a double, on a running product.</summary>
internal sealed class ProxyWorld : IAsyncDisposable
{
    public const string Credential = "per-person-key-0123456789";
    private readonly HttpClient http;

    private ProxyWorld(KontextServer server, string ownerToken, ApiDouble api, string name, string integrationId, string applicationId, string token)
    {
        (Server, OwnerToken, Api, Name, IntegrationId, ApplicationId, Token) = (server, ownerToken, api, name, integrationId, applicationId, token);
        http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = server.Url, Timeout = TimeSpan.FromSeconds(60) };
    }

    public KontextServer Server { get; }

    public string OwnerToken { get; }

    public ApiDouble Api { get; }

    public string Name { get; }

    public string IntegrationId { get; }

    public string ApplicationId { get; }

    public string Token { get; }

    /// <summary>Sets it up through the public API and pages.</summary>
    /// <param name="server">The product.</param>
    /// <param name="ownerToken">Its owner's management token.</param>
    /// <param name="settings">Changes the integration before it is created.</param>
    public static async Task<ProxyWorld> CreateAsync(KontextServer server, string ownerToken, Action<JsonObject>? settings = null)
    {
        var api = await ApiDouble.StartAsync();
        var agent = new TestAgent(server.Url);
        var name = $"api-{Guid.NewGuid():n}"[..20];
        var body = new JsonObject
        {
            ["name"] = name, ["url"] = api.BaseUrl, ["category"] = "internal_mcp_credentials", ["authMode"] = "user_token", ["proxy"] = new JsonObject { ["baseUrl"] = api.BaseUrl },
        };
        settings?.Invoke(body);
        var integration = Created(await agent.ApiAsync(HttpMethod.Post, "/integrations", ownerToken, body))["integration"]!;
        var id = (string)integration["id"]!;
        var application = Created(await agent.ApiAsync(HttpMethod.Post, "/applications", ownerToken, new JsonObject
        {
            ["name"] = $"Agent {name}", ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        }))["application"]!;
        var applicationId = (string)application["id"]!;
        await agent.ApiAsync(HttpMethod.Put, $"/applications/{applicationId}/integrations", ownerToken, new JsonObject { ["integrationIds"] = new JsonArray(id) });
        if ((string)integration["authMode"]! == "user_token")
        {
            var credential = body["credentialSchema"] is null ? new JsonObject { ["token"] = Credential } : new JsonObject { ["credentials"] = new JsonObject { ["login"] = "alice@example.com", ["key"] = Credential } };
            Created(await agent.ApiAsync(HttpMethod.Post, $"/integrations/{id}/connection", ownerToken, credential));
        }
        using var browser = new FormBrowser();
        var tokens = await agent.AuthorizeAsync(browser, (string)application["clientId"]!, KontextFixture.Owner, agent.Gateway);
        return new ProxyWorld(server, ownerToken, api, name, id, applicationId, tokens["access_token"] ?? throw new InvalidOperationException($"No token: {tokens.Json}"));
    }

    /// <summary>A request for a path below the integration, with the agent's token.</summary>
    public HttpRequestMessage Request(HttpMethod method, string path, HttpContent? content = null)
    {
        var message = new HttpRequestMessage(method, $"/proxy/{Name}{path}") { Content = content };
        message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        return message;
    }

    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage message, CancellationToken cancellationToken) =>
        http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancellationToken);

    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content = null) => SendAsync(Request(method, path, content), TestContext.Current.CancellationToken);

    public Task<HttpResponseMessage> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    /// <summary>Sends a request target exactly as given, and gives the answer's head and as much of its body as comes with it.</summary>
    public async Task<string> SendTargetAsync(string target, string method = "GET")
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(Server.Url.Host, Server.Url.Port, TestContext.Current.CancellationToken);
        var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"{method} {target} HTTP/1.1\r\nHost: {Server.Url.Authority}\r\nAuthorization: Bearer {Token}\r\nConnection: close\r\n\r\n"), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Changes the integration.</summary>
    public Task<JsonAnswer> ChangeAsync(JsonObject change) => new TestAgent(Server.Url).ApiAsync(HttpMethod.Patch, $"/integrations/{IntegrationId}", OwnerToken, change);

    /// <summary>Adds a rule of the organization about the integration.</summary>
    public async Task<string> RuleAsync(string action, string operation, JsonArray? conditions = null)
    {
        var rule = new JsonObject { ["action"] = action, ["level"] = "org", ["integrationId"] = IntegrationId, ["toolName"] = operation };
        if (conditions is not null)
            rule["conditions"] = conditions;
        return (string)Created(await new TestAgent(Server.Url).ApiAsync(HttpMethod.Post, "/policy/rules", OwnerToken, rule))["rule"]!["id"]!;
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await Api.DisposeAsync();
    }

    private static JsonNode Created(JsonAnswer answer) =>
        answer.Status is HttpStatusCode.OK or HttpStatusCode.Created ? answer.Json! : throw new InvalidOperationException($"Not created: {answer.Status} {answer.Json}");
}
