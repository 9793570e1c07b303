using System.Collections.Immutable;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;

namespace Kontext.Domain.OAuth;

/// <summary>Token exchange (RFC 8693): who asks, for whom, for what; answered with a short-lived credential of an integration, or with a gateway token (contract 3.4.4).</summary>
public sealed class TokenExchange(
    TokenCallers callers,
    IUserStore users,
    IIntegrationStore integrations,
    CredentialBroker broker,
    TokenIssuing issuing,
    IConnectLinks links,
    Resources resources,
    TimeProvider time)
{
    /// <summary>The issued_token_type of a credential that is not an OAuth access token: a stored token or key.</summary>
    public const string StoredTokenType = "urn:kontext:token-type:stored-token";

    /// <summary>Runs the grant.</summary>
    public async Task<Result<TokenResponse>> RunAsync(TokenClient client, TokenRequest.Exchange request, string? traceId, CancellationToken cancellationToken)
    {
        if (client is not TokenClient.Agent agent)
            return new Failure(FailureCode.UnauthorizedClient, "Service accounts manage; they cannot obtain an integration's credentials. Exchange as an application.");
        if (!(await SubjectAsync(agent, request, cancellationToken)).TryGet(out var subject, out var failure))
            return failure;

        if (resources.Canonical(request.Target) is { } target && resources.IsGateway(target))
            return await GatewayTokenAsync(agent, subject, target, request.Scopes, cancellationToken);

        if (await integrations.CurrentByNameAsync(agent.Org, IntegrationName(request.Target), cancellationToken) is not { Archived: false } integration
            || !CredentialBroker.IsAttached(agent.Application, integration))
            return new Failure(FailureCode.InvalidTarget, $"The integration is unknown or not allowed: none of this name is attached to {agent.Application.Name}.");

        var access = new AccessRequest
        {
            Org = agent.Org,
            Application = agent.Application,
            User = subject.User,
            Session = subject.Session,
            ConsentImplied = subject.ConsentImplied,
            Integration = integration,
            Kind = AccessKind.Credential,
            TraceId = traceId,
        };
        if (integration.AuthMode == AuthMode.None)
            return new Failure(FailureCode.InvalidTarget, $"{integration.Name} needs no credential, so there is nothing to exchange for. Call it directly or through the gateway.");
        if (!(await broker.AcquireAsync(access, cancellationToken)).TryGet(out var acquired, out failure))
            return failure.Code == FailureCode.NotConnected && subject is { User: { } person, Session: { } session }
                ? failure with { ConnectUrl = (await links.CreateAsync(new AgentCaller(agent.Org, agent.Application, person, session, subject.Scopes), integration.Id, returnUrl: null, cancellationToken)).Url }
                : failure;
        await acquired.Recorded;

        return new TokenResponse
        {
            AccessToken = acquired.Value!,
            ExpiresIn = acquired.ExpiresAt is { } end ? end - time.GetUtcNow() : null,
            Scopes = acquired.Scopes,
            IssuedTokenType = integration.AuthMode == AuthMode.Oauth ? SubjectTokenTypes.AccessToken : StoredTokenType,
        };
    }

    private sealed record Subject(User? User, Session? Session, ImmutableArray<string> Scopes, DateTimeOffset NotAfter, bool ConsentImplied, string? Actor);

    private async Task<Result<Subject>> SubjectAsync(TokenClient.Agent agent, TokenRequest.Exchange request, CancellationToken cancellationToken)
    {
        switch (request.SubjectTokenType)
        {
            case SubjectTokenTypes.AccessToken:
                return await FromAccessTokenAsync(agent, request.SubjectToken!, cancellationToken);

            case SubjectTokenTypes.UserId:
                if (!agent.Application.OAuth.Confidential || agent.Application.ExternalAuth is not { Enabled: true })
                    return new Failure(FailureCode.UnauthorizedClient, "Only a confidential application with externalAuth enabled may name its own users.");
                var externalId = request.SubjectToken!.Reveal();
                if (externalId.Length is 0 or > 512)
                    return new Failure(FailureCode.InvalidRequest, "subject_token has to be a user id of 1 to 512 characters.");
                var id = User.IdOf(agent.Org, $"application:{agent.Application.Id}", externalId);
                if (await users.CurrentAsync(agent.Org, id, cancellationToken) is not { Disabled: false } user)
                    return new Failure(FailureCode.NotConnected, "This user is not known to the application: no connect session was completed for them.");
                return new Subject(user, Session: null, [], DateTimeOffset.MaxValue, ConsentImplied: true, Actor: null);

            case SubjectTokenTypes.ConfidentialClient:
                return agent.Application.OAuth.Confidential
                    ? new Subject(User: null, Session: null, [], DateTimeOffset.MaxValue, ConsentImplied: true, Actor: null)
                    : new Failure(FailureCode.UnauthorizedClient, "Only a confidential application may act for itself.");

            default:
                return new Failure(FailureCode.InvalidRequest, $"subject_token_type is not supported. Use {SubjectTokenTypes.AccessToken}.");
        }
    }

    private async Task<Result<Subject>> FromAccessTokenAsync(TokenClient.Agent agent, Secret token, CancellationToken cancellationToken)
    {
        if (!(await callers.FindAsync(token.Reveal(), _ => true, cancellationToken)).TryGet(out var resolved, out var failure))
            return failure with { Code = FailureCode.InvalidGrant };
        // Otherwise a stolen token, useless without its key, could be exchanged for one that needs none.
        if (KeyBinding.RefusalToRedeem(resolved.Claims.KeyThumbprint, agent.KeyThumbprint, "subject token") is { } otherKey)
            return otherKey;
        if (KeyBinding.Refusal(resolved.Claims, resolved.Caller, agent.KeyThumbprint) is { } unbound)
            return unbound with { Code = FailureCode.InvalidGrant };
        if (resolved.Caller is not AgentCaller caller || caller.Org != agent.Org)
            return new Failure(FailureCode.InvalidGrant, "The subject token has to be a person's access token for an application of this organization.");
        // The command-line client signs a person in and then acts as the agents of that terminal (contract 3.4.4); any other client may only exchange what was issued to it.
        var firstParty = caller.Application.Registration == Registration.BuiltIn;
        if (caller.Application.Id != agent.Application.Id && !firstParty)
            return new Failure(FailureCode.InvalidGrant, "The subject token was issued to another client.");
        // What a token lacks it cannot be exchanged for, whatever else its session was granted (RFC 8693 section 2.1: no widening).
        if (!firstParty && !caller.Scopes.Contains(Scopes.Invoke))
            return new Failure(FailureCode.InvalidScope, $"The subject token lacks the scope {Scopes.Invoke}. Ask for one with resource={resources.Gateway}.");
        return new Subject(caller.User, caller.Session, caller.Scopes, resolved.Claims.ExpiresAt, firstParty, firstParty ? agent.ClientId : null);
    }

    private async Task<Result<TokenResponse>> GatewayTokenAsync(TokenClient.Agent agent, Subject subject, string target, ImmutableArray<string> asked, CancellationToken cancellationToken)
    {
        if (subject.User is null || subject.Session is null)
            return new Failure(FailureCode.InvalidRequest, "A gateway token acts for a person: send that person's access token as subject_token.");
        if (agent.Application.Id != subject.Session.Application)
            return new Failure(FailureCode.InvalidGrant, "A gateway token can only be exchanged by the application the person approved.");
        if (asked.FirstOrDefault(scope => !subject.Scopes.Contains(scope)) is { } extra)
            return new Failure(FailureCode.InvalidScope, $"Requested scope '{extra}' exceeds subject token scopes");
        if (!subject.Session.Scopes.Contains(Scopes.Invoke))
            return new Failure(FailureCode.InvalidScope, $"The person has not approved {Scopes.Invoke} for this application. Authorize again with resource={resources.Gateway}.");
        return await issuing.ExchangedAsync(agent.Org, agent.Application, subject.User, subject.Session, target, [Scopes.Invoke], subject.NotAfter, subject.Actor, agent.KeyThumbprint, cancellationToken);
    }

    // Clients of the second generation name a part of an integration, handle/part (contract 3.4.4); policy knows the whole.
    private static string IntegrationName(string target) =>
        target.IndexOf('/', StringComparison.Ordinal) is var slash and > 0 && !target.Contains("://", StringComparison.Ordinal) ? target[..slash] : target;
}
