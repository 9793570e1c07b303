using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;

namespace Kontext.Domain.Policies;

/// <summary>An approval with what a person needs to decide.</summary>
/// <param name="Approval">The approval.</param>
/// <param name="Agent">The agent that asks.</param>
/// <param name="Arguments">What is to be done; null without arguments.</param>
/// <param name="Open">It can be decided about: pending, in time, and the session lives.</param>
public sealed record ApprovalView(Approval Approval, Application Agent, string? Arguments, bool Open);

/// <summary>The person's side of approvals: what waits for them, and their decision.</summary>
public sealed class ApprovalDecisions(IApprovalStore store, ISessionStore sessions, IApplicationStore applications, ISealer sealer, IAuditLog audit, TimeProvider time)
{
    /// <summary>What waits for the person, oldest first.</summary>
    public async Task<IReadOnlyList<ApprovalView>> ListAsync(OrgId org, UserId user, CancellationToken cancellationToken)
    {
        var waiting = new List<ApprovalView>();
        foreach (var approval in (await store.ListAsync(org, user, time.GetUtcNow(), cancellationToken)).Where(approval => approval.State == ApprovalState.Pending).OrderBy(approval => approval.CreatedAt))
        {
            if (await ViewAsync(org, approval, cancellationToken) is { Open: true } view)
                waiting.Add(view);
        }
        return waiting;
    }

    /// <summary>One of the person's approvals; null when they have none with this id.</summary>
    public async Task<ApprovalView?> FindAsync(OrgId org, UserId user, string id, CancellationToken cancellationToken) =>
        IsId(id) && await store.FindAsync(org, user, id, cancellationToken) is { } row ? await ViewAsync(org, row.Value, cancellationToken) : null;

    /// <summary>Decides. To decide the same twice is no error.</summary>
    /// <param name="org">The organization.</param>
    /// <param name="user">Who decides.</param>
    /// <param name="id">Which approval.</param>
    /// <param name="round">The question the person saw; null for the present one.</param>
    /// <param name="decision">The decision.</param>
    /// <param name="by">The agent that passes the decision on; null when the person decides on our own page.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<Result<Approval>> DecideAsync(OrgId org, User user, string id, int? round, ApprovalDecision decision, AgentCaller? by, CancellationToken cancellationToken)
    {
        var next = decision switch { ApprovalDecision.Once => ApprovalState.AllowedOnce, ApprovalDecision.Session => ApprovalState.AllowedForSession, _ => ApprovalState.Refused };
        Approval? recorded = null;
        while (IsId(id) && await store.FindAsync(org, user.Id, id, cancellationToken) is { } row)
        {
            var approval = row.Value;
            // The one that asks must not be the one that answers.
            if (by is not null && (by.Act is not null || by.Application.Id == approval.Application))
                return new Failure(FailureCode.Forbidden, "An agent cannot decide about its own calls, nor one that acts for another. Open the approval's page instead.");
            var now = time.GetUtcNow();
            if (approval.State == next && approval.ExpiresAt > now && (round ?? approval.Round) == approval.Round)
            {
                // Whoever decided it first may have died before it stood.
                if (decision == ApprovalDecision.Session)
                    await store.InsertAsync(org, StandingOf(approval), CancellationToken.None);
                return approval;
            }
            if (approval.State != ApprovalState.Pending)
                return await NotCarriedOutAsync(new Failure(FailureCode.Conflict, "This was decided before."));
            if (await sessions.CurrentAsync(org, approval.Application, approval.Session, cancellationToken) is not { } session || !session.IsLive(now) || approval.ExpiresAt <= now || (round ?? approval.Round) != approval.Round)
                return await NotCarriedOutAsync(new Failure(FailureCode.Conflict, "This question is no longer open. The agent has to ask again."));
            var decided = approval with { State = next, ExpiresAt = decision == ApprovalDecision.Session ? session.ExpiresAt : now + Approvals.Life };
            // INVARIANT: an agent goes by a decision as soon as it is stored, so it is on record before that.
            if (recorded is null)
                await audit.AppendAsync(org, await EventAsync(org, user, recorded = decided, decision), CancellationToken.None);
            if (await store.ReplaceAsync(org, row, decided, CancellationToken.None) is null)
                continue;
            if (decision == ApprovalDecision.Session)
                await StandAsync(org, decided, CancellationToken.None);
            return decided;
        }
        return await NotCarriedOutAsync(new Failure(FailureCode.NotFound, "There is no approval with this id."));

        async Task<Failure> NotCarriedOutAsync(Failure failure)
        {
            if (recorded is not null)
            {
                await audit.AppendAsync(org, await EventAsync(org, user, recorded, decision) with
                {
                    Status = "warn", ErrorType = "not_carried_out", ErrorMessage = "The decision recorded before was not taken: " + failure.Message,
                }, CancellationToken.None);
            }
            return failure;
        }
    }

    private async Task StandAsync(OrgId org, Approval decided, CancellationToken cancellationToken)
    {
        var standing = StandingOf(decided);
        while (await store.InsertAsync(org, standing, cancellationToken) is null)
        {
            if (await store.FindAsync(org, decided.User, standing.Id, cancellationToken) is { } row && await store.ReplaceAsync(org, row, standing, cancellationToken) is not null)
                return;
        }
    }

    private static Approval StandingOf(Approval decided) => decided with { Id = decided.StandingId, SealedArguments = null, Target = null };

    private async Task<ApprovalView?> ViewAsync(OrgId org, Approval approval, CancellationToken cancellationToken)
    {
        if (await applications.CurrentAsync(org, approval.Application, cancellationToken) is not { } agent)
            return null;
        var now = time.GetUtcNow();
        var live = await sessions.CurrentAsync(org, approval.Application, approval.Session, cancellationToken) is { } session && session.IsLive(now);
        var arguments = approval.SealedArguments is { } text ? await sealer.OpenAsync(org, Approvals.Context(approval.Id), text, cancellationToken) : null;
        return new ApprovalView(approval, agent, arguments?.Reveal(), approval.State == ApprovalState.Pending && live && approval.ExpiresAt > now);
    }

    private async Task<AuditEvent> EventAsync(OrgId org, User user, Approval approval, ApprovalDecision decision)
    {
        var agent = await applications.CurrentAsync(org, approval.Application, CancellationToken.None);
        return new AuditEvent
        {
            At = time.GetUtcNow(),
            Type = decision == ApprovalDecision.Refuse ? AuditTypes.ApprovalRefused : AuditTypes.ApprovalGranted,
            Agent = new AuditParty(approval.Application.ToString(), agent?.Name),
            User = new AuditParty(user.Id.ToString(), user.DisplayName),
            SessionId = approval.Session.ToString(),
            Integration = new AuditParty(approval.Integration.ToString(), approval.IntegrationName),
            Capability = approval.Operation is null ? null : approval.Capability,
            Target = approval.Target,
            Decision = decision switch { ApprovalDecision.Once => "once", ApprovalDecision.Session => "session", _ => "refuse" },
        };
    }

    private static bool IsId(string id) => id.Length == 43 && id.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_');
}
