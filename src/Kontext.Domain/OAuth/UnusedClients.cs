using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>Archives clients that registered themselves (RFC 7591) and that nobody ever approved: registering is open to everybody, so most of what it leaves behind is never used.</summary>
public sealed class UnusedClients(IApplicationStore applications, ISessionStore sessions, IAuditLog audit, TimeProvider time)
{
    /// <summary>How long such a client has to get its first session.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromDays(30);

    // Sessions are listed for longer than this. A client that is older may have had some.
    private static readonly TimeSpan Remembered = TimeSpan.FromDays(365);

    /// <summary>Archives the application if it is such a client; true when it did.</summary>
    public async Task<bool> ArchiveAsync(OrgId org, Application application, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var age = now - application.CreatedAt;
        if (application is not { Registration: Registration.Dynamic, Archived: false } || age < Patience || age > Remembered
            || await sessions.ListAsync(org, application.Id, 1, cancellationToken) is not []
            || await applications.FindAsync(org, application.Id, cancellationToken) is not { Value.Archived: false } current)
            return false;
        if (await applications.ReplaceAsync(org, current, current.Value with { Archived = true, UpdatedAt = now }, CancellationToken.None) is null)
            return false;
        await audit.AppendAsync(org, new AuditEvent
        {
            At = now,
            Type = AuditTypes.Administered,
            Agent = new AuditParty(application.Id.ToString(), application.Name),
            Capability = "application.expired",
            Target = "registered itself and had no session within 30 days",
        }, CancellationToken.None);
        return true;
    }
}
