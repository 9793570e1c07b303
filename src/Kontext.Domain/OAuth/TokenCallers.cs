using System.Collections.Immutable;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>Establishes who presents an access token: signature and claims, then that session, person and application still live.</summary>
public sealed class TokenCallers(ITokenSigner signer, ISessionStore sessions, IApplicationStore applications, IUserStore users, IServiceAccountStore serviceAccounts, TimeProvider time)
{
    private static readonly Failure Revoked = new(FailureCode.InvalidToken, "The access token is no longer valid: its session, application or user was revoked. Authorize again.");

    /// <summary>The caller behind a bearer token for one of the audiences the predicate accepts. A token that is bound to a key is refused: without proof of it, it may be stolen (RFC 9449 section 7.2).</summary>
    public async ValueTask<Result<(Caller Caller, AccessTokenClaims Claims)>> ResolveAsync(string token, Func<string, bool> acceptsAudience, CancellationToken cancellationToken)
    {
        if (!(await FindAsync(token, acceptsAudience, cancellationToken)).TryGet(out var resolved, out var failure))
            return failure;
        return KeyBinding.Refusal(resolved.Claims, resolved.Caller, proven: null) is { } refusal ? refusal : resolved;
    }

    /// <summary>The caller a token was issued for, whether or not whoever sent it has the token's key: that is for the one who asks to check.</summary>
    public async ValueTask<Result<(Caller Caller, AccessTokenClaims Claims)>> FindAsync(string token, Func<string, bool> acceptsAudience, CancellationToken cancellationToken)
    {
        if (!(await signer.ReadAsync(token, cancellationToken)).TryGet(out var claims, out var failure))
            return failure;
        if (!acceptsAudience(claims.Audience))
            return new Failure(FailureCode.InvalidToken, "The access token was issued for another resource. Ask for one with this resource (RFC 8707).");
        if (!(await CallerOfAsync(claims, cancellationToken)).TryGet(out var caller, out failure))
            return failure;
        return (caller, claims);
    }

    private async ValueTask<Result<Caller>> CallerOfAsync(AccessTokenClaims claims, CancellationToken cancellationToken)
    {
        if (claims.Session is not { } sessionId)
            return ServiceAccountId.TryParse(claims.Subject, null, out var accountId)
                && await serviceAccounts.CurrentAsync(claims.Org, accountId, cancellationToken) is { Revoked: false, Disabled: false } account
                ? new ServiceAccountCaller(claims.Org, account)
                : Revoked;

        if (claims.Application is not { } appId || !UserId.TryParse(claims.Subject, null, out var userId))
            return Revoked;
        var session = await sessions.CurrentAsync(claims.Org, appId, sessionId, cancellationToken);
        if (session is null || !session.IsLive(time.GetUtcNow()) || session.User != userId)
            return Revoked;
        if (await applications.CurrentAsync(claims.Org, appId, cancellationToken) is not { Archived: false } application)
            return Revoked;
        if (await users.CurrentAsync(claims.Org, userId, cancellationToken) is not { Disabled: false } user)
            return Revoked;
        if (user.IsExternal && application.ExternalAuth is not { Enabled: true })
            return Revoked;
        if (!(await DelegatorsAsync(claims.Org, session, cancellationToken)).TryGet(out var delegators, out var ended))
            return ended;
        return new AgentCaller(claims.Org, application, user, session, claims.Scopes) { Act = claims.Actor, Delegators = delegators };
    }

    // A session made from another one ends with it, and so does what an archived agent has handed on.
    private async ValueTask<Result<ImmutableArray<Application>>> DelegatorsAsync(OrgId org, Session session, CancellationToken cancellationToken)
    {
        if (session.Parent is null)
            return ImmutableArray<Application>.Empty;
        var delegators = ImmutableArray.CreateBuilder<Application>();
        for (var name = session.Parent; name is not null;)
        {
            var parent = await sessions.CurrentAsync(org, name.Application, name.Session, cancellationToken);
            if (parent is null || !parent.IsLive(time.GetUtcNow()) || parent.User != session.User
                || await applications.CurrentAsync(org, name.Application, cancellationToken) is not { Archived: false } application)
                return Revoked;
            // The command line has no integrations of its own: it hands on the person's presence, not rights of an agent.
            if (application.Registration != Registration.BuiltIn)
                delegators.Add(application);
            name = parent.Parent;
        }
        return delegators.ToImmutable();
    }
}
