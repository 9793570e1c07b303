using System.Collections.Immutable;

namespace Kontext.Domain.Integrations;

/// <summary>How a person's credential for an integration comes about (contract 1.6).</summary>
public enum AuthMode
{
    /// <summary>No credential.</summary>
    None,

    /// <summary>The person authorizes at the provider.</summary>
    Oauth,

    /// <summary>The person provides a token or API key.</summary>
    UserToken,

    /// <summary>One token of the organization serves everybody.</summary>
    ServerToken,
}

/// <summary>Whether the gateway calls the integration itself, or only its credential is brokered (contract 1.6).</summary>
public enum IntegrationCategory
{
    /// <summary>An MCP server the gateway proxies.</summary>
    GatewayRemoteMcp,

    /// <summary>Credentials only; never proxied.</summary>
    InternalMcpCredentials,
}

/// <summary>An external service as an organization uses it (contract 1.6).</summary>
public sealed record Integration
{
    /// <summary>Its id.</summary>
    public required IntegrationId Id { get; init; }

    /// <summary>Display name and run-time handle, unique in the organization.</summary>
    public required string Name { get; init; }

    /// <summary>The MCP endpoint, or the service's base URL for credential-only integrations.</summary>
    public required string Url { get; init; }

    /// <summary>Proxied or credential only.</summary>
    public IntegrationCategory Category { get; init; }

    /// <summary>How credentials come about.</summary>
    public AuthMode AuthMode { get; init; }

    /// <summary>OAuth settings; null for the other modes.</summary>
    public IntegrationOAuth? OAuth { get; init; }

    /// <summary>The integration of the same organization whose connections serve this one too: that of the suite it is a product of. Null where people connect it by itself.</summary>
    public IntegrationId? ConnectionOf { get; init; }

    /// <summary>Vault version of the shared token; null when none is configured.</summary>
    public string? ServerTokenVersion { get; init; }

    /// <summary>The shared token, sealed, so that the ordinary request needs no vault call.</summary>
    public string? SealedServerToken { get; init; }

    /// <summary>Declared operation names; discovery adds to what the gateway knows.</summary>
    public ImmutableArray<string> Capabilities { get; init; } = [];

    /// <summary>Names of the fields a person fills in, for credential-only integrations: name to kind (contract 1.6).</summary>
    public ImmutableDictionary<string, string> CredentialSchema { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Label of the token field on the connect page; null for the ordinary one.</summary>
    public string? TokenLabel { get; init; }

    /// <summary>Where a person finds their token; null when not known.</summary>
    public string? TokenHelpUrl { get; init; }

    /// <summary>Example of a token; null for none.</summary>
    public string? TokenPlaceholder { get; init; }

    /// <summary>Offered to every self-registered application without being attached one by one.</summary>
    public bool AttachByDefault { get; init; }

    /// <summary><c>valid</c>, <c>invalid</c> or null when never validated.</summary>
    public string? ValidationStatus { get; init; }

    /// <summary>What validation found, in words.</summary>
    public string? ValidationMessage { get; init; }

    /// <summary>Tools that change after they were first seen are neither offered nor called until somebody accepts the change; otherwise changes are only recorded.</summary>
    public bool QuarantineChangedTools { get; init; }

    /// <summary>Where the REST proxy finds its API; null when the proxy does not serve it.</summary>
    public IntegrationProxy? Proxy { get; init; }

    /// <summary>How its credential is put into requests; null for <c>Authorization: Bearer</c>.</summary>
    public CredentialInjection? Injection { get; init; }

    /// <summary>Counts changes of <see cref="AuthMode"/>: connections of an earlier epoch are void (contract 1.6, hard cut-over).</summary>
    public int ConnectionEpoch { get; init; }

    /// <summary>Gone from lists and from use.</summary>
    public bool Archived { get; init; }

    /// <summary>Cut off until it is reinstated: its credentials are given to nobody. Connections stand.</summary>
    public bool Suspended { get; init; }

    /// <summary>When it was created.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it was last changed.</summary>
    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>Whether each person needs a connection of their own, to it or to <see cref="ConnectionOf"/>.</summary>
    public bool NeedsConnection => AuthMode is AuthMode.Oauth or AuthMode.UserToken;

    /// <summary>Whether people connect it by itself.</summary>
    public bool IsConnectedItself => NeedsConnection && ConnectionOf is null;
}

/// <summary>Which OAuth app and which endpoints an integration uses (contract 1.6, 1.7).</summary>
public sealed record IntegrationOAuth
{
    /// <summary>Key in the provider catalog; null when issuer or endpoints are given instead.</summary>
    public string? Provider { get; init; }

