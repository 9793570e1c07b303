using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using Kontext.Domain.Audit;
using Kontext.Domain.Vault;

namespace Kontext.Domain.Policies;

/// <summary>The agent's side of approvals: puts a call to the person, finds what the person said, and spends it.</summary>
public sealed class Approvals(IApprovalStore store, ISealer sealer, IAuditLog audit, ApprovalAddresses addresses, TimeProvider time)
{
    /// <summary>How long a question waits, and how long a decision about one call counts.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromMinutes(10);

    /// <summary>How many questions of one agent may wait for one person.</summary>
    public const int MaxOfAgent = 20;

    /// <summary>How many questions of all agents may wait for one person.</summary>
    public const int MaxOfPerson = 60;

    /// <summary>Why an integration cannot be used while too many questions wait.</summary>
    public const string TooMany = "too_many_approvals";

    private const string Purpose = "approval";

    /// <summary>The approval the person gave for this call; else the failure that says where to give it, or that it was refused. One question per same request, however often it is repeated.</summary>
    public async Task<Result<GivenApproval>> FindAsync(AccessRequest request, PolicyDecision decision, CancellationToken cancellationToken)
    {
        if (request.User is not { IsExternal: false } person || request.Session is null)
            return Denied(request, decision, "nobody can be asked, since no person of this organization stands behind the request");
        var standingId = await IdAsync(request, decision, "session", cancellationToken);
        if (await store.FindAsync(request.Org, person.Id, standingId, cancellationToken) is { Value.State: ApprovalState.AllowedForSession } standing && standing.Value.ExpiresAt > time.GetUtcNow())
            return new GivenApproval(standing);
        var id = await IdAsync(request, decision, $"{request.Target?.Length}:{request.Target}|{Convert.ToHexStringLower(SHA256.HashData(request.Arguments.Span))}", cancellationToken);
        while (true)
        {
            var row = await store.FindAsync(request.Org, person.Id, id, cancellationToken);
            if (row is { Value.State: not ApprovalState.Used } && row.Value.ExpiresAt > time.GetUtcNow())
            {
                return row.Value.State switch
                {
                    ApprovalState.Pending => Required(request, decision, row.Value),
                    ApprovalState.Refused => Denied(request, decision, $"{person.DisplayName} refused it. It can be asked again after {row.Value.ExpiresAt.ToString("HH:mm:ss 'UTC'", CultureInfo.InvariantCulture)}"),
                    _ => new GivenApproval(row),
                };
            }
            if (await CrowdedAsync(request, decision, MaxOfAgent - 1, MaxOfPerson - 1, cancellationToken) is { } crowded)
                return crowded;
            var asked = await NewAsync(request, decision, id, standingId, (row?.Value.Round ?? 0) + 1, cancellationToken);
            // On record before it can be decided about. Who loses the race below has asked as well.
            await audit.AppendAsync(request.Org, Event(request, decision, AuditTypes.ApprovalRequested), cancellationToken);
            var written = row is null ? await store.InsertAsync(request.Org, asked, cancellationToken) : await store.ReplaceAsync(request.Org, row, asked, cancellationToken);
            if (written is null)
                continue;
            // Of those who ask at the same moment, each that finds too many takes its own back: never more than allowed stay.
            if (await CrowdedAsync(request, decision, MaxOfAgent, MaxOfPerson, CancellationToken.None) is { } late && await store.DeleteAsync(request.Org, written, CancellationToken.None))
                return late;
            return Required(request, decision, written.Value);
        }
    }

    /// <summary>Spends the approval for the call that is about to be made. False when another call was faster.</summary>
    public async Task<bool> UseAsync(AccessRequest request, PolicyDecision decision, GivenApproval approval)
    {
        var row = approval.Row;
        // From here on the approval is spent, whether or not the client still waits.
        if (row.Value.State == ApprovalState.AllowedOnce
            && await store.ReplaceAsync(request.Org, row, row.Value with { State = ApprovalState.Used }, CancellationToken.None) is null)
            return false;
        await audit.AppendAsync(request.Org, Event(request, decision, AuditTypes.ApprovalUsed) with { Decision = row.Value.State == ApprovalState.AllowedOnce ? "once" : "session" }, CancellationToken.None);
        return true;
    }

