using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Webhooks;

namespace Kontext.Functions.Storage;

/// <summary>The audit trail, whose entries webhooks get to know: what is sent is what was recorded, at every place that records it.</summary>
internal sealed class AnnouncingAuditLog(TableAuditLog log, WebhookPublication publication) : IAuditLog
{
    /// <inheritdoc/>
    public async Task AppendAsync(OrgId org, AuditEvent happened, CancellationToken cancellationToken)
    {
        // Before the entry: a crash in between costs an entry that was not answered for yet, not a message that the entry promises.
        await publication.PublishAsync(org, happened, cancellationToken);
        await log.AppendAsync(org, happened, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<LatestEntries> LatestAsync(OrgId org, AuditTime time, int limit, Func<AuditEvent, bool> matches, CancellationToken cancellationToken) =>
        log.LatestAsync(org, time, limit, matches, cancellationToken);
}
