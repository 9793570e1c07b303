using Kontext.Domain.Audit;
using Kontext.Domain.Work;

namespace Kontext.Domain.Revocations;

/// <summary>Records that credentials which agents were given have ended. Instances may sweep at once; one that dies between the entry and the end of its note leaves a second entry behind, never none.</summary>
public sealed class CredentialEndSweep(ICredentialEnds ends, IAuditLog audit, TimeProvider time)
{
    // Longer than a sweep takes.
    private static readonly TimeSpan Taken = TimeSpan.FromMinutes(3);
    // The trail's readers expect an entry within two minutes of what it tells of.
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(90);

    /// <summary>Walks what has ended. What it does not get to, or fails at, is there for the next run.</summary>
    /// <exception cref="AggregateException">Storage failed for some; the rest was done.</exception>
    public Task RunAsync(CancellationToken cancellationToken) =>
        Sweeping.RunAsync(ends.EndedAsync(time.GetUtcNow(), cancellationToken), time, RecordAsync, cancellationToken);

    private async Task RecordAsync(Versioned<CredentialEnd> end, CancellationToken cancellationToken)
    {
        if (await ends.TakeAsync(end, time.GetUtcNow() + Taken, cancellationToken) is not { } taken)
            return;
        await audit.AppendAsync(end.Value.Org, EntryOf(end.Value.Credential), cancellationToken);
        await ends.RemoveAsync(taken, cancellationToken);
    }

    private AuditEvent EntryOf(IssuedCredential credential)
    {
        var (now, ended) = (time.GetUtcNow(), credential.EndsAt!.Value);
        return new AuditEvent
        {
            At = now - ended < Late ? ended : now,
            Type = AuditTypes.CredentialExpired,
            Agent = new AuditParty(credential.Application.ToString(), credential.ApplicationName),
            User = credential.User is { } user ? new AuditParty(user.ToString(), credential.UserName) : null,
            SessionId = credential.Session?.ToString(),
            Integration = new AuditParty(credential.Integration.ToString(), credential.IntegrationName),
            ExpiresIn = "0s",
        };
    }
}
