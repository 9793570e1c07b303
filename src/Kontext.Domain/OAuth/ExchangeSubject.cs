using System.Collections.Immutable;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>For whom a token is exchanged, and with what authority.</summary>
public sealed record ExchangeSubject
{
    /// <summary>The person; null when a confidential client acts for itself.</summary>
    public User? User { get; init; }

    /// <summary>The approval the authority comes from; null when a confidential client acts for itself.</summary>
    public Session? Session { get; init; }

    /// <summary>The subject token's scopes, beyond which nothing is given.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary>End of the subject token.</summary>
    public DateTimeOffset NotAfter { get; init; } = DateTimeOffset.MaxValue;

    /// <summary>No consent page stands between person and agent.</summary>
    public bool ConsentImplied { get; init; }

    /// <summary><c>act</c> of what is issued; null without delegation.</summary>
    public ActorClaim? Actor { get; init; }

    /// <summary>The agents that handed the person's authority on.</summary>
    public ImmutableArray<Application> Delegators { get; init; } = [];

    /// <summary>The one integration the subject token is for; null when it is not limited to one.</summary>
    public string? OnlyIntegration { get; init; }
}

/// <summary>Establishes the subject of an exchange from each of the subject token types (contract 3.4.4).</summary>
public sealed class ExchangeSubjects(TokenCallers callers, ExternalUsers externalUsers, PartnerTokens partnerTokens, Resources resources)
{
    private static readonly ImmutableArray<string> OfItsOwn = [Scopes.Invoke, Scopes.GatewayAccess];

    /// <summary>The subject, with the actor chain that the new token will carry.</summary>
    public async Task<Result<ExchangeSubject>> ResolveAsync(TokenClient.Agent agent, TokenRequest.Exchange request, CancellationToken cancellationToken)
    {
        if (!(await FromTokenAsync(agent, request, cancellationToken)).TryGet(out var subject, out var failure))
            return failure;
        if (request.ActorToken is { } actorToken)
        {
            if (await ActorRefusalAsync(agent, actorToken, cancellationToken) is { } refused)
                return refused;
            if (subject.Actor?.ClientId != agent.ClientId)
                subject = subject with { Actor = new ActorClaim(agent.ClientId, subject.Actor) };
        }
        return subject.Actor?.Chain.Count > ActorClaim.MaxDepth
            ? new Failure(FailureCode.InvalidRequest, $"The token was handed on {ActorClaim.MaxDepth} times already. Start from a token of the person.")
            : subject;
    }

    private async Task<Result<ExchangeSubject>> FromTokenAsync(TokenClient.Agent agent, TokenRequest.Exchange request, CancellationToken cancellationToken)
    {
        switch (request.SubjectTokenType)
        {
            case SubjectTokenTypes.AccessToken:
                return await FromAccessTokenAsync(agent, request.SubjectToken!, cancellationToken);
            case SubjectTokenTypes.UserId:
                if (Untrusted(agent) is { } refused)
                    return refused;
                return await FromExternalIdAsync(agent, request.SubjectToken!.Reveal(), DateTimeOffset.MaxValue, cancellationToken);
            case SubjectTokenTypes.Jwt:
                if (Untrusted(agent) is { } untrusted)
                    return untrusted;
                if (!(await partnerTokens.ReadAsync(agent.Application, request.SubjectToken!, cancellationToken)).TryGet(out var person, out var failure))
                    return failure.Code == FailureCode.InvalidToken ? failure with { Code = FailureCode.InvalidGrant } : failure;
                return await FromExternalIdAsync(agent, person.Subject, person.ExpiresAt, cancellationToken);
            case SubjectTokenTypes.ConfidentialClient:
                return agent.Application.OAuth.Confidential
                    ? new ExchangeSubject { ConsentImplied = true }
                    : new Failure(FailureCode.UnauthorizedClient, "Only a confidential application may act for itself.");
            default:
                return new Failure(FailureCode.InvalidRequest, $"subject_token_type is not supported. Use {SubjectTokenTypes.AccessToken}.");
        }
    }

    private static Failure? Untrusted(TokenClient.Agent agent) =>
        agent.Application is { OAuth.Confidential: true, ExternalAuth.Enabled: true }
            ? null
            : new Failure(FailureCode.UnauthorizedClient, "Only a confidential application with externalAuth enabled may name its own users.");

