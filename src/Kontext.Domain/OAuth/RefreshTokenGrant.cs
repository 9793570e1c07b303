using System.Collections.Immutable;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>Refreshes a session's tokens. Within the leeway a repeated refresh gets the same successor; a replay after it ends the whole session (OAuth 2.1 section 4.3.1, architecture section 4).</summary>
public sealed class RefreshTokenGrant(
    ISessionStore sessions,
    IUserStore users,
    RefreshTokens refreshTokens,
    SessionRevocation revocation,
    AuthorizationCodeGrant approvals,
    TokenIssuing issuing,
    Resources resources,
    TimeProvider time)
{
    /// <summary>How long the previous token still gets its successor: clients refresh from several processes, and answers get lost.</summary>
    public static readonly TimeSpan Leeway = TimeSpan.FromSeconds(30);

    private static readonly Failure Invalid = new(FailureCode.InvalidGrant, "The refresh token is not valid: it is unknown, expired, revoked or another client's. Start a new authorization.");

    /// <summary>Runs the grant.</summary>
    public async Task<Result<TokenResponse>> RunAsync(TokenClient.Agent client, TokenRequest.Refresh request, CancellationToken cancellationToken)
    {
        if (await refreshTokens.ReadAsync(client.Org, request.Token.Reveal(), cancellationToken) is not { } name || name.Application != client.Application.Id)
            return Invalid;

        if (!(await RotateAsync(client, name, request, cancellationToken)).TryGet(out var session, out var failure))
            return failure;
        if (await users.CurrentAsync(client.Org, session.User, cancellationToken) is not { Disabled: false } user)
            return Invalid with { Detail = "user gone or disabled" };

        if (!approvals.Narrow(session.Resources, request.Resources).TryGet(out var targets, out failure))
            return failure;
        var audience = targets.IsEmpty ? resources.Issuer : targets[0];
        var granted = approvals.ScopesFor(session.Scopes, audience);
        var scopes = request.Scopes.IsEmpty ? granted : [.. granted.Where(scope => request.Scopes.Contains(scope))];
        return await issuing.IssueAsync(client.Org, client.Application, user, session, audience, scopes, "refresh_token", idToken: null, client.KeyThumbprint, cancellationToken);
    }

    /// <summary>Does a live session still take the refresh token of this generation?</summary>
    internal static bool Takes(Session session, int generation, DateTimeOffset now) =>
        generation == session.Generation || (generation == session.Generation - 1 && now - session.RotatedAt <= Leeway);

    private async Task<Result<Session>> RotateAsync(TokenClient.Agent client, RefreshTokenName name, TokenRequest.Refresh request, CancellationToken cancellationToken)
    {
        while (true)
        {
            var now = time.GetUtcNow();
            if (await sessions.FindAsync(client.Org, name.Application, name.Session, cancellationToken) is not { } current || !current.Value.IsLive(now))
                return Invalid;
            var session = current.Value;
            // Before the token is spent: a client that asked for too much may ask again with the same token.
            if (Refusal(session, client, request) is { } refused)
                return refused;
            if (name.Generation == session.Generation)
            {
                var next = session with
                {
                    Generation = session.Generation + 1,
                    KeyThumbprint = session.KeyThumbprint ?? KeyBinding.OfSession(client),
                    RotatedAt = now,
                    LastActiveAt = now,
                    TokenExpiresAt = now + AccessTokenClaims.Lifetime,
                };
                if (await sessions.ReplaceAsync(client.Org, current, next, cancellationToken) is not null)
                    return next;
                continue; // Somebody rotated at the same moment: what we hold is now the previous generation.
            }
            if (Takes(session, name.Generation, now))
                return session;
            await revocation.RunAsync(client.Org, client.Application, name.Session, "a spent refresh token was used again", CancellationToken.None);
            return Invalid with { Detail = "replayed" };
        }
    }

    private Failure? Refusal(Session session, TokenClient.Agent client, TokenRequest.Refresh request)
    {
        if (KeyBinding.RefusalToRedeem(session.KeyThumbprint, client.KeyThumbprint, "refresh token") is { } otherKey)
            return otherKey;
        if (!approvals.Narrow(session.Resources, request.Resources).TryGet(out _, out var failure))
            return failure;
        return request.Scopes.Any(scope => !session.Scopes.Contains(scope))
            ? new Failure(FailureCode.InvalidScope, "A refresh can narrow the granted scopes, not widen them.")
            : null;
    }
}
