using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>Cuts off one agent session and those made from it; every instance refuses their tokens within a second.</summary>
public sealed class SessionRevocation(ISessionStore sessions, IApplicationStore applications, IAuditLog audit, TimeProvider time)
{
    private const int PageSize = 100;

    /// <summary>Revokes every session of an organization that lives; gives how many there were.</summary>
    public async Task<int> RunAllAsync(OrgId org, string reason, CancellationToken cancellationToken)
    {
        var revoked = 0;
        string? cursor = null;
        do
        {
            var page = await applications.ListAsync(org, cursor, PageSize, cancellationToken);
            foreach (var application in page.Items)
            {
                foreach (var session in await sessions.ListAsync(org, application.Id, int.MaxValue, cancellationToken))
                    revoked += session.IsLive(time.GetUtcNow()) && await RunAsync(org, application, session.Id, reason, cancellationToken) ? 1 : 0;
            }
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return revoked;
    }

    /// <summary>Revokes; false when there was nothing left to revoke.</summary>
    public async Task<bool> RunAsync(OrgId org, Application application, SessionId session, string reason, CancellationToken cancellationToken)
    {
        while (await sessions.FindAsync(org, application.Id, session, cancellationToken) is { } current)
        {
            if (current.Value.RevokedAt is not null)
            {
                // Who revoked it may have died before the other instances were told: writing it tells them.
                if (await sessions.ReplaceAsync(org, current, current.Value, cancellationToken) is not { } told)
                    continue;
                if (current.Value.RevocationUnrecorded)
                    await RecordAsync(org, application, told, cancellationToken);
                return false;
            }
            // To stop comes before to record it; that the entry is still to be made is written with it.
            var ended = current.Value with { RevokedAt = time.GetUtcNow(), RevokedReason = reason, RevocationUnrecorded = true };
            if (await sessions.ReplaceAsync(org, current, ended, cancellationToken) is not { } written)
                continue;
            await RecordAsync(org, application, written, cancellationToken);
            // Their tokens are dead already, because the parent is looked at with every use: this makes the rows say so.
            foreach (var child in current.Value.Children)
            {
                if (await applications.FindAsync(org, child.Application, cancellationToken) is { } agent)
                    await RunAsync(org, agent.Value, child.Session, "the session it was made from ended", cancellationToken);
            }
            return true;
        }
        return false;
    }

    private async Task RecordAsync(OrgId org, Application application, Versioned<Session> ended, CancellationToken cancellationToken)
    {
        await audit.AppendAsync(org, new AuditEvent
        {
            At = time.GetUtcNow(),
            Type = AuditTypes.Revoked,
            Agent = new AuditParty(application.Id.ToString(), application.Name),
            User = new AuditParty(ended.Value.User.ToString(), null),
            SessionId = ended.Value.Id.ToString(),
            ErrorMessage = ended.Value.RevokedReason,
        }, cancellationToken);
        // Where somebody wrote meanwhile, whoever repeats the order may record it twice.
        await sessions.ReplaceAsync(org, ended, ended.Value with { RevocationUnrecorded = false }, cancellationToken);
    }
}
