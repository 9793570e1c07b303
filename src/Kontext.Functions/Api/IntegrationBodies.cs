using System.Text.Json;
using System.Text.Json.Serialization;
using Kontext.Domain.Integrations;

namespace Kontext.Functions.Api;

/// <summary>An integration on the wire (contract 1.6).</summary>
internal sealed record IntegrationBody
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required string Url { get; init; }

    public required string Category { get; init; }

    public required string AuthMode { get; init; }

    public IntegrationOAuthBody? Oauth { get; init; }

    /// <summary>Id of the integration whose connections serve this one; left out when people connect it by itself.</summary>
    public string? ConnectionOf { get; init; }

    public required CapabilitiesBody Capabilities { get; init; }

    public required IReadOnlyDictionary<string, string> CredentialSchema { get; init; }

    public required bool ServerTokenConfigured { get; init; }

    public required bool AttachByDefault { get; init; }

    /// <summary><c>record</c> or <c>quarantine</c>.</summary>
    public required string ToolChanges { get; init; }

    /// <summary>Where the REST proxy finds its API; left out when the proxy does not serve it.</summary>
    public IntegrationProxyBody? Proxy { get; init; }

    public required CredentialInjectionBody CredentialInjection { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? ValidationStatus { get; init; }

    public string? ValidationMessage { get; init; }

    public string? TokenLabel { get; init; }

    public string? TokenHelpUrl { get; init; }

    public string? TokenPlaceholder { get; init; }

    public required string CreatedAt { get; init; }

    public required string UpdatedAt { get; init; }

    public static IntegrationBody Of(Integration integration) => new()
    {
        Id = integration.Id.ToString(),
        Name = integration.Name,
        Url = integration.Url,
        Category = IntegrationWords.Of(integration.Category),
        AuthMode = IntegrationWords.Of(integration.AuthMode),
        Oauth = integration.OAuth is { } oauth ? IntegrationOAuthBody.Of(oauth) : null,
        ConnectionOf = integration.ConnectionOf?.ToString(),
        Capabilities = new CapabilitiesBody(integration.Capabilities),
        CredentialSchema = integration.CredentialSchema,
        ServerTokenConfigured = integration.ServerTokenVersion is not null,
        AttachByDefault = integration.AttachByDefault,
        ToolChanges = integration.QuarantineChangedTools ? "quarantine" : "record",
        Proxy = integration.Proxy is { } proxy ? new IntegrationProxyBody(proxy.BaseUrl, proxy.AllowedHosts.IsDefault ? [] : proxy.AllowedHosts) : null,
        CredentialInjection = CredentialInjectionBody.Of(integration.Injection),
        ValidationStatus = integration.ValidationStatus,
        ValidationMessage = integration.ValidationMessage,
        TokenLabel = integration.TokenLabel,
        TokenHelpUrl = integration.TokenHelpUrl,
        TokenPlaceholder = integration.TokenPlaceholder,
        CreatedAt = Wire.Time(integration.CreatedAt),
        UpdatedAt = Wire.Time(integration.UpdatedAt),
    };
}

/// <summary>The words of contract 1.6 for modes and categories.</summary>
internal static class IntegrationWords
{
    public static string Of(AuthMode mode) => mode switch
    {
        AuthMode.None => "none",
        AuthMode.Oauth => "oauth",
        AuthMode.UserToken => "user_token",
        AuthMode.ServerToken => "server_token",
        _ => throw new InvalidOperationException($"Unknown authentication mode {mode}."),
    };

    public static AuthMode? Mode(string word) => word switch
    {
        "none" => AuthMode.None,
        "oauth" => AuthMode.Oauth,
        "user_token" => AuthMode.UserToken,
        "server_token" => AuthMode.ServerToken,
        _ => null,
    };

    public static string Of(InjectionKind kind) => kind switch
    {
        InjectionKind.Bearer => "bearer",
        InjectionKind.Header => "header",
        InjectionKind.Basic => "basic",
        InjectionKind.Query => "query",
        _ => throw new InvalidOperationException($"Unknown kind of injection {kind}."),
    };

    public static InjectionKind? Injection(string? word) => word switch
    {
        "bearer" => InjectionKind.Bearer,
        "header" => InjectionKind.Header,
        "basic" => InjectionKind.Basic,
        "query" => InjectionKind.Query,
        _ => null,
    };

    public static string Of(IntegrationCategory category) => category == IntegrationCategory.GatewayRemoteMcp ? "gateway_remote_mcp" : "internal_mcp_credentials";

