using System.Collections.Immutable;

namespace Kontext.Domain.Vault;

/// <summary>How an OAuth client shows a provider who it is (RFC 6749 section 2.3).</summary>
public enum ClientAuthentication
{
    /// <summary>HTTP Basic.</summary>
    Basic,

    /// <summary>Id and secret in the form.</summary>
    Post,

    /// <summary>The id alone: a public client.</summary>
    None,
}

/// <summary>What a token request is written in.</summary>
public enum TokenRequestFormat
{
    /// <summary>A form, as RFC 6749 has it.</summary>
    Form,

    /// <summary>A JSON object with the same members.</summary>
    Json,
}

/// <summary>Our OAuth app at a provider: where its endpoints are, who we are there, and what is peculiar about it. Made anew for each use from catalog, configuration and vault.</summary>
public sealed record ProviderApp
{
    /// <summary>Name for people.</summary>
    public required string Name { get; init; }

    /// <summary>Authorization endpoint.</summary>
    public required Uri AuthorizationEndpoint { get; init; }

    /// <summary>Token endpoint.</summary>
    public required Uri TokenEndpoint { get; init; }

    /// <summary>Where refreshes go.</summary>
    public required Uri RefreshEndpoint { get; init; }

    /// <summary>Where tokens are revoked; null when there is no such address.</summary>
    public Uri? RevocationEndpoint { get; init; }

    /// <summary>How tokens are revoked there; null for the way of RFC 7009.</summary>
    public RevocationStyle? Revocation { get; init; }

    /// <summary>Revoking a token leaves the person's other tokens alone.</summary>
    public bool RevokesSingly { get; init; } = true;

    /// <summary>How to learn the account's name; null when there is no way.</summary>
    public AccountIdentity? Account { get; init; }

    /// <summary>The issuer, compared with <c>iss</c> in authorization responses (RFC 9207); null when not known.</summary>
    public string? Issuer { get; init; }

    /// <summary>The provider promises to send <c>iss</c>, so a response without it is refused.</summary>
    public bool SendsIssuer { get; init; }

    /// <summary>Our client id there.</summary>
    public required string ClientId { get; init; }

    /// <summary>Our secret there; null for a public client.</summary>
    public Secret? ClientSecret { get; init; }

    /// <summary>We registered the client ourselves (RFC 7591): a provider that forgot it is asked for another.</summary>
    public bool Registered { get; init; }

    /// <summary>How we authenticate.</summary>
    public ClientAuthentication Authentication { get; init; }

    /// <summary>What token requests are written in.</summary>
    public TokenRequestFormat TokenRequestFormat { get; init; }

    /// <summary>Scopes to ask for.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary>What stands between scopes in requests.</summary>
    public string ScopeSeparator { get; init; } = " ";

    /// <summary>Name of the scope parameter in authorization requests.</summary>
    public string ScopeParameter { get; init; } = "scope";

    /// <summary>Other names under which the provider reports a scope it was asked for: reported to asked.</summary>
    public ImmutableDictionary<string, string> ScopeAliases { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Further parameters of the authorization request.</summary>
    public ImmutableDictionary<string, string> AuthorizeParameters { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Further parameters of the request that exchanges a code.</summary>
    public ImmutableDictionary<string, string> CodeParameters { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Whether PKCE is used (RFC 7636).</summary>
    public bool Pkce { get; init; } = true;

    /// <summary>How the provider writes the challenge method S256.</summary>
    public string PkceMethod { get; init; } = "S256";

    /// <summary>Resource indicator sent in authorization and token requests (RFC 8707); null for none.</summary>
    public string? Resource { get; init; }

    /// <summary>Member of the token answer that holds the person's token; null when it is at the top, as RFC 6749 has it.</summary>
    public string? TokenObject { get; init; }

    /// <summary>Error codes that mean the grant is dead, besides the usual ones.</summary>
    public ImmutableArray<string> DeadGrantErrors { get; init; } = [];

    /// <summary>Token types that are used as bearer tokens, besides <c>bearer</c>.</summary>
    public ImmutableArray<string> BearerTypes { get; init; } = [];

    /// <summary>How long an access token is taken to live when the answer does not say; null when it is then taken to live on.</summary>
    public TimeSpan? UnstatedLifetime { get; init; }

    /// <summary>The scope that brings a refresh token and need not come back in the answer.</summary>
    public string OfflineScope { get; init; } = "offline_access";

    /// <summary>Whose client id and secret these are, for error messages: names the setting an administrator has to look at.</summary>
    public required string Setting { get; init; }
}

/// <summary>Where a provider tells whose token it is.</summary>
public sealed record AccountIdentity
{
    /// <summary>The endpoint.</summary>
    public required Uri Url { get; init; }

    /// <summary>Dotted paths into its JSON answer, numbers for places in arrays; the first that holds text is taken.</summary>
    public required ImmutableArray<string> Paths { get; init; }

    /// <summary>JSON to post; null for a GET.</summary>
    public string? Body { get; init; }

    /// <summary>Scope without which it refuses good tokens too, so that asking proves nothing; null when any token will do.</summary>
    public string? Scope { get; init; }

    /// <summary>Values of <c>error</c> in its answer that mean a refused token, besides <c>invalid_token</c>; whatever the status. Null for none.</summary>
    public ImmutableArray<string>? RefusalErrors { get; init; }

    /// <summary>Headers the endpoint demands; null for none.</summary>
    public ImmutableDictionary<string, string>? Headers { get; init; }

    /// <summary>Header that takes the bare token; null for <c>Authorization</c>.</summary>
    public string? TokenHeader { get; init; }

    /// <summary>Authentication scheme in <c>Authorization</c>.</summary>
    public string TokenScheme { get; init; } = "Bearer";
}
