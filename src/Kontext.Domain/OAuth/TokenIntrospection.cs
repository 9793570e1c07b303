using System.Collections.Immutable;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>What is said about a token that is good now (RFC 7662 section 2.2).</summary>
public sealed record IntrospectedToken
{
    /// <summary><c>client_id</c>.</summary>
    public required string ClientId { get; init; }

    /// <summary><c>sub</c>: the person, or the client id of a service account.</summary>
    public required string Subject { get; init; }

    /// <summary><c>aud</c>: one resource for an access token, all approved ones for a refresh token.</summary>
    public ImmutableArray<string> Audience { get; init; } = [];

    /// <summary><c>scope</c>.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary><c>iat</c>.</summary>
    public required DateTimeOffset IssuedAt { get; init; }

    /// <summary><c>exp</c>.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary><c>sid</c>; null for service accounts.</summary>
    public SessionId? Session { get; init; }

    /// <summary><c>jti</c>; null for refresh tokens.</summary>
    public string? TokenId { get; init; }

    /// <summary><c>act</c>: the clients that act for the person; null when it is the one the token was issued to.</summary>
    public ActorClaim? Actor { get; init; }

    /// <summary><c>cnf.jkt</c>: the key it is bound to (RFC 9449 section 6.2); null for a bearer token, and for a refresh token of a client that authenticates.</summary>
    public string? KeyThumbprint { get; init; }

    /// <summary><c>token_type</c> (RFC 6749 section 5.1); null for a refresh token, which is none of those.</summary>
    public string? TokenType { get; init; }
}

/// <summary>
/// Tells a client about a token (RFC 7662). It learns about its own tokens: those issued to it, by exchange as well.
/// An organization's service account, which may manage all of it, learns about every token of the organization. The resources our tokens are for
/// are Kontext's own, so no other resource server has a part in this. Everything else, and what does not work any more, is the same nothing.
/// </summary>
public sealed class TokenIntrospection(TokenCallers callers, RefreshTokens refreshTokens, ISessionStore sessions, IApplicationStore applications, IUserStore users, TimeProvider time)
{
    private const string RefreshTokenHint = "refresh_token";

    /// <summary>What can be said; null for a token that is unknown, ended or none of the client's. The hint only says where to look first (RFC 7662 section 2.1).</summary>
    public async Task<IntrospectedToken?> RunAsync(TokenClient client, string token, string? hint, CancellationToken cancellationToken) => hint == RefreshTokenHint
        ? await RefreshAsync(client, token, cancellationToken) ?? await AccessAsync(client, token, cancellationToken)
        : await AccessAsync(client, token, cancellationToken) ?? await RefreshAsync(client, token, cancellationToken);

    private async Task<IntrospectedToken?> AccessAsync(TokenClient client, string token, CancellationToken cancellationToken)
    {
        if (!(await callers.FindAsync(token, _ => true, cancellationToken)).TryGet(out var found, out _))
            return null;
        var claims = found.Claims;
        if (claims.Org != client.Org || (client is not TokenClient.Service && claims.ClientId != client.ClientId))
            return null;
        return new IntrospectedToken
        {
            ClientId = claims.ClientId,
            Subject = claims.Subject,
            Audience = [claims.Audience],
            Scopes = claims.Scopes,
            IssuedAt = claims.IssuedAt,
            ExpiresAt = claims.ExpiresAt,
            Session = claims.Session,
            TokenId = claims.TokenId,
            Actor = claims.Actor,
            KeyThumbprint = claims.KeyThumbprint,
            TokenType = claims.KeyThumbprint is null ? "Bearer" : "DPoP",
        };
    }

    private async Task<IntrospectedToken?> RefreshAsync(TokenClient client, string token, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (await refreshTokens.ReadAsync(client.Org, token, cancellationToken) is not { } name
            || (client is TokenClient.Agent agent && agent.Application.Id != name.Application)
            || await sessions.FindAsync(client.Org, name.Application, name.Session, cancellationToken) is not { Value: var session }
            || !session.IsLive(now) || !RefreshTokenGrant.Takes(session, name.Generation, now)
            || await applications.CurrentAsync(client.Org, name.Application, cancellationToken) is not { Archived: false } application
            || await users.CurrentAsync(client.Org, session.User, cancellationToken) is not { Disabled: false })
            return null;
        return new IntrospectedToken
        {
            ClientId = application.ClientId,
            Subject = session.User.ToString(),
            Audience = session.Resources,
            Scopes = session.Scopes,
            IssuedAt = name.Generation == session.Generation ? session.RotatedAt : session.CreatedAt,
            ExpiresAt = session.ExpiresAt,
            Session = session.Id,
            KeyThumbprint = session.KeyThumbprint,
        };
    }
}
