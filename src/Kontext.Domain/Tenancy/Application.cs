using System.Collections.Immutable;

namespace Kontext.Domain.Tenancy;

/// <summary>How an application came to be known.</summary>
public enum Registration
{
    /// <summary>Created by an administrator or owner.</summary>
    Managed,

    /// <summary>Registered itself (RFC 7591).</summary>
    Dynamic,

    /// <summary>Ships with Kontext: the command-line client of contract 6.6.</summary>
    BuiltIn,

    /// <summary>Describes itself in a document at the URL that is its client id.</summary>
    MetadataDocument,
}

/// <summary>How an agent gets to know its tools at the gateway (contract 4.3).</summary>
public enum ToolDiscovery
{
    /// <summary>All of them are listed.</summary>
    List,

    /// <summary>Three tools are listed with which a model searches, calls and asks for all others.</summary>
    Search,
}

/// <summary>An agent: a non-human actor with an identity of its own, which acts for people (contract 1.3).</summary>
public sealed record Application
{
    /// <summary>Its id.</summary>
    public required AppId Id { get; init; }

    /// <summary>The URL of the document that describes it, and its client id; null for all others.</summary>
    public string? DocumentUrl { get; init; }

    /// <summary>The OAuth client id: <c>app_</c> and the id (contract 1.1), or the URL of its document.</summary>
    public string ClientId => DocumentUrl ?? Id.ClientId;

    /// <summary>Nobody of the organization set it up: it gets the integrations meant for such clients, and never the right to manage.</summary>
    public bool IsSelfRegistered => Registration is Registration.Dynamic or Registration.MetadataDocument;

    /// <summary>It may use the device authorization grant (RFC 8628): as its settings say, and when they say nothing, if it is a public client that the organization set up or that ships with Kontext. The grant needs no redirect URI, which is what holds an unknown client to an address.</summary>
    public bool MayUseDeviceGrant => OAuth.DeviceGrant ?? (!OAuth.Confidential && !IsSelfRegistered);

    /// <summary>Name shown to people, unique among the organization's managed applications.</summary>
    public required string Name { get; init; }

    /// <summary>What it is for; null when nobody said.</summary>
    public string? Description { get; init; }

    /// <summary>Its OAuth client settings.</summary>
    public required OAuthClient OAuth { get; init; }

    /// <summary>The person who made it; null for service accounts' and self-registered ones.</summary>
    public UserId? Owner { get; init; }

    /// <summary>Attached integrations, in the order they were given.</summary>
    public ImmutableArray<IntegrationId> Integrations { get; init; } = [];

    /// <summary>How it gets to know their tools.</summary>
    public ToolDiscovery ToolDiscovery { get; init; }

    /// <summary>Those of them that the gateway does not offer it: it gets their credentials by token exchange alone (contract 2.8, <c>mcpEnabled</c>).</summary>
    public ImmutableArray<IntegrationId> CredentialOnly { get; init; } = [];

    /// <summary>Counts changes of <see cref="Integrations"/>, for optimistic replacement (contract 2.8).</summary>
    public int IntegrationsRevision { get; init; }

    /// <summary>Trust in a partner's own tokens; null when not configured (contract 1.5).</summary>
    public ExternalAuth? ExternalAuth { get; init; }

    /// <summary>How it came to be known.</summary>
    public Registration Registration { get; init; }

    /// <summary>Cut off for good: none of its sessions works any more.</summary>
    public bool Archived { get; init; }

    /// <summary>Cut off until it is reinstated. Who reads it to decide something gets it as <see cref="Archived"/>.</summary>
    public bool Suspended { get; init; }

    /// <summary>When it was created.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it was last changed.</summary>
    public required DateTimeOffset UpdatedAt { get; init; }
}

/// <summary>The OAuth client settings of an application (contract 1.4).</summary>
public sealed record OAuthClient
{
    /// <summary>Has a secret or a key of its own; otherwise it is a public client, held by PKCE alone.</summary>
    public bool Confidential { get; init; }

    /// <summary>Registered redirect URIs.</summary>
    public ImmutableArray<string> RedirectUris { get; init; } = [];

