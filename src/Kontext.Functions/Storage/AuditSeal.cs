using Kontext.Domain;
using Kontext.Domain.Audit;

namespace Kontext.Functions.Storage;

/// <summary>Signs checkpoints over the chains, so that entries cut off a chain's end are missed too. A timer runs it (architecture section 8).</summary>
internal sealed class AuditSeal(ITableSource source, IAuditSigner signer, TimeProvider time)
{
    private readonly TableAuditLogTables tables = new(source);

    /// <summary>A checkpoint for every organization that had entries today or yesterday and has new ones; gives how many were written.</summary>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var today = Today();
        var organizations = new HashSet<OrgId>();
        foreach (var day in new[] { today.AddDays(-1), today })
        {
            await foreach (var row in tables.Organizations.RowsAsync(AuditOrganization.Partition(day), AuditOrganization.Partition(day), cancellationToken))
                organizations.Add(AuditOrganization.From(row));
        }
        var written = 0;
        foreach (var org in organizations)
        {
            if (await SealAsync(org, cancellationToken) is not null)
                written++;
        }
        return written;
    }

    /// <summary>A checkpoint for one organization; null when nothing is new or another instance was first.</summary>
    public async Task<AuditCheckpoint?> SealAsync(OrgId org, CancellationToken cancellationToken)
    {
        var (reader, checkpoints) = (new TableAuditLogReader(tables), new TableAuditLogCheckpoints(tables.Checkpoints));
        // One reading of the clock: a checkpoint of a day states nothing of the next, so an export that ends with the day holds all it states.
        var now = time.GetUtcNow();
        var today = DateOnly.FromDateTime(now.UtcDateTime);
        var last = await checkpoints.LatestAsync(org, cancellationToken);
        var heads = await reader.HeadsAsync(org, today.AddDays(-1), cancellationToken);
        foreach (var (chain, head) in await reader.HeadsAsync(org, today, cancellationToken))
            heads[chain] = head;
        if (AuditCheckpoint.Next(last, org, now, heads.Values) is not { } json)
            return null;
        var checkpoint = new AuditCheckpoint(json, await signer.SignAsync(AuditCheckpoint.BytesOf(json), cancellationToken));
        return await checkpoints.InsertAsync(org, checkpoint.Read().Number, checkpoint, cancellationToken) ? checkpoint : null;
    }

    private DateOnly Today() => DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
}