    /// <summary>The failure if more questions wait for the person than may; null if not.</summary>
    private async Task<Failure?> CrowdedAsync(AccessRequest request, PolicyDecision decision, int mostOfAgent, int mostOfPerson, CancellationToken cancellationToken)
    {
        var (person, now) = (request.User!, time.GetUtcNow());
        var open = (await store.ListAsync(request.Org, person.Id, now, cancellationToken)).Where(approval => approval.State == ApprovalState.Pending).ToList();
        var own = open.Where(approval => approval.Application == request.Application.Id).ToList();
        var (crowd, whose) = own.Count > mostOfAgent ? (own, "of this agent") : (open, "of their agents");
        if (crowd.Count <= (crowd == own ? mostOfAgent : mostOfPerson))
            return null;
        var first = crowd.Min(approval => approval.ExpiresAt);
        return new Failure(
            FailureCode.RateLimited,
            string.Create(CultureInfo.InvariantCulture, $"{request.Capability ?? request.Integration.Name} needs the approval of {person.DisplayName}, for whom {crowd.Count} questions {whose} wait already: {addresses.All}. Ask again when some of them are answered, or after {first:HH:mm:ss} UTC, when the first one ends."))
        {
            Integration = new FailedIntegration(request.Integration.Id, request.Integration.Name, TooMany),
            Decision = decision,
            RetryAfter = first - now,
        };
    }

    private async Task<Approval> NewAsync(AccessRequest request, PolicyDecision decision, string id, string standingId, int round, CancellationToken cancellationToken)
    {
        var excerpt = ApprovalExcerpt.Of(request.Arguments);
        var now = time.GetUtcNow();
        return new Approval
        {
            Id = id,
            Round = round,
            StandingId = standingId,
            User = request.User!.Id,
            Application = request.Application.Id,
            Session = request.Session!.Id,
            Integration = request.Integration.Id,
            IntegrationName = request.Integration.Name,
            Kind = request.Kind,
            Operation = request.Operation,
            Target = request.Target,
            SealedArguments = excerpt is { } shown ? await sealer.SealAsync(request.Org, Context(id), new Secret(shown.Text), cancellationToken) : null,
            Shortened = excerpt is { Shortened: true },
            Reasons = [.. decision.Layers.Where(layer => layer.Asks).Select(layer => layer.Reason)],
            CreatedAt = now,
            ExpiresAt = now + Life,
        };
    }

    /// <summary>What sealed arguments are bound to.</summary>
    internal static string Context(string id) => $"{Purpose}:{id}";

    // The rules are part of it: when others ask, the person is asked again.
    private async ValueTask<string> IdAsync(AccessRequest request, PolicyDecision decision, string rest, CancellationToken cancellationToken)
    {
        var rules = string.Join(',', decision.Layers.Where(layer => layer.Asks).Select(layer => layer.Rule?.ToString()));
        var what = $"{request.User!.Id}|{request.Application.Id}|{request.Session!.Id}|{request.Integration.Id}|{request.Kind}|{request.Operation?.Length}:{request.Operation}|{rules}|{rest}";
        return Base64Url.EncodeToString(await sealer.DeriveAsync(request.Org, Purpose, what, cancellationToken));
    }

    private Failure Required(AccessRequest request, PolicyDecision decision, Approval approval) =>
        new(FailureCode.ApprovalRequired, $"{approval.Capability} waits for a person's approval: {decision.Denial?.Reason}.")
        {
            Integration = new FailedIntegration(request.Integration.Id, request.Integration.Name, "approval_required"),
            Approval = new ApprovalLink(addresses.PageOf(approval.Id), approval.Id, approval.ExpiresAt),
            Decision = decision,
        };

    private static Failure Denied(AccessRequest request, PolicyDecision decision, string why) =>
        new(FailureCode.PolicyDenied, $"{request.Capability ?? request.Integration.Name} is denied: {decision.Denial?.Reason}, and {why}.")
        {
            Integration = new FailedIntegration(request.Integration.Id, request.Integration.Name, "policy_denied"),
            Decision = decision,
        };

    private AuditEvent Event(AccessRequest request, PolicyDecision decision, string type) => new()
    {
        At = time.GetUtcNow(),
        Type = type,
        Agent = new AuditParty(request.Application.Id.ToString(), request.Application.Name),
        Act = request.Act?.Chain,
        User = new AuditParty(request.User!.Id.ToString(), request.User.DisplayName),
        SessionId = request.Session?.Id.ToString(),
        TraceId = request.TraceId,
        Integration = new AuditParty(request.Integration.Id.ToString(), request.Integration.Name),
        Capability = request.Capability,
        Target = request.Target,
        Policy = decision,
    };
}
