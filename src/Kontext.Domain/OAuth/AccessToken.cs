using System.Collections.Immutable;

namespace Kontext.Domain.OAuth;

/// <summary>The claims of an access token (RFC 9068 section 2.2).</summary>
public sealed record AccessTokenClaims
{
    /// <summary>How long an access token lives.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);

    /// <summary><c>sub</c>: the user id, or the client id of a service account.</summary>
    public required string Subject { get; init; }

    /// <summary><c>aud</c>.</summary>
    public required string Audience { get; init; }

    /// <summary><c>client_id</c>.</summary>
    public required string ClientId { get; init; }

    /// <summary><c>app</c>: the application behind the client id; null for service accounts.</summary>
    public AppId? Application { get; init; }

    /// <summary><c>org</c>.</summary>
    public required OrgId Org { get; init; }

    /// <summary><c>sid</c>; null for service accounts.</summary>
    public SessionId? Session { get; init; }

    /// <summary><c>scope</c>, and <c>scp</c> as an array (contract 3.6).</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary><c>iat</c>.</summary>
    public required DateTimeOffset IssuedAt { get; init; }

    /// <summary><c>exp</c>.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary><c>jti</c>.</summary>
    public required string TokenId { get; init; }

    /// <summary><c>cnf.jkt</c>: the thumbprint of the key it is bound to (RFC 9449 section 6.1); null for a bearer token.</summary>
    public string? KeyThumbprint { get; init; }

    /// <summary><c>act</c>: the client that acts, where it did not obtain the first token itself, and those before it (RFC 8693 section 4.1); null otherwise.</summary>
    public ActorClaim? Actor { get; init; }

    /// <summary><c>may_act</c>: the one client that may exchange this token (RFC 8693 section 4.4); null when only the client it was issued to may.</summary>
    public string? MayAct { get; init; }
}

/// <summary>An actor and, nested, who acted before it (RFC 8693 section 4.1): the outermost acts now.</summary>
/// <param name="ClientId">The client that acts.</param>
/// <param name="Prior">Who acted before; null for the first.</param>
public sealed record ActorClaim(string ClientId, ActorClaim? Prior)
{
    /// <summary>How many actors may follow each other: nobody reads a longer chain.</summary>
    public const int MaxDepth = 5;

    /// <summary>The client ids, the current actor first.</summary>
    public IReadOnlyList<string> Chain => Prior is null ? [ClientId] : [ClientId, .. Prior.Chain];
}

/// <summary>The claims of an ID token (OpenID Connect Core section 2).</summary>
public sealed record IdTokenClaims
{
    /// <summary><c>sub</c>.</summary>
    public required UserId Subject { get; init; }

    /// <summary><c>aud</c>: the client.</summary>
    public required string ClientId { get; init; }

    /// <summary><c>nonce</c>; null when the request had none.</summary>
    public string? Nonce { get; init; }

    /// <summary><c>name</c>; null when not granted or unknown.</summary>
    public string? Name { get; init; }

    /// <summary><c>email</c>; null when not granted or unknown.</summary>
    public string? Email { get; init; }

    /// <summary><c>sid</c>.</summary>
    public required SessionId Session { get; init; }

    /// <summary><c>auth_time</c>.</summary>
    public required DateTimeOffset SignedInAt { get; init; }

    /// <summary><c>iat</c>.</summary>
    public required DateTimeOffset IssuedAt { get; init; }

    /// <summary><c>exp</c>.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }
}

/// <summary>Signs and reads our tokens. The algorithm is fixed per key; nothing in a token's header chooses it.</summary>
public interface ITokenSigner
{
    /// <summary>A signed access token (<c>typ</c> at+jwt).</summary>
    ValueTask<Secret> SignAsync(AccessTokenClaims claims, CancellationToken cancellationToken);

    /// <summary>A signed ID token.</summary>
    ValueTask<Secret> SignAsync(IdTokenClaims claims, CancellationToken cancellationToken);

    /// <summary>The claims of a token that we signed as an access token and that has not expired; <see cref="FailureCode.InvalidToken"/> otherwise.</summary>
    ValueTask<Result<AccessTokenClaims>> ReadAsync(string token, CancellationToken cancellationToken);
}
