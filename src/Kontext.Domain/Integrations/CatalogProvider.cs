using System.Collections.Immutable;
using Kontext.Domain.Vault;

namespace Kontext.Domain.Integrations;

/// <summary>A provider Kontext knows by itself: one file of the folder <c>providers</c>, written from the provider's public documentation.</summary>
public sealed record CatalogProvider
{
    /// <summary>Its key, equal to the file's name: lower-case letters, digits and hyphens. Integrations name it so.</summary>
    public required string Key { get; init; }

    /// <summary>Other keys that mean the same entry.</summary>
    public ImmutableArray<string> Aliases { get; init; } = [];

    /// <summary>Key of the entry whose OAuth app at the provider serves this one too; null for an app of its own.</summary>
    public string? PlatformApp { get; init; }

    /// <summary>Name for people.</summary>
    public required string Name { get; init; }

    /// <summary>What it is good for, in a sentence.</summary>
    public required string Description { get; init; }

    /// <summary>Page of its documentation this was written from.</summary>
    public required Uri Documentation { get; init; }

    /// <summary>What an integration has to say before the addresses are complete.</summary>
    public ImmutableArray<CatalogParameter> Parameters { get; init; } = [];

    /// <summary>Its issuer, where it sends <c>iss</c> or publishes metadata; null otherwise.</summary>
    public EndpointTemplate? Issuer { get; init; }

    /// <summary>Authorization endpoint; null when the issuer's metadata tells.</summary>
    public EndpointTemplate? AuthorizationEndpoint { get; init; }

    /// <summary>Token endpoint; null when the issuer's metadata tells.</summary>
    public EndpointTemplate? TokenEndpoint { get; init; }

    /// <summary>Where refreshing has an endpoint of its own; null when it is the token endpoint.</summary>
    public EndpointTemplate? RefreshEndpoint { get; init; }

    /// <summary>Where tokens are revoked; null when there is no such address.</summary>
    public EndpointTemplate? RevocationEndpoint { get; init; }

    /// <summary>How tokens are revoked there; null for the way of RFC 7009.</summary>
    public RevocationStyle? Revocation { get; init; }

    /// <summary>Revoking a token leaves the person's other tokens alone (RFC 7009 section 2.1). Where it does not, a replaced grant must not be revoked: its successor would go with it.</summary>
    public bool RevokesSingly { get; init; } = true;

    /// <summary>How to learn whose token it is; null when there is no way.</summary>
    public CatalogAccount? Account { get; init; }

    /// <summary>Where its MCP server is; null when it has none.</summary>
    public EndpointTemplate? McpEndpoint { get; init; }

    /// <summary>How clients authenticate. Anything but <c>none</c> means a secret is necessary.</summary>
    public ClientAuthentication ClientAuthentication { get; init; }

    /// <summary>What token requests are written in.</summary>
    public TokenRequestFormat TokenRequestFormat { get; init; }

    /// <summary>Whether it takes PKCE challenges.</summary>
    public bool Pkce { get; init; } = true;

    /// <summary>How it writes the challenge method S256; Canva does it in its own way.</summary>
    public string PkceMethod { get; init; } = "S256";

    /// <summary>Scopes asked for when the integration names none.</summary>
    public ImmutableArray<string> DefaultScopes { get; init; } = [];

    /// <summary>What people are asked to connect with those, in a sentence; null when <see cref="Description"/> says enough.</summary>
    public string? DefaultAccess { get; init; }

    /// <summary>What stands between scopes in requests.</summary>
    public string ScopeSeparator { get; init; } = " ";

    /// <summary>Name of the scope parameter; Slack keeps people's scopes in one of its own.</summary>
    public string ScopeParameter { get; init; } = "scope";

