using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Revocations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Functions.Limits;
using Kontext.Functions.Mcp;
using Kontext.Functions.Proxy;
using Kontext.Functions.Storage;
using Kontext.Functions.Upstream;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Kontext.Functions.Tests.Mcp;

/// <summary>The gateway on a port of its own, for one agent acting for one person.</summary>
internal sealed class GatewayApp : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly HttpClient client;

    private GatewayApp(WebApplication app, GatewayPorts ports)
    {
        (this.app, Ports) = (app, ports);
        client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
    }

    public GatewayPorts Ports { get; }

    public IServiceProvider Services => app.Services;

    public Uri Url => client.BaseAddress!;

    public static async Task<GatewayApp> StartAsync(GatewayPorts ports, UpstreamLimits? limits = null, Failure? refused = null, TimeProvider? time = null, CallSettings? calls = null, ITableSource? tables = null, ILoggerProvider? logs = null, ProviderCatalog? catalog = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        if (logs is not null)
            builder.Logging.AddProvider(logs);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var settings = new KontextSettings
        {
            PublicUrl = new Uri("http://localhost:7071"), Storage = "memory", KeyDirectory = "/unused", Organization = "dev", Development = false, AllowPrivateUpstreams = true, Limits = LimitSettings.Default with { Calls = calls ?? CallSettings.Default },
        };
        builder.Services.AddSingleton(settings).AddSingleton(time ?? TimeProvider.System);
        builder.Services.AddSingleton<IOrganizationStore>(ports).AddSingleton<IIntegrationStore>(ports).AddSingleton<IPolicyStore>(ports).AddSingleton<IConnectionStore>(ports);
        builder.Services.AddSingleton<ICredentialVault>(ports).AddSingleton<ISealer>(ports).AddSingleton<IAuditLog>(ports).AddSingleton<IConnectLinks>(ports);
        builder.Services.AddSingleton<IToolPinStore>(new ToolPinStore(tables ?? new MemoryTables()));
        builder.Services.AddSingleton(tables ?? new MemoryTables()).AddSingleton<EpochFeed>().AddSingleton<IMcpSessionNotes, McpSessionNotes>();
        builder.Services.AddSingleton<ICapabilityRequestStore>(new CapabilityRequestStore(new MemoryTables()));
        builder.Services.AddSingleton<IIssuedCredentials>(new IssuedCredentialStore(new MemoryTables()));
        // The connections of these tests are never refreshed: nothing of it is called.
        builder.Services.AddSingleton((CredentialRefresh)RuntimeHelpers.GetUninitializedObject(typeof(CredentialRefresh)));
        builder.Services.AddSingleton(catalog ?? ProviderCatalog.Load()).AddSingleton<ConnectionSources>().AddSingleton<ConnectionCredentials>().AddSingleton<CredentialBroker>();
        builder.Services.AddSingleton<IApprovalStore>(new ApprovalStore(new MemoryTables())).AddSingleton(new ApprovalAddresses(settings.Issuer)).AddSingleton<Approvals>();
        builder.Services.AddSingleton<AttemptLimits>().AddSingleton<RequestSlots>();
        builder.Services.AddSingleton<ISessionStore>(new Storage.Instance(new MemoryTables(), TimeProvider.System).Sessions);
        builder.Services.AddKontextGateway().AddKontextProxy();
        if (limits is not null)
            builder.Services.AddSingleton<IMcpUpstream>(provider => new HttpMcpUpstream(GuardedHttp.Create(true), GuardedHttp.Create(true), provider.GetRequiredService<UpstreamEras>(), limits));
        var app = builder.Build();
        app.UseRouting();
        app.UseMiddleware<SurfaceMiddleware>();
        McpEndpoints.Map(app, settings, context => new ValueTask<Result<Caller>>(refused is null ? CallerOf(ports) : refused), static (_, _) => new(true));
        ProxyEndpoints.Map(app, settings, context => new ValueTask<Result<Caller>>(refused is null ? CallerOf(ports) : refused));
        await app.StartAsync();
        return new GatewayApp(app, ports);
    }

    /// <summary>Adds an integration, attached, approved and connected with a token.</summary>
    public static Integration Connect(GatewayPorts ports, string name, Uri url, string? token = "upstream-secret-1")
    {
        var integration = new Integration
        {
            Id = Ids.Named<IntegrationId>(name), Name = name, Url = url.AbsoluteUri, AuthMode = AuthMode.Oauth, CreatedAt = DateTimeOffset.UnixEpoch, UpdatedAt = DateTimeOffset.UnixEpoch,
        };
        ports.Integrations.Add(integration);
        if (token is not null)
            ports.Connections[integration.Id] = ConnectionOf(integration, token);
        return integration;
    }

    public static Connection ConnectionOf(Integration integration, string token) => new()
    {
        Id = Ids.Named<ConnectionId>(integration.Name), User = Ids.Named<UserId>("alice"), Integration = integration.Id, SealedAccessToken = token, CredentialVersion = token, ConnectedAt = DateTimeOffset.UnixEpoch,
    };

    /// <summary>Sends a message the way clients of a revision do.</summary>
    public Task<HttpResponseMessage> SendAsync(bool modern, string method, JsonObject? parameters = null, string path = "/mcp", JsonObject? capabilities = null, Action<HttpRequestMessage>? change = null, bool anonymous = false, CancellationToken cancellationToken = default)
    {
        parameters ??= [];
        var message = new HttpRequestMessage(HttpMethod.Post, path);
        message.Headers.TryAddWithoutValidation("Accept", "application/json, text/event-stream");
        if (!anonymous)
            message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", "agent-token");
        if (modern)
        {
            message.Headers.TryAddWithoutValidation("MCP-Protocol-Version", "2026-07-28");
            message.Headers.TryAddWithoutValidation("Mcp-Method", method);
            if ((string?)(parameters["name"] ?? parameters["uri"]) is { } name)
                message.Headers.TryAddWithoutValidation("Mcp-Name", name);
            var meta = parameters["_meta"] as JsonObject ?? [];
            meta["io.modelcontextprotocol/protocolVersion"] = "2026-07-28";
            meta["io.modelcontextprotocol/clientCapabilities"] = capabilities ?? [];
            parameters["_meta"] = meta;
        }
        else if (method != "initialize")
            message.Headers.TryAddWithoutValidation("MCP-Protocol-Version", "2025-11-25");
        var body = new JsonObject { ["jsonrpc"] = "2.0", ["id"] = "req-1", ["method"] = method, ["params"] = parameters };
        message.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        change?.Invoke(message);
        return client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }

    /// <summary>A call that the client may give up.</summary>
    public Task<HttpResponseMessage> CallUntilAsync(CancellationToken cancellationToken) =>
        SendAsync(modern: true, "tools/call", new JsonObject { ["name"] = "github__echo" }, cancellationToken: cancellationToken);

    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage message, HttpCompletionOption until = HttpCompletionOption.ResponseContentRead) => client.SendAsync(message, until);

    /// <summary>Sends a message and reads the answer's last JSON-RPC message.</summary>
    public async Task<JsonNode> AskAsync(bool modern, string method, JsonObject? parameters = null, string path = "/mcp", JsonObject? capabilities = null)
    {
        using var response = await SendAsync(modern, method, parameters, path, capabilities);
        return (await MessagesAsync(response))[^1];
    }

    public Task<JsonNode> CallAsync(bool modern, string tool, JsonObject? arguments = null, JsonObject? capabilities = null, string path = "/mcp")
    {
        var parameters = new JsonObject { ["name"] = tool };
        if (arguments is not null)
            parameters["arguments"] = arguments;
        return AskAsync(modern, "tools/call", parameters, path, capabilities);
    }

    public static async Task<List<JsonNode>> MessagesAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        if (response.Content.Headers.ContentType?.MediaType != "text/event-stream")
            return [JsonNode.Parse(text)!];
        return [.. text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(message => JsonNode.Parse(message[(message.IndexOf("data: ", StringComparison.Ordinal) + 6)..])!)];
    }

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        await app.DisposeAsync();
    }

    private static AgentCaller CallerOf(GatewayPorts ports)
    {
        var application = new Application
        {
            Id = Ids.Named<AppId>("agent"), Name = "Agent", ToolDiscovery = ports.ToolDiscovery, OAuth = new OAuthClient(), Integrations = [.. ports.Integrations.Select(integration => integration.Id)], CreatedAt = DateTimeOffset.UnixEpoch, UpdatedAt = DateTimeOffset.UnixEpoch,
        };
        var user = new User { Id = Ids.Named<UserId>("alice"), Issuer = "development", Subject = "alice", CreatedAt = DateTimeOffset.UnixEpoch };
        var session = new Session
        {
            Id = Ids.Named<SessionId>("session"), Application = application.Id, User = user.Id, Name = "Session", Approved = application.Integrations, CreatedAt = DateTimeOffset.UnixEpoch, ExpiresAt = DateTimeOffset.MaxValue,
        };
        return new AgentCaller(ports.Organization.Id, application, user, session, ["mcp:invoke"]);
    }
}