    private async Task<Result<ExchangeSubject>> FromExternalIdAsync(TokenClient.Agent agent, string externalId, DateTimeOffset notAfter, CancellationToken cancellationToken)
    {
        if (!ExternalUsers.IsSubject(externalId))
            return new Failure(FailureCode.InvalidRequest, $"subject_token has to be a user id of 1 to {ExternalUsers.MaxSubjectLength} characters.");
        return await externalUsers.FindAsync(agent.Org, agent.Application, externalId, cancellationToken) is { } known
            ? new ExchangeSubject { User = known.User, Session = known.Session, Scopes = OfItsOwn, NotAfter = notAfter, ConsentImplied = true }
            : new Failure(FailureCode.NotConnected, "This user is not known to the application, or was cut off: a connect session has to be made for them first.");
    }

    private async Task<Result<ExchangeSubject>> FromAccessTokenAsync(TokenClient.Agent agent, Secret token, CancellationToken cancellationToken)
    {
        if (!(await FindAsync(agent, token, "subject token", cancellationToken)).TryGet(out var resolved, out var failure))
            return failure;
        if (resolved.Caller is not AgentCaller caller || caller.Org != agent.Org)
            return new Failure(FailureCode.InvalidGrant, "The subject token has to be a person's access token for an application of this organization.");
        // The command-line client signs a person in and then acts as the agents of that terminal (contract 3.4.4); any other client may only exchange what was issued to it, or for it.
        var firstParty = caller.Application.Registration == Registration.BuiltIn;
        var own = caller.Application.Id == agent.Application.Id;
        var claims = resolved.Claims;
        // RFC 8693 section 4.4: where the token says who may act, nobody else may, not even who asked for it.
        if (claims.MayAct is { } named ? named != agent.ClientId : !own && !firstParty)
            return new Failure(FailureCode.InvalidGrant, "The subject token was issued to another client, and names none that may act for it or another one.");
        // What a token lacks it cannot be exchanged for, whatever else its session was granted (RFC 8693 section 2.1: no widening).
        if (!firstParty && !caller.Scopes.Contains(Scopes.Invoke) && !caller.Scopes.Contains(Scopes.GatewayAccess))
            return new Failure(FailureCode.InvalidScope, $"The subject token lacks the scope {Scopes.Invoke}. Ask for one with resource={resources.Gateway}.");
        return new ExchangeSubject
        {
            User = caller.User,
            Session = caller.Session,
            Scopes = caller.Scopes,
            NotAfter = claims.ExpiresAt,
            ConsentImplied = firstParty && !own,
            Actor = own ? claims.Actor : new ActorClaim(agent.ClientId, claims.Actor ?? new ActorClaim(caller.Application.ClientId, null)),
            Delegators = own || firstParty ? caller.Delegators : caller.Delegators.Add(caller.Application),
            OnlyIntegration = resources.IntegrationOf(claims.Audience),
        };
    }

    private async Task<Result<(Caller Caller, AccessTokenClaims Claims)>> FindAsync(TokenClient.Agent agent, Secret token, string what, CancellationToken cancellationToken)
    {
        if (!(await callers.FindAsync(token.Reveal(), _ => true, cancellationToken)).TryGet(out var found, out var failure))
            return failure with { Code = FailureCode.InvalidGrant };
        // Otherwise a stolen token, useless without its key, could be exchanged for one that needs none.
        if (KeyBinding.RefusalToRedeem(found.Claims.KeyThumbprint, agent.KeyThumbprint, what) is { } otherKey)
            return otherKey;
        return KeyBinding.Refusal(found.Claims, found.Caller, agent.KeyThumbprint) is { } unbound ? unbound with { Code = FailureCode.InvalidGrant } : found;
    }

    // The actor is the client that authenticates; its token has to say the same (RFC 8693 section 2.1).
    private async Task<Failure?> ActorRefusalAsync(TokenClient.Agent agent, Secret actorToken, CancellationToken cancellationToken)
    {
        if (!(await FindAsync(agent, actorToken, "actor token", cancellationToken)).TryGet(out var actor, out var failure))
            return failure;
        return actor.Caller is AgentCaller caller && caller.Org == agent.Org && caller.Application.Id == agent.Application.Id && actor.Claims.MayAct is null
            ? null
            : new Failure(FailureCode.InvalidGrant, "actor_token has to be an access token of the client that authenticates.");
    }
}
