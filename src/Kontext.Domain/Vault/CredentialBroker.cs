using System.Collections.Immutable;
using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;
using Kontext.Domain.Observability;
using Kontext.Domain.Policies;
using Kontext.Domain.Revocations;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.Vault;

/// <summary>The one way to a credential: attached, then policy, then connection, then vault, then audit; for token exchange, gateway and proxy alike.</summary>
public sealed class CredentialBroker(
    IOrganizationStore organizations,
    IPolicyStore policies,
    ConnectionSources connections,
    ConnectionCredentials credentials,
    Approvals approvals,
    IIssuedCredentials issued,
    IAuditLog audit,
    TimeProvider time)
{
    private const string CutOffReason = "revoked";

    /// <summary>Gets the credential, or says why not. Every outcome is recorded; a refusal is durable before it is returned.</summary>
    public async Task<Result<AcquiredCredential>> AcquireAsync(AccessRequest request, CancellationToken cancellationToken)
    {
        PolicyDecision decision;
        Permit? permit;
        using (var span = Stages.Start(Stages.Policy))
        {
            (decision, permit) = await EvaluateAsync(request, cancellationToken);
            span?.SetTag("kontext.policy.outcome", permit is not null ? "permit" : decision.Asks ? "ask" : "deny");
        }
        if (await CutOffAsync(request, cancellationToken) is { } cutOff)
            return await RefuseAsync(request, decision, cutOff, cancellationToken);
        GivenApproval? approval = null;
        if (permit is null)
        {
            if (!decision.Asks)
                return await RefuseAsync(request, decision, Denied(request, decision), cancellationToken);
            if (!(await approvals.FindAsync(request, decision, cancellationToken)).TryGet(out approval, out var unapproved))
                return await RefuseAsync(request, decision, unapproved, cancellationToken);
            permit = PolicyEvaluator.Permit(PolicyRequestOf(request, request.Application), decision, approval);
        }

        if (!(await OpenAsync(request, permit, rejected: null, cancellationToken)).TryGet(out var opened, out var failure))
            return await RefuseAsync(request, decision, failure, cancellationToken);
        // Last, so that an approval is not spent on a call that could not be made.
        if (approval is not null && !await approvals.UseAsync(request, decision, approval))
        {
            return (await approvals.FindAsync(request, decision, cancellationToken)).TryGet(out _, out failure)
                ? new Failure(FailureCode.Unavailable, "Another call used the approval at the same moment. Try again.")
                : await RefuseAsync(request, decision, failure, cancellationToken);
        }

        return opened with { Recorded = RecordAsync(request, decision, opened) };
    }

    /// <summary>Gets another credential after the integration refused this one: an early refresh where one is possible.</summary>
    public async Task<Result<AcquiredCredential>> RenewAsync(AccessRequest request, AcquiredCredential rejected, CancellationToken cancellationToken)
    {
        if (rejected.Value is null)
            return NotConnected(request, "The integration demands a credential, but is configured to need none. An administrator has to change its authentication mode.");
        if (await CutOffAsync(request, cancellationToken) is { } cutOff)
            return await RefuseAsync(request, rejected.Permit.Decision, cutOff, cancellationToken);
        if (!(await OpenAsync(request, rejected.Permit, rejected.Value, cancellationToken)).TryGet(out var opened, out var failure))
            return await RefuseAsync(request, rejected.Permit.Decision, failure, cancellationToken);
        return opened with { Recorded = RecordAsync(request, rejected.Permit.Decision, opened) };
    }

    /// <summary>What policy says, without acting and without recording.</summary>
    public async ValueTask<PolicyDecision> DecideAsync(AccessRequest request, CancellationToken cancellationToken) =>
        (await EvaluateAsync(request, cancellationToken)).Decision;

    /// <summary>What the rules say as long as target and arguments are not known, without acting and without recording.</summary>
    public async ValueTask<ReplayedDecision> ForeseeAsync(AccessRequest request, CancellationToken cancellationToken) =>
        PolicyReplay.Foresee(await policies.CurrentAsync(request.Org, cancellationToken), PolicyRequestOf(request, request.Application));

    /// <summary>The integrations of an application: those attached, and for self-registered ones the organization's defaults.</summary>
    public static bool IsAttached(Application application, Integration integration) =>
        application.Integrations.Contains(integration.Id)
        || (integration.AttachByDefault && application.IsSelfRegistered);

    // Observing instead of enforcing is about rules: what was cut off is cut off.
    private async ValueTask<Failure?> CutOffAsync(AccessRequest request, CancellationToken cancellationToken) =>
        request.Integration.Suspended
        || (request.Integration.ConnectionOf is not null && await connections.OfAsync(request.Org, request.Integration, cancellationToken) is { Suspended: true })
        || await organizations.CurrentAsync(request.Org, cancellationToken) is not { Suspended: false }
            ? new Failure(FailureCode.PolicyDenied, $"{request.Integration.Name} was cut off by an administrator. It can be used again when an administrator reinstates it.")
            {
                Integration = new FailedIntegration(request.Integration.Id, request.Integration.Name, CutOffReason),
            }
            : null;

    private async ValueTask<(PolicyDecision Decision, Permit? Permit)> EvaluateAsync(AccessRequest request, CancellationToken cancellationToken)
    {
        var rules = await policies.CurrentAsync(request.Org, cancellationToken);
        var organization = await organizations.CurrentAsync(request.Org, cancellationToken)
            ?? throw new InvalidOperationException("A caller's organization is gone.");
        PolicyEvaluator.TryPermit(
            rules, organization.PolicyEnabled, [.. request.Delegators.Select(delegator => PolicyRequestOf(request, delegator))], PolicyRequestOf(request, request.Application), out var decision, out var permit);
        return (decision, permit);
    }

    private static PolicyRequest PolicyRequestOf(AccessRequest request, Application application) => new()
    {
        Kind = request.Kind,
        User = request.User?.Id,
        Roles = request.User?.Roles ?? [],
        Application = application.Id,
        Integration = request.Integration.Id,
        ConnectionOf = request.Integration.ConnectionOf,
        IntegrationName = request.Integration.Name,
        Operation = request.Operation,
        Consented = request.ConsentImplied || request.Session?.Covers(request.Integration.Id) == true,
        Attached = IsAttached(application, request.Integration),
        Target = request.Target,
        Arguments = request.Arguments,
    };

    private async Task<Result<AcquiredCredential>> OpenAsync(AccessRequest request, Permit permit, Secret? rejected, CancellationToken cancellationToken)
    {
        var integration = request.Integration;
        switch (integration.AuthMode)
        {
            case AuthMode.None:
                return Opened(permit, value: null, expiresAt: null, []);
            case AuthMode.ServerToken:
                return await credentials.OpenServerTokenAsync(permit, request.Org, integration, cancellationToken) is { } shared
                    ? Opened(permit, shared, expiresAt: null, [])
                    : new Failure(FailureCode.InvalidTarget, $"The shared server token of {integration.Name} is not configured. An administrator has to set serverToken on the integration.");
            case AuthMode.Oauth:
            case AuthMode.UserToken:
                if (request.User is null)
                    return NotConnected(request, $"{integration.Name} needs a person's own connection, and this request names no person.");
                // Raw, it would be good for everything of the suite, and the person approved one product of it.
                if (request.Kind == AccessKind.Credential && integration.ConnectionOf is not null)
                    return new Failure(FailureCode.InvalidTarget, $"{integration.Name} is used with a person's connection to the suite it belongs to. That credential can do more than {integration.Name}, so it is not handed out: call {integration.Name} through the gateway.");
                Integration? source;
                ConnectionState state;
                using (Stages.Start(Stages.Connection))
                    (source, state) = await connections.FindAsync(request.Org, request.User.Id, integration, cancellationToken);
                // A token past its end is refused further down, where its end is put on record.
                if (source is null || state.Connection is not { Status: ConnectionStatus.Connected } connection || (!state.Connected && state.ReasonCode != ConnectionEnds.Expired))
                    return ConnectionWords.NotConnected(integration, state);
                if (!(await credentials.OpenAsync(permit, request.Org, source, connection, rejected, cancellationToken)).TryGet(out var token, out var failure))
                    return failure.Code == FailureCode.NotConnected ? NotConnected(request, failure.Message) : failure;
                return Opened(permit, token.Value, token.ExpiresAt, token.Scopes);
            default:
                throw new InvalidOperationException($"Unknown authentication mode {integration.AuthMode}.");
        }
    }

    private static AcquiredCredential Opened(Permit permit, Secret? value, DateTimeOffset? expiresAt, ImmutableArray<string> scopes) =>
        new() { Value = value, ExpiresAt = expiresAt, Scopes = scopes, Permit = permit, Recorded = Task.CompletedTask };

    private async Task<Failure> RefuseAsync(AccessRequest request, PolicyDecision decision, Failure failure, CancellationToken cancellationToken)
    {
        await audit.AppendAsync(request.Org, Event(request, decision, opened: null) with
        {
            Status = failure.Decision is not null || failure.Code is FailureCode.PolicyDenied or FailureCode.NotConnected ? "error_auth" : "error_proxy",
            ErrorType = failure.Integration?.Reason == CutOffReason ? CutOffReason : failure.Code == FailureCode.PolicyDenied ? "kontext_policy_denied" : failure.Integration?.Reason ?? "unavailable",
            ErrorMessage = failure.Message,
        }, cancellationToken);
        return failure;
    }

    private Task RecordAsync(AccessRequest request, PolicyDecision decision, AcquiredCredential opened)
    {
        var appended = audit.AppendAsync(request.Org, Event(request, decision, opened), CancellationToken.None);
        // What the gateway injects never leaves it: only what an agent holds can outlive a revocation.
        if (request.Kind != AccessKind.Credential || opened.Value is null)
            return appended;
        var noted = issued.NoteAsync(request.Org, new IssuedCredential
        {
            Application = request.Application.Id,
            ApplicationName = request.Application.Name,
            User = request.User?.Id,
            UserName = request.User?.DisplayName,
            Session = request.Session?.Id,
            Integration = request.Integration.Id,
            IntegrationName = request.Integration.Name,
            IssuedAt = time.GetUtcNow(),
            EndsAt = opened.ExpiresAt,
        });
        return noted.IsCompletedSuccessfully ? appended : Task.WhenAll(appended, noted);
    }

    private AuditEvent Event(AccessRequest request, PolicyDecision decision, AcquiredCredential? opened)
    {
        var now = time.GetUtcNow();
        return new AuditEvent
        {
            At = now,
            Type = request.Kind == AccessKind.Credential ? AuditTypes.CredentialIssued : AuditTypes.CredentialInjected,
            Agent = new AuditParty(request.Application.Id.ToString(), request.Application.Name),
            Act = request.Act?.Chain,
            User = request.User is null ? null : new AuditParty(request.User.Id.ToString(), request.User.DisplayName),
            SessionId = request.Session?.Id.ToString(),
            TraceId = request.TraceId,
            Integration = new AuditParty(request.Integration.Id.ToString(), request.Integration.Name),
            Capability = request.Capability,
            Target = request.Target,
            Scopes = opened?.Scopes ?? [],
            ExpiresIn = opened?.ExpiresAt is { } end ? $"{(long)Math.Max(0, (end - now).TotalSeconds)}s" : null,
            Policy = decision,
        };
    }

    private static Failure Denied(AccessRequest request, PolicyDecision decision)
    {
        Measures.Denial(decision.Denial is { } denial ? denial.Layer : null);
        return new Failure(FailureCode.PolicyDenied, $"{request.Capability ?? request.Integration.Name} is denied: {decision.Denial?.Reason ?? "no layer allowed it"}")
        {
            Integration = new FailedIntegration(request.Integration.Id, request.Integration.Name, "policy_denied"),
            Decision = decision,
        };
    }

    private static Failure NotConnected(AccessRequest request, string message) => new(FailureCode.NotConnected, message)
    {
        Integration = new FailedIntegration(request.Integration.Id, request.Integration.Name, "disconnected_or_reauth_required"),
    };
}
