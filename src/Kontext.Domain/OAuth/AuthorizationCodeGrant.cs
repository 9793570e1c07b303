using System.Collections.Immutable;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>Redeems an authorization code: creates the session it stands for and issues its first tokens (OAuth 2.1 section 4.1.3).</summary>
public sealed class AuthorizationCodeGrant(
    IAuthorizationCodeStore codes,
    ISessionStore sessions,
    IUserStore users,
    SessionRevocation revocation,
    TokenIssuing issuing,
    Resources resources,
    TimeProvider time)
{
    /// <summary>How long an approval lasts.</summary>
    public static readonly TimeSpan SessionLifetime = TimeSpan.FromHours(8);

    private static readonly Failure Invalid = new(FailureCode.InvalidGrant, "The authorization code is not valid: it is unknown, expired, already redeemed or another client's. Start a new authorization.");

    /// <summary>Runs the grant.</summary>
    public async Task<Result<TokenResponse>> RunAsync(TokenClient.Agent client, TokenRequest.AuthorizationCode request, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var presented = request.Code.Reveal();
        if (!OrgHandle.TryRead(presented, OrgHandle.AuthorizationCode, out var org) || org != client.Org
            || await codes.FindAsync(org, RandomValue.HashOf(presented), cancellationToken) is not { } code
            || code.Application != client.Application.Id)
            return Invalid;
        if (now >= code.ExpiresAt)
            return Invalid with { Detail = "expired" };
        // Enforced when it is sent: OAuth 2.1 no longer demands the parameter here.
        if (request.RedirectUri is not null && request.RedirectUri != code.RedirectUri)
            return Invalid with { Message = "redirect_uri is not the one the code was sent to." };
        if (CheckVerifier(code, request) is { } refused)
            return refused;
        if (KeyBinding.RefusalToRedeem(code.KeyThumbprint, client.KeyThumbprint, "authorization code") is { } otherKey)
            return otherKey;
        if (!Narrow(code.Resources, request.Resources).TryGet(out var targets, out var failure))
            return failure;
        return await RedeemAsync(client, code, targets, "authorization_code", Invalid, cancellationToken);
    }

    /// <summary>Creates the session an approval stands for and issues its first tokens, once.</summary>
    /// <param name="client">The agent.</param>
    /// <param name="code">The approval.</param>
    /// <param name="targets">The resources this request asks for.</param>
    /// <param name="grant">The grant, as the audit trail names it.</param>
    /// <param name="invalid">What to answer when it cannot be redeemed.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    internal async Task<Result<TokenResponse>> RedeemAsync(TokenClient.Agent client, AuthorizationCode code, ImmutableArray<string> targets, string grant, Failure invalid, CancellationToken cancellationToken)
    {
        var (org, now) = (client.Org, time.GetUtcNow());
        if (await users.CurrentAsync(org, code.User, cancellationToken) is not { Disabled: false } user)
            return invalid with { Detail = "user gone or disabled" };

        // INVARIANT: the session's insertion is what spends the code. A second redemption finds the session there.
        var session = SessionOf(client, code, now);
        if (!await sessions.InsertAsync(org, session, cancellationToken))
        {
            // Somebody holds the code and its verifier a second time: what was issued for it can no longer be trusted (OAuth 2.1 section 4.1.3).
            await revocation.RunAsync(org, client.Application, code.Session, $"its {grant.Replace('_', ' ')} was redeemed twice", CancellationToken.None);
            return invalid with { Detail = "redeemed twice" };
        }

        var audience = targets.IsEmpty ? resources.Issuer : targets[0];
        return await issuing.IssueAsync(org, client.Application, user, session, audience, ScopesFor(session.Scopes, audience), grant, IdToken(client, code, user, now), client.KeyThumbprint, cancellationToken);
    }

    /// <summary>The session's scopes that mean something at a resource.</summary>
    internal ImmutableArray<string> ScopesFor(ImmutableArray<string> scopes, string audience) =>
        [.. scopes.Where(scope => scope switch
        {
            Scopes.Invoke => resources.IsGateway(audience),
            Scopes.Management => audience == resources.Api,
            _ => true,
        })];

    /// <summary>The resources a token is asked for, which have to be among those approved; all approved ones when none is named.</summary>
    internal Result<ImmutableArray<string>> Narrow(ImmutableArray<string> approved, IReadOnlyList<string> asked)
    {
        if (asked.Count == 0)
            return approved;
        if (!resources.CanonicalAll(asked).TryGet(out var targets, out var failure))
            return failure;
        return targets.FirstOrDefault(target => !approved.Contains(target)) is { } extra
            ? new Failure(FailureCode.InvalidTarget, $"The person did not approve tokens for {extra}.")
            : targets;
    }

    private static Failure? CheckVerifier(AuthorizationCode code, TokenRequest.AuthorizationCode request)
    {
        if (code.CodeChallenge is null)
            return request.CodeVerifier is null ? null : new Failure(FailureCode.InvalidGrant, "The authorization request had no code_challenge, so code_verifier cannot be checked.");
        if (request.CodeVerifier is null)
            return new Failure(FailureCode.InvalidGrant, "code_verifier is missing (PKCE, RFC 7636).");
        return Pkce.IsVerifier(request.CodeVerifier) && Pkce.Matches(request.CodeVerifier, code.CodeChallenge)
            ? null
            : new Failure(FailureCode.InvalidGrant, "code_verifier does not belong to the code_challenge of the authorization request (PKCE, RFC 7636).");
    }

    private static Session SessionOf(TokenClient.Agent client, AuthorizationCode code, DateTimeOffset now) => new()
    {
        Id = code.Session,
        Application = client.Application.Id,
        User = code.User,
        Name = client.Application.Name,
        Scopes = code.Scopes,
        Resources = code.Resources,
        Approved = code.Approved,
        KeyThumbprint = KeyBinding.OfSession(client),
        CreatedAt = now,
        ExpiresAt = now + SessionLifetime,
        TokenExpiresAt = now + AccessTokenClaims.Lifetime,
        RotatedAt = now,
        LastActiveAt = now,
    };

    private static IdTokenClaims? IdToken(TokenClient.Agent client, AuthorizationCode code, User user, DateTimeOffset now) =>
        !code.Scopes.Contains(Scopes.OpenId) ? null : new IdTokenClaims
        {
            Subject = user.Id,
            ClientId = client.ClientId,
            Nonce = code.Nonce,
            Name = code.Scopes.Contains("profile") ? user.DisplayName : null,
            Email = code.Scopes.Contains("email") ? user.Email : null,
            Session = code.Session,
            SignedInAt = code.SignedInAt,
            IssuedAt = now,
            ExpiresAt = now + AccessTokenClaims.Lifetime,
        };
}