    /// <summary>Reported scope to asked scope, where the provider reports another name.</summary>
    public ImmutableDictionary<string, string> ScopeAliases { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Scopes with a line of explanation each.</summary>
    public ImmutableArray<CatalogScope> Scopes { get; init; } = [];

    /// <summary>Further parameters of the authorization request.</summary>
    public ImmutableDictionary<string, string> AuthorizeParameters { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Further parameters of the request that exchanges a code.</summary>
    public ImmutableDictionary<string, string> CodeParameters { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Member of the token answer that holds the person's token; null for the top.</summary>
    public string? TokenObject { get; init; }

    /// <summary>Token types used as bearer tokens, besides <c>bearer</c>.</summary>
    public ImmutableArray<string> BearerTypes { get; init; } = [];

    /// <summary>Error codes that mean the grant is dead, besides the usual ones.</summary>
    public ImmutableArray<string> DeadGrantErrors { get; init; } = [];

    /// <summary>Seconds an access token is taken to live when the answer does not say; null when it is then taken to live on.</summary>
    public int? UnstatedLifetime { get; init; }

    /// <summary>The scope that brings a refresh token and need not come back in the answer; null when there is none.</summary>
    public string? OfflineScope { get; init; }

    /// <summary>What the documentation says about the lives of its tokens; null when it says nothing.</summary>
    public TokenLives? Tokens { get; init; }

    /// <summary>What else is peculiar, in sentences for people.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];

    /// <summary>Begin of the names of the operator's settings for it (<c>Providers__{…}__ClientId</c>). App settings on Linux have no hyphens.</summary>
    public string SettingsKey => (PlatformApp ?? Key).Replace('-', '_');
}

/// <summary>A scope and what it lets an agent do.</summary>
/// <param name="Name">As it is sent.</param>
/// <param name="Explanation">In words for people.</param>
public sealed record CatalogScope(string Name, string Explanation);

/// <summary>Where a provider tells whose token it is, before an integration's parameters are filled in.</summary>
/// <param name="Url">The endpoint.</param>
/// <param name="Paths">Dotted paths into its JSON answer, numbers for places in arrays; the first that holds text is taken.</param>
/// <param name="Body">JSON to post; null for a GET.</param>
/// <param name="Headers">Headers the endpoint demands; null for none.</param>
/// <param name="TokenHeader">Header that takes the bare token; null for a bearer token in <c>Authorization</c>.</param>
/// <param name="TokenScheme">Authentication scheme in <c>Authorization</c>; null for <c>Bearer</c>.</param>
/// <param name="Scope">Scope without which it refuses good tokens too, so that asking proves nothing; null when any token will do.</param>
/// <param name="RefusalErrors">Values of <c>error</c> in its answer that mean a refused token, besides <c>invalid_token</c>, whatever the status; null for none.</param>
public sealed record CatalogAccount(
    EndpointTemplate Url, ImmutableArray<string> Paths, string? Body = null, ImmutableDictionary<string, string>? Headers = null, string? TokenHeader = null, string? TokenScheme = null,
    string? Scope = null, ImmutableArray<string>? RefusalErrors = null);

/// <summary>What a provider's documentation says about the lives of its tokens: for people who judge a provider or look for the reason of a lost grant.</summary>
/// <param name="AccessSeconds">How long an access token lives; null when it does not end or nothing is said.</param>
/// <param name="Refresh">Whether there are refresh tokens, and whether each use gives a new one.</param>
/// <param name="GraceSeconds">How long a used refresh token is accepted again; null when not at all or nothing is said.</param>
/// <param name="RefreshDays">Days a refresh token lives, used or not; null when it does not end or nothing is said.</param>
/// <param name="IdleDays">Days after which an unused refresh token ends; null when it does not or nothing is said.</param>
public sealed record TokenLives(RefreshTokens Refresh, int? AccessSeconds = null, int? GraceSeconds = null, int? RefreshDays = null, int? IdleDays = null);

/// <summary>What becomes of refresh tokens.</summary>
public enum RefreshTokens
{
    /// <summary>There are none.</summary>
    None,

    /// <summary>The first one stays.</summary>
    Kept,

    /// <summary>A use may give a new one; the old one goes on working for a while at least.</summary>
    Renewed,

    /// <summary>Each use gives a new one and ends the old one.</summary>
    Rotated,

    /// <summary>Depends on how the app is set up at the provider.</summary>
    BySetting,
}
