using System.Collections.Immutable;
using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Vault;

namespace Kontext.Domain.OAuth;

/// <summary>Token exchange (RFC 8693): who asks, for whom, for what; answered with a short-lived credential of an integration, a gateway token, or a token for another agent (contract 3.4.4).</summary>
public sealed class TokenExchange(
    ExchangeSubjects subjects,
    ExchangeTargets targets,
    ChildSessions childSessions,
    CredentialBroker broker,
    TokenIssuing issuing,
    IConnectLinks links,
    Resources resources,
    IAuditLog audit,
    TimeProvider time)
{
    /// <summary>The issued_token_type of a credential that is not an OAuth access token: a stored token or key.</summary>
    public const string StoredTokenType = "urn:kontext:token-type:stored-token";

    /// <summary>Runs the grant.</summary>
    public async Task<Result<TokenResponse>> RunAsync(TokenClient client, TokenRequest.Exchange request, string? traceId, CancellationToken cancellationToken)
    {
        if (client is not TokenClient.Agent agent)
            return new Failure(FailureCode.UnauthorizedClient, "Service accounts manage; they cannot obtain an integration's credentials. Exchange as an application.");
        if (!(await subjects.ResolveAsync(agent, request, cancellationToken)).TryGet(out var subject, out var failure))
            return failure.Code == FailureCode.NotConnected ? await RefuseUnknownAsync(agent, request, failure, traceId, cancellationToken) : failure;
        if (!(await targets.ResolveAsync(agent, request.Targets, cancellationToken)).TryGet(out var target, out failure))
            return failure;
        return target switch
        {
            ExchangeTarget.Gateway gateway => await GatewayTokenAsync(agent, subject, gateway.Resource, request, traceId, cancellationToken),
            ExchangeTarget.Agent other => await HandOnAsync(agent, subject, other, request, traceId, cancellationToken),
            ExchangeTarget.Credential credential => await CredentialAsync(agent, subject, credential.Integration, request, traceId, cancellationToken),
            _ => throw new InvalidOperationException("Unknown kind of target."),
        };
    }

    private async Task<Result<TokenResponse>> CredentialAsync(TokenClient.Agent agent, ExchangeSubject subject, Integration integration, TokenRequest.Exchange request, string? traceId, CancellationToken cancellationToken)
    {
        if (subject.OnlyIntegration is { } only && !string.Equals(only, integration.Name, StringComparison.OrdinalIgnoreCase) && !string.Equals(only, Gateway.ToolId.HandleOf(integration.Name), StringComparison.OrdinalIgnoreCase))
            return Elsewhere(only);
        if (integration.AuthMode == AuthMode.None)
            return new Failure(FailureCode.InvalidTarget, $"{integration.Name} needs no credential, so there is nothing to exchange for. Call it directly or through the gateway.");
        if (request.RequestedTokenType == SubjectTokenTypes.Jwt)
            return new Failure(FailureCode.InvalidRequest, $"A credential of {integration.Name} is not a JWT of ours: leave requested_token_type out.");
        var access = new AccessRequest
        {
            Org = agent.Org,
            Application = agent.Application,
            User = subject.User,
            Session = subject.Session,
            ConsentImplied = subject.ConsentImplied,
            Act = subject.Actor,
            Delegators = subject.Delegators,
            Integration = integration,
            Kind = AccessKind.Credential,
            TraceId = traceId,
        };
        if (!(await broker.AcquireAsync(access, cancellationToken)).TryGet(out var acquired, out var failure))
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

    private async Task<Result<TokenResponse>> GatewayTokenAsync(TokenClient.Agent agent, ExchangeSubject subject, string target, TokenRequest.Exchange request, string? traceId, CancellationToken cancellationToken)
    {
        if (subject.User is null || subject.Session is null)
            return new Failure(FailureCode.InvalidRequest, "A gateway token acts for a person: send that person's access token as subject_token.");
        if (subject.OnlyIntegration is { } only && resources.IntegrationOf(target) != only)
            return Elsewhere(only);
        if (Excess(subject, request.Scopes) is { } excess)
            return excess;
        var session = subject.Session;
        if (session.Application != agent.Application.Id
            && !(await childSessions.OfAsync(agent.Org, session, agent.Application, subject.ConsentImplied, cancellationToken)).TryGet(out session, out var failure))
            return failure;
        return await issuing.ExchangedAsync(agent.Org, agent.Application, subject.User, session, Issued(subject, request, traceId, target, [Scopes.Invoke]) with { KeyThumbprint = agent.KeyThumbprint }, cancellationToken);
    }

    private async Task<Result<TokenResponse>> HandOnAsync(TokenClient.Agent agent, ExchangeSubject subject, ExchangeTarget.Agent other, TokenRequest.Exchange request, string? traceId, CancellationToken cancellationToken)
    {
        if (subject.User is null || subject.Session is null)
            return new Failure(FailureCode.InvalidRequest, "Only a person's authority can be handed on: send that person's access token as subject_token.");
        if (subject.OnlyIntegration is not null)
            return new Failure(FailureCode.InvalidTarget, $"A token for one integration cannot be handed on. Start from one for {resources.Gateway}.");
        if (Excess(subject, request.Scopes) is { } excess)
            return excess;
        var session = subject.Session;
        if (session.Application != agent.Application.Id
            && !(await childSessions.OfAsync(agent.Org, session, agent.Application, subject.ConsentImplied, cancellationToken)).TryGet(out session, out var failure))
            return failure;
        // Not bound to this agent's key, which the other one does not have: it opens nothing, and only the other one may exchange it.
        var token = Issued(subject, request, traceId, other.Application.ClientId, [Scopes.Invoke]) with { MayAct = other.Application.ClientId };
        return await issuing.ExchangedAsync(agent.Org, agent.Application, subject.User, session, token, cancellationToken);
    }

    private static ExchangedToken Issued(ExchangeSubject subject, TokenRequest.Exchange request, string? traceId, string audience, ImmutableArray<string> scopes) => new()
    {
        Audience = audience,
        Scopes = scopes,
        NotAfter = subject.NotAfter,
        Actor = subject.Actor,
        IssuedTokenType = request.RequestedTokenType ?? SubjectTokenTypes.AccessToken,
        TraceId = traceId,
    };

    // The command line looks for this sentence (contract 3.4.4).
    private static Failure? Excess(ExchangeSubject subject, ImmutableArray<string> asked) =>
        asked.FirstOrDefault(scope => !subject.Scopes.Contains(scope)) is { } extra
            ? new Failure(FailureCode.InvalidScope, $"Requested scope '{extra}' exceeds subject token scopes")
            : null;

    private static Failure Elsewhere(string only) => new(FailureCode.InvalidTarget, $"The subject token is for {only} alone.");

    // Only an application that authenticated gets here, so it may learn which integration it asked about (contract 3.4.5).
    private async Task<Failure> RefuseUnknownAsync(TokenClient.Agent agent, TokenRequest.Exchange request, Failure failure, string? traceId, CancellationToken cancellationToken)
    {
        var integration = await targets.FindIntegrationAsync(agent, request.Targets[0], cancellationToken);
        await audit.AppendAsync(agent.Org, new AuditEvent
        {
            At = time.GetUtcNow(),
            Type = AuditTypes.CredentialIssued,
            Status = "error_auth",
            Agent = new AuditParty(agent.Application.Id.ToString(), agent.Application.Name),
            Integration = integration is null ? null : new AuditParty(integration.Id.ToString(), integration.Name),
            TraceId = traceId,
            ErrorType = "unknown_external_user",
            ErrorMessage = failure.Message,
        }, cancellationToken);
        return integration is null ? failure : failure with { Integration = new FailedIntegration(integration.Id, integration.Name, "disconnected_or_reauth_required") };
    }
}
