using System.Globalization;
using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Mcp;

/// <summary>What an agent may know of its integrations (contract 4.6), and the link with which its person connects them (contract 5.1).</summary>
internal sealed class RuntimeIntegrations(AttachedIntegrations attached, ConnectionSources connections, IConnectLinks links, KontextSettings settings)
{
    /// <summary><c>GET /mcp/integrations</c>.</summary>
    public async Task<IResult> ListAsync(HttpContext context)
    {
        if (CallerOf.Request(context) is not AgentCaller caller)
            return Results.StatusCode(StatusCodes.Status403Forbidden);
        var items = new List<RuntimeIntegrationBody>();
        foreach (var integration in await attached.OfAsync(caller, context.RequestAborted))
        {
            var connection = integration.NeedsConnection || integration.Category == IntegrationCategory.InternalMcpCredentials
                ? await ConnectionOfAsync(caller, integration, context.RequestAborted)
                : null;
            items.Add(new RuntimeIntegrationBody
            {
                Id = integration.Id.ToString(),
                Name = integration.Name,
                Url = integration.Url,
                Category = integration.Category == IntegrationCategory.GatewayRemoteMcp ? "gateway_remote_mcp" : "internal_mcp_credentials",
                ConnectType = ConnectTypeOf(integration),
                AuthMode = integration.AuthMode switch
                {
                    AuthMode.Oauth => "oauth",
                    AuthMode.UserToken => "user_token",
                    AuthMode.ServerToken => "server_token",
                    _ => "none",
                },
                TokenLabel = integration.TokenLabel,
                TokenHelpUrl = integration.TokenHelpUrl,
                TokenPlaceholder = integration.TokenPlaceholder,
                ProxyUrl = integration.Proxy is null ? null : $"{settings.Issuer}/proxy/{Uri.EscapeDataString(integration.Name)}",
                Connection = connection,
                RequiresOauth = integration.AuthMode == AuthMode.Oauth,
            });
        }
        return Results.Json(new RuntimeIntegrationsBody(items), McpJson.Default.RuntimeIntegrationsBody);
    }

    /// <summary><c>POST /mcp/connect-session</c>. Clients insist on 200.</summary>
    public async Task<IResult> ConnectSessionAsync(HttpContext context)
    {
        if (CallerOf.Request(context) is not AgentCaller caller)
            return Results.StatusCode(StatusCodes.Status403Forbidden);
        var link = await links.CreateAsync(caller, integration: null, returnUrl: null, context.RequestAborted);
        return Results.Json(new ConnectSessionBody(link.Url.AbsoluteUri, link.SessionId, Iso(link.ExpiresAt)), McpJson.Default.ConnectSessionBody);
    }

    /// <summary>Clients reject any other word (contract 4.6). A server token leaves a person nothing to connect.</summary>
    private static string ConnectTypeOf(Integration integration) => integration switch
    {
        { Category: IntegrationCategory.InternalMcpCredentials } => "credentials",
        { AuthMode: AuthMode.Oauth } => "oauth",
        { AuthMode: AuthMode.UserToken } => "user_token",
        _ => "none",
    };

    private async ValueTask<RuntimeConnectionBody> ConnectionOfAsync(AgentCaller caller, Integration integration, CancellationToken cancellationToken)
    {
        var (_, state) = await connections.FindAsync(caller.Org, caller.User.Id, integration, cancellationToken);
        // An access token that is refreshed behind the scenes is not what people mean by the end of a connection.
        return state is { Connected: true, Connection: { } connection }
            ? new RuntimeConnectionBody(true, state.Status, connection is { Refreshable: false, AccessExpiresAt: { } end } ? Iso(end) : null, connection.Account, Reason: null)
            : new RuntimeConnectionBody(false, state.Status, ExpiresAt: null, DisplayName: null, state.ReasonForAgents);
    }

    private static string Iso(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}

/// <summary>Answer of <c>GET /mcp/integrations</c>.</summary>
internal sealed record RuntimeIntegrationsBody(List<RuntimeIntegrationBody> Items);

/// <summary>One integration in it.</summary>
internal sealed record RuntimeIntegrationBody
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required string Url { get; init; }

    public required string Category { get; init; }

    public required string ConnectType { get; init; }

    public required string AuthMode { get; init; }

    public string? TokenLabel { get; init; }

    public string? TokenHelpUrl { get; init; }

    public string? TokenPlaceholder { get; init; }

    /// <summary>Where the REST proxy serves its API; left out when it does not.</summary>
    public string? ProxyUrl { get; init; }

    public RuntimeConnectionBody? Connection { get; init; }

    /// <summary>For clients that predate <see cref="ConnectType"/>.</summary>
    public bool RequiresOauth { get; init; }
}

/// <summary>The person's connection in it.</summary>
internal sealed record RuntimeConnectionBody(bool Connected, string Status, string? ExpiresAt, string? DisplayName, string? Reason);

/// <summary>Answer of <c>POST /mcp/connect-session</c>.</summary>
internal sealed record ConnectSessionBody(string ConnectUrl, string SessionId, string ExpiresAt);

/// <summary>JSON of the gateway's own REST answers.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RuntimeIntegrationsBody))]
[JsonSerializable(typeof(ConnectSessionBody))]
internal sealed partial class McpJson : JsonSerializerContext;