    /// <summary>Whether PKCE is demanded; public clients always need it.</summary>
    public bool PkceRequired { get; init; } = true;

    /// <summary>Scopes it may ask for; empty means the ordinary ones.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary>Resource indicators it may ask for; empty means any of ours.</summary>
    public ImmutableArray<string> AllowedResources { get; init; } = [];

    /// <summary>Whether it may use the device authorization grant (RFC 8628); null leaves it to <see cref="Application.MayUseDeviceGrant"/>.</summary>
    public bool? DeviceGrant { get; init; }

    /// <summary>Hash of the client secret; null for public clients and those that sign.</summary>
    public string? SecretHash { get; init; }

    /// <summary>The secret before it, while it is still accepted; null when there is none.</summary>
    public RetiringSecret? RetiringSecret { get; init; }

    /// <summary>Hash of the token with which a client that registered itself reads and deletes its registration (RFC 7592); null for all others.</summary>
    public string? RegistrationTokenHash { get; init; }

    /// <summary>The one way it authenticates: <c>client_secret_basic</c>, <c>client_secret_post</c> or <c>private_key_jwt</c>; null accepts a secret either way.</summary>
    public string? AuthMethod { get; init; }

    /// <summary>Its public keys as a JSON Web Key Set, for <c>private_key_jwt</c>; null when it has none or publishes them itself.</summary>
    public string? Jwks { get; init; }

    /// <summary>Where it publishes its keys; null when it does not.</summary>
    public string? JwksUri { get; init; }

    /// <summary>Its tokens have to be bound to a key, with DPoP (<c>dpop_bound_access_tokens</c>, RFC 9449 section 5.2).</summary>
    public bool DpopBoundAccessTokens { get; init; }
}

/// <summary>Which partner tokens an application trusts for naming its own users (contract 1.5).</summary>
public sealed record ExternalAuth
{
    /// <summary>Switched on.</summary>
    public bool Enabled { get; init; }

    /// <summary>Expected <c>iss</c>.</summary>
    public required string Issuer { get; init; }

    /// <summary>Where the issuer's keys are.</summary>
    public required string JwksUrl { get; init; }

    /// <summary>Expected <c>aud</c>.</summary>
    public required string Audience { get; init; }

    /// <summary>Accepted signature algorithms.</summary>
    public ImmutableArray<string> AllowedAlgorithms { get; init; } = ["RS256"];

    /// <summary>Claims that must be there with these values.</summary>
    public ImmutableDictionary<string, string> RequiredClaims { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Where a connect session may return to.</summary>
    public ImmutableArray<string> AllowedReturnUrls { get; init; } = [];

    /// <summary>Oldest acceptable <c>iat</c>, in seconds.</summary>
    public int MaxTokenAgeSeconds { get; init; } = 600;

    /// <summary>Hash of the partner's API key; null when none is set.</summary>
    public string? PartnerApiKeyHash { get; init; }
}

/// <summary>Keeps the applications of an organization.</summary>
public interface IApplicationStore
{
    /// <summary>Resolves an OAuth client id to its organization and application; null when unknown.</summary>
    ValueTask<(OrgId Org, AppId Application)?> ResolveClientAsync(string clientId, CancellationToken cancellationToken);

    /// <summary>The application, at most a second old, for deciding: a suspended one is as good as archived. Null when unknown.</summary>
    ValueTask<Application?> CurrentAsync(OrgId org, AppId application, CancellationToken cancellationToken);

    /// <summary>The row as stored now, for a conditional write.</summary>
    Task<Versioned<Application>?> FindAsync(OrgId org, AppId application, CancellationToken cancellationToken);

    /// <summary>Adds it and its client id; false when the name is taken.</summary>
    Task<bool> InsertAsync(OrgId org, Application application, CancellationToken cancellationToken);

    /// <summary>Writes if nobody wrote since; null when somebody did. Instances learn of it within a second.</summary>
    Task<Versioned<Application>?> ReplaceAsync(OrgId org, Versioned<Application> current, Application next, CancellationToken cancellationToken);

    /// <summary>A page in the order of ids; the cursor is null at the end.</summary>
    Task<Page<Application>> ListAsync(OrgId org, string? cursor, int limit, CancellationToken cancellationToken);
}
