using System.Collections.Immutable;

namespace Kontext.Domain.OAuth;

/// <summary>What a person approved, waiting for the agent to fetch its tokens (OAuth 2.1 section 4.1.2). Redeeming it creates the session whose id it carries, so it can be redeemed once.</summary>
public sealed record AuthorizationCode
{
    /// <summary>How long a code can be redeemed.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(60);

    /// <summary>Hash of the code.</summary>
    public required string Hash { get; init; }

    /// <summary>The agent it is for.</summary>
    public required AppId Application { get; init; }

    /// <summary>The person who approved.</summary>
    public required UserId User { get; init; }

    /// <summary>The redirect URI it was sent to.</summary>
    public required string RedirectUri { get; init; }

    /// <summary>PKCE challenge; null when none was demanded or sent.</summary>
    public string? CodeChallenge { get; init; }

    /// <summary>The key that has to redeem it (<c>dpop_jkt</c>, RFC 9449 section 10); null when any may.</summary>
    public string? KeyThumbprint { get; init; }

    /// <summary>Approved scopes.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary>Approved resources.</summary>
    public ImmutableArray<string> Resources { get; init; } = [];

    /// <summary>Approved integrations.</summary>
    public ImmutableArray<IntegrationId> Approved { get; init; } = [];

    /// <summary>OpenID Connect nonce for the ID token.</summary>
    public string? Nonce { get; init; }

    /// <summary>When the person signed in.</summary>
    public required DateTimeOffset SignedInAt { get; init; }

    /// <summary>The session that redeeming creates.</summary>
    public required SessionId Session { get; init; }

    /// <summary>When it stops being redeemable.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }
}

/// <summary>Keeps authorization codes until they expire.</summary>
public interface IAuthorizationCodeStore
{
    /// <summary>Adds it.</summary>
    Task InsertAsync(OrgId org, AuthorizationCode code, CancellationToken cancellationToken);

    /// <summary>By hash; null when unknown.</summary>
    Task<AuthorizationCode?> FindAsync(OrgId org, string hash, CancellationToken cancellationToken);
}
