using System.Collections.Immutable;

namespace Kontext.Domain.Vault;

/// <summary>A token endpoint's answer, after all that providers do differently has been evened out.</summary>
public sealed record TokenAnswer
{
    /// <summary>The access token; null when the answer holds none, or one we cannot use.</summary>
    public required Secret? AccessToken { get; init; }

    /// <summary>A refresh token; null when the answer holds none, which after a refresh means that the old one stays.</summary>
    public Secret? RefreshToken { get; init; }

    /// <summary>When the access token ends, counted from when the request was sent; null when not said in a usable way.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Granted scopes; null when not said, which means as asked (RFC 6749 section 5.1).</summary>
    public ImmutableArray<string>? Scopes { get; init; }

    /// <summary>The token type as it came.</summary>
    public string? TokenType { get; init; }

    /// <summary>Why there is no access token, in words. A new refresh token in such an answer has to be kept all the same.</summary>
    public string? Problem { get; init; }
}

/// <summary>What a provider's metadata says (RFC 8414, OpenID Connect Discovery).</summary>
public sealed record IssuerMetadata
{
    /// <summary>The issuer, equal to the one asked.</summary>
    public required string Issuer { get; init; }

    /// <summary>Authorization endpoint.</summary>
    public required Uri AuthorizationEndpoint { get; init; }

    /// <summary>Token endpoint.</summary>
    public required Uri TokenEndpoint { get; init; }

    /// <summary>Revocation endpoint; null for none.</summary>
    public Uri? RevocationEndpoint { get; init; }

    /// <summary>OpenID userinfo endpoint; null for none.</summary>
    public Uri? UserInfoEndpoint { get; init; }

    /// <summary>How clients may authenticate; empty when not said, which means Basic.</summary>
    public ImmutableArray<string> ClientAuthentications { get; init; } = [];

    /// <summary>Where clients register themselves (RFC 7591); null when they cannot.</summary>
    public Uri? RegistrationEndpoint { get; init; }

    /// <summary>Client metadata documents are accepted (<c>client_id_metadata_document_supported</c>).</summary>
    public bool TakesClientDocuments { get; init; }

    /// <summary>PKCE methods (RFC 8414 section 2); empty when not said.</summary>
    public ImmutableArray<string> ChallengeMethods { get; init; } = [];

    /// <summary>Scopes the issuer tells of; empty when it does not.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary><c>iss</c> is sent in authorization responses (RFC 9207).</summary>
    public bool SendsIssuer { get; init; }
}

/// <summary>Talks to OAuth providers. Every call has a time limit of its own below <see cref="CredentialRefresh.CallLimit"/> and never throws for what a provider does.
/// Failures: <see cref="FailureCode.InvalidGrant"/> the grant is dead; <see cref="FailureCode.Misconfigured"/> an administrator must act;
/// <see cref="FailureCode.InvalidClient"/> the client that we registered there ourselves is no longer known;
/// <see cref="FailureCode.Unavailable"/> refused this time, nothing was done; <see cref="FailureCode.UpstreamFailed"/> no usable answer: what was sent may have been acted on.</summary>
public interface IProviderClient
{
    /// <summary>Exchanges an authorization code (RFC 6749 section 4.1.3); the verifier is null without PKCE.</summary>
    Task<Result<TokenAnswer>> ExchangeCodeAsync(ProviderApp app, Secret code, Uri redirectUri, Secret? codeVerifier, CancellationToken cancellationToken);

    /// <summary>Refreshes (RFC 6749 section 6).</summary>
    Task<Result<TokenAnswer>> RefreshAsync(ProviderApp app, Secret refreshToken, CancellationToken cancellationToken);

    /// <summary>Revokes a token (RFC 7009); <paramref name="hint"/> is <c>access_token</c> or <c>refresh_token</c>.</summary>
    Task<Result<Done>> RevokeAsync(ProviderApp app, Secret token, string hint, CancellationToken cancellationToken);

    /// <summary>Asks whose token it is: the account's name, null where the provider accepts the token and tells no name.
    /// <see cref="FailureCode.InvalidToken"/> means that the provider refused the token; any other failure says nothing about it.</summary>
    Task<Result<string?>> IdentityAsync(string name, AccountIdentity account, Secret accessToken, CancellationToken cancellationToken);

    /// <summary>Reads an issuer's metadata.</summary>
    Task<Result<IssuerMetadata>> DiscoverAsync(string issuer, CancellationToken cancellationToken);
}
