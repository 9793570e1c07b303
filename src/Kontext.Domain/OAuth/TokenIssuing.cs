using System.Collections.Immutable;
using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>Issues the tokens of a session, and records that it did before they leave.</summary>
public sealed class TokenIssuing(ITokenSigner signer, RefreshTokens refreshTokens, IAuditLog audit, TimeProvider time, Resources resources)
{
    /// <summary>An access token for one resource of the session, with the refresh token of the session's current generation. It is bound to the key, when one was proven.</summary>
    public async Task<TokenResponse> IssueAsync(OrgId org, Application application, User user, Session session, string audience, ImmutableArray<string> scopes, string grant, IdTokenClaims? idToken, string? keyThumbprint, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var access = await signer.SignAsync(Claims(org, application.ClientId, user.Id.ToString(), session, audience, scopes, now, session.ExpiresAt) with { KeyThumbprint = keyThumbprint }, cancellationToken);
        var refresh = await refreshTokens.DeriveAsync(new RefreshTokenName(org, application.Id, session.Id, session.Generation), cancellationToken);
        var id = idToken is null ? null : await signer.SignAsync(idToken, cancellationToken);
        await audit.AppendAsync(org, Event(application, user, session, grant, audience, scopes, now), cancellationToken);
        return new TokenResponse
        {
            AccessToken = access,
            TokenType = TypeOf(keyThumbprint),
            ExpiresIn = Remaining(now, session.ExpiresAt),
            RefreshToken = refresh,
            IdToken = id,
            Scopes = scopes,
        };
    }

    /// <summary>An access token without a refresh token: the result of an exchange, not longer-lived than what it was exchanged for.</summary>
    public async Task<TokenResponse> ExchangedAsync(OrgId org, Application application, User user, Session session, ExchangedToken token, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var end = token.NotAfter < session.ExpiresAt ? token.NotAfter : session.ExpiresAt;
        var claims = Claims(org, application.ClientId, user.Id.ToString(), session, token.Audience, token.Scopes, now, end) with
        {
            Actor = token.Actor,
            MayAct = token.MayAct,
            KeyThumbprint = token.KeyThumbprint,
        };
        var access = await signer.SignAsync(claims, cancellationToken);
        await audit.AppendAsync(org, Event(application, user, session, "token_exchange", token.Audience, token.Scopes, now) with
        {
            Act = token.Actor?.Chain,
            TraceId = token.TraceId,
            ExpiresIn = Seconds(Remaining(now, end)),
        }, cancellationToken);
        return new TokenResponse { AccessToken = access, TokenType = TypeOf(token.KeyThumbprint), ExpiresIn = Remaining(now, end), Scopes = token.Scopes, IssuedTokenType = token.IssuedTokenType };
    }

    /// <summary>A management token of a service account.</summary>
    public async Task<TokenResponse> ForServiceAsync(OrgId org, ServiceAccount account, string? keyThumbprint, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var clientId = account.Id.ClientId;
        var access = await signer.SignAsync(Claims(org, clientId, clientId, session: null, resources.Api, [Scopes.Management], now, DateTimeOffset.MaxValue) with { KeyThumbprint = keyThumbprint }, cancellationToken);
        await audit.AppendAsync(org, new AuditEvent
        {
            At = now,
            Type = AuditTypes.TokenIssued,
            Actor = new AuditParty(clientId, account.Name),
            Target = resources.Api,
            Scopes = [Scopes.Management],
            ExpiresIn = Seconds(AccessTokenClaims.Lifetime),
        }, cancellationToken);
        return new TokenResponse { AccessToken = access, TokenType = TypeOf(keyThumbprint), ExpiresIn = AccessTokenClaims.Lifetime, Scopes = [Scopes.Management] };
    }

    private static AccessTokenClaims Claims(OrgId org, string clientId, string subject, Session? session, string audience, ImmutableArray<string> scopes, DateTimeOffset now, DateTimeOffset notAfter) => new()
    {
        Subject = subject,
        Audience = audience,
        ClientId = clientId,
        Org = org,
        Application = session?.Application,
        Session = session?.Id,
        Scopes = scopes,
        IssuedAt = now,
        ExpiresAt = now + Remaining(now, notAfter),
        TokenId = RandomValue.ShortId(),
    };

    private static string TypeOf(string? keyThumbprint) => keyThumbprint is null ? TokenResponse.Bearer : TokenResponse.DPoP;

    private static TimeSpan Remaining(DateTimeOffset now, DateTimeOffset notAfter) =>
        notAfter - now < AccessTokenClaims.Lifetime ? notAfter - now : AccessTokenClaims.Lifetime;

    private static AuditEvent Event(Application application, User user, Session session, string grant, string audience, ImmutableArray<string> scopes, DateTimeOffset now) => new()
    {
        At = now,
        Type = AuditTypes.TokenIssued,
        Agent = new AuditParty(application.Id.ToString(), application.Name),
        User = new AuditParty(user.Id.ToString(), user.DisplayName),
        SessionId = session.Id.ToString(),
        Capability = grant,
        Target = audience,
        Scopes = scopes,
        ExpiresIn = Seconds(Remaining(now, session.ExpiresAt)),
    };

    private static string Seconds(TimeSpan span) => $"{(long)span.TotalSeconds}s";
}

/// <summary>What is to be issued by an exchange (RFC 8693 section 2.2.1).</summary>
public sealed record ExchangedToken
{
    /// <summary><c>aud</c>.</summary>
    public required string Audience { get; init; }

    /// <summary>Granted scopes.</summary>
    public required ImmutableArray<string> Scopes { get; init; }

    /// <summary>End of the subject token: the new one does not outlive it.</summary>
    public required DateTimeOffset NotAfter { get; init; }

    /// <summary><c>act</c>; null without delegation.</summary>
    public ActorClaim? Actor { get; init; }

    /// <summary><c>may_act</c>; null when only the client itself may exchange it.</summary>
    public string? MayAct { get; init; }

    /// <summary>The key it is bound to (RFC 9449 section 6.1); null for a bearer token.</summary>
    public string? KeyThumbprint { get; init; }

    /// <summary>What the client is told it got.</summary>
    public string IssuedTokenType { get; init; } = SubjectTokenTypes.AccessToken;

    /// <summary>W3C trace id of the request; null when there is none.</summary>
    public string? TraceId { get; init; }
}