    /// <summary>Issuer whose metadata is discovered; null when not used.</summary>
    public string? Issuer { get; init; }

    /// <summary>Explicit authorization endpoint; null when catalog or discovery knows it.</summary>
    public string? AuthorizationUrl { get; init; }

    /// <summary>Explicit token endpoint; null when catalog or discovery knows it.</summary>
    public string? TokenUrl { get; init; }

    /// <summary>Values of the catalog entry's parameters; null in rows from before there were any.</summary>
    public ImmutableDictionary<string, string>? Parameters { get; init; }

    /// <summary>Scopes to ask for; empty means the provider's default.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary>The integration's own OAuth app; null means the platform's.</summary>
    public string? ClientId { get; init; }

    /// <summary>Vault version of that app's secret; null when it has none.</summary>
    public string? ClientSecretVersion { get; init; }

    /// <summary>What validation found the settings to come down to; null until then, and after a change.</summary>
    public ResolvedEndpoints? Metadata { get; init; }
}

/// <summary>The endpoints and scopes that OAuth settings come down to (contract 1.6, <c>oauth.metadata</c>).</summary>
public sealed record ResolvedEndpoints
{
    /// <summary>The issuer; null when not known.</summary>
    public string? Issuer { get; init; }

    /// <summary>Authorization endpoint.</summary>
    public required string AuthorizationEndpoint { get; init; }

    /// <summary>Token endpoint.</summary>
    public required string TokenEndpoint { get; init; }

    /// <summary>Revocation endpoint; null when there is none.</summary>
    public string? RevocationEndpoint { get; init; }

    /// <summary>Scopes people are asked for.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];
}

/// <summary>Keeps the integrations of an organization.</summary>
public interface IIntegrationStore
{
    /// <summary>The integration, at most a second old; null when unknown.</summary>
    ValueTask<Integration?> CurrentAsync(OrgId org, IntegrationId integration, CancellationToken cancellationToken);

    /// <summary>The integration of this name (case does not matter), at most a second old; null when unknown.</summary>
    ValueTask<Integration?> CurrentByNameAsync(OrgId org, string name, CancellationToken cancellationToken);

    /// <summary>Those every self-registered application gets, at most a second old.</summary>
    ValueTask<IReadOnlyList<Integration>> CurrentDefaultsAsync(OrgId org, CancellationToken cancellationToken);

    /// <summary>The row as stored now, for a conditional write.</summary>
    Task<Versioned<Integration>?> FindAsync(OrgId org, IntegrationId integration, CancellationToken cancellationToken);

    /// <summary>Adds it and takes its name; false when the name is taken.</summary>
    Task<bool> InsertAsync(OrgId org, Integration integration, CancellationToken cancellationToken);

    /// <summary>Writes if nobody wrote since, moving the name when it changed; a failure says whether the row or the name was in the way.</summary>
    Task<Result<Versioned<Integration>>> ReplaceAsync(OrgId org, Versioned<Integration> current, Integration next, CancellationToken cancellationToken);

    /// <summary>A page in the order of ids, without archived ones.</summary>
    Task<Page<Integration>> ListAsync(OrgId org, string? cursor, int limit, CancellationToken cancellationToken);
}