    public static IntegrationCategory? Category(string word) => word switch
    {
        "gateway_remote_mcp" => IntegrationCategory.GatewayRemoteMcp,
        "internal_mcp_credentials" => IntegrationCategory.InternalMcpCredentials,
        _ => null,
    };
}

/// <summary>Declared capabilities.</summary>
internal sealed record CapabilitiesBody(IReadOnlyList<string> Tools);

/// <summary>OAuth settings of an integration, without the secret (contract 1.7).</summary>
internal sealed record IntegrationOAuthBody(
    string? Provider, string? Issuer, string? AuthorizationUrl, string? TokenUrl, IReadOnlyDictionary<string, string>? Parameters, IReadOnlyList<string> Scopes, string? ClientId, bool ClientSecretConfigured)
{
    /// <summary>What validation found them to come down to; null until then (contract 1.6).</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public OAuthMetadataBody? Metadata { get; init; }

    public static IntegrationOAuthBody Of(IntegrationOAuth oauth) => new(
        oauth.Provider, oauth.Issuer, oauth.AuthorizationUrl, oauth.TokenUrl, oauth.Parameters is { IsEmpty: false } parameters ? parameters : null, oauth.Scopes, oauth.ClientId, oauth.ClientSecretVersion is not null)
    {
        Metadata = oauth.Metadata is { } found
            ? new OAuthMetadataBody(found.Issuer, found.AuthorizationEndpoint, found.TokenEndpoint, found.RevocationEndpoint, found.Scopes.IsDefault ? [] : found.Scopes)
            : null,
    };
}

/// <summary>Authorization server metadata by the names of RFC 8414.</summary>
internal sealed record OAuthMetadataBody(
    string? Issuer,
    [property: JsonPropertyName("authorization_endpoint")] string AuthorizationEndpoint,
    [property: JsonPropertyName("token_endpoint")] string TokenEndpoint,
    [property: JsonPropertyName("revocation_endpoint")] string? RevocationEndpoint,
    IReadOnlyList<string> Scopes);

/// <summary>One integration.</summary>
/// <param name="Integration">It.</param>
/// <param name="ConnectionsCleared">How many people's connections the change ended; null when it was not that kind of change.</param>
internal sealed record IntegrationEnvelope(IntegrationBody Integration, int? ConnectionsCleared = null);

/// <summary>A page of integrations.</summary>
internal sealed record IntegrationListBody(IReadOnlyList<IntegrationBody> Items, string? NextCursor);

/// <summary>OAuth settings of an integration.</summary>
internal sealed record IntegrationOAuthEnvelope(IntegrationOAuthBody Oauth);

/// <summary>What validation found (contract 2.4).</summary>
internal sealed record ValidationBody(string Status, string? Message, IReadOnlyList<string> Capabilities);

/// <summary>OAuth settings as sent (contract 1.7).</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record IntegrationOAuthInput
{
    public string? Provider { get; init; }

    public string? Issuer { get; init; }

    public string? AuthorizationUrl { get; init; }

    public string? TokenUrl { get; init; }

    /// <summary>Values of the catalog entry's parameters, all of them at once.</summary>
    public IReadOnlyDictionary<string, string>? Parameters { get; init; }

    public IReadOnlyList<string>? Scopes { get; init; }

    public string? ClientId { get; init; }

    public string? ClientSecret { get; init; }
}

/// <summary>A new integration, or changes of one; absent fields stay as they are.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record IntegrationInput
{
    public string? Name { get; init; }

    public string? Url { get; init; }

    public string? Category { get; init; }

    public string? AuthMode { get; init; }

    public IntegrationOAuthInput? Oauth { get; init; }

    /// <summary>Id of the integration whose connections are to serve this one; empty for connections of its own.</summary>
    public string? ConnectionOf { get; init; }

    /// <summary>An array of names, or an object with <c>tools</c> (contract 1.6).</summary>
    public JsonElement? Capabilities { get; init; }

    public IReadOnlyDictionary<string, string>? CredentialSchema { get; init; }

    public string? ServerToken { get; init; }

    public bool? AttachByDefault { get; init; }

    /// <summary>The REST proxy's settings.</summary>
    public IntegrationProxyInput? Proxy { get; init; }

    public CredentialInjectionInput? CredentialInjection { get; init; }

    /// <summary>What happens to tools whose description changes: <c>record</c> or <c>quarantine</c>.</summary>
    public string? ToolChanges { get; init; }

    public string? TokenLabel { get; init; }

    public string? TokenHelpUrl { get; init; }

    public string? TokenPlaceholder { get; init; }
}
