using Kontext.Domain.Audit;

namespace Kontext.Domain.Gateway;

/// <summary>Takes down what agents lack, and what administrators decide about it.</summary>
public sealed class CapabilityRequests(ICapabilityRequestStore store, IAuditLog audit, TimeProvider time)
{
    /// <summary>How many an organization keeps. The oldest decided one makes room for a new one.</summary>
    public const int MaxPerOrganization = 500;

    /// <summary>How many an agent may have open for one person.</summary>
    public const int MaxOpenPerAgent = 20;

    /// <summary>Takes a request down. One that was made before stays as it is, with what was decided about it. Null when there are too many already.</summary>
    public async Task<CapabilityRequest?> AskAsync(AgentCaller caller, string capability, string? reason, string? traceId, CancellationToken cancellationToken)
    {
        var asked = Plain(capability, CapabilityRequest.MaxName);
        var id = CapabilityRequest.IdOf(caller.Application.Id, caller.User.Id, asked);
        if (await store.FindAsync(caller.Org, id, cancellationToken) is { } before)
            return before.Value;

        var kept = await store.ListAsync(caller.Org, cancellationToken);
        if (kept.Count(other => other.Value.Status == CapabilityRequestStatus.Open && other.Value.Application == caller.Application.Id && other.Value.User == caller.User.Id) >= MaxOpenPerAgent)
            return null;
        if (kept.Count >= MaxPerOrganization)
        {
            if (kept.Where(other => other.Value.Status != CapabilityRequestStatus.Open).MinBy(other => other.Value.ResolvedAt) is not { } oldest)
                return null;
            await store.DeleteAsync(caller.Org, oldest, cancellationToken);
        }
        var request = new CapabilityRequest
        {
            Id = id,
            Application = caller.Application.Id,
            ApplicationName = caller.Application.Name,
            User = caller.User.Id,
            UserName = caller.User.DisplayName,
            Capability = asked,
            Reason = reason is null ? null : Plain(reason, CapabilityRequest.MaxReason),
            AskedAt = time.GetUtcNow(),
        };
        // Before the row: an entry too many says the same twice, one too few would never be made up for.
        await audit.AppendAsync(caller.Org, new AuditEvent
        {
            At = request.AskedAt,
            Type = AuditTypes.CapabilityRequested,
            Agent = new AuditParty(caller.Application.Id.ToString(), caller.Application.Name),
            Act = caller.Act?.Chain,
            User = new AuditParty(caller.User.Id.ToString(), caller.User.DisplayName),
            SessionId = caller.Session.Id.ToString(),
            TraceId = traceId,
            Capability = request.Capability,
            Target = request.Reason,
        }, cancellationToken);
        return (await store.InsertAsync(caller.Org, request, cancellationToken))?.Value ?? (await store.FindAsync(caller.Org, id, cancellationToken))?.Value;
    }

    /// <summary>Decides about a request; deciding again changes the decision. Null when there is no such request.</summary>
    public async Task<CapabilityRequest?> ResolveAsync(OrgId org, string id, CapabilityRequestStatus status, string? note, AuditParty actor, CancellationToken cancellationToken)
    {
        while (await store.FindAsync(org, id, cancellationToken) is { } current)
        {
            var now = time.GetUtcNow();
            var next = current.Value with { Status = status, ResolvedAt = now, ResolvedBy = actor.Name ?? actor.Id, Note = note is null ? null : Plain(note, CapabilityRequest.MaxReason) };
            if (await store.ReplaceAsync(org, current, next, cancellationToken) is null)
                continue;
            await audit.AppendAsync(org, new AuditEvent
            {
                At = now,
                Type = AuditTypes.Administered,
                Actor = actor,
                User = new AuditParty(next.User.ToString(), next.UserName),
                Agent = new AuditParty(next.Application.ToString(), next.ApplicationName),
                Capability = status == CapabilityRequestStatus.Granted ? "capability_request.granted" : "capability_request.declined",
                Target = next.Capability,
            }, CancellationToken.None);
            return next;
        }
        return null;
    }

    // Administrators read it in lists and terminals.
    private static string Plain(string text, int most)
    {
        var plain = string.Concat(text.Select(character => char.IsControl(character) ? ' ' : character)).Trim();
        return plain.Length <= most ? plain : plain[..most];
    }
}
