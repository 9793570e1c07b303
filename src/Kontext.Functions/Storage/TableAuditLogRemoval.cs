using Kontext.Domain;

namespace Kontext.Functions.Storage;

/// <summary>Takes whole days out of an organization's trail, once they are kept elsewhere. A removal that was cut off is taken up again, since the row that lists the day goes last.</summary>
internal sealed class TableAuditLogRemoval(ITableSource source)
{
    private const int PageSize = 100;

    private readonly TableAuditLogTables tables = new(source);

    /// <summary>The days with entries up to a day, oldest first.</summary>
    public async Task<List<DateOnly>> DaysAsync(OrgId org, DateOnly through, CancellationToken cancellationToken)
    {
        var days = new List<DateOnly>();
        await foreach (var row in tables.Segments.RowsAsync(AuditDay.Partition(org), AuditDay.RowKey(org, through), cancellationToken))
            days.Add(AuditDay.From(row));
        days.Reverse();
        return days;
    }

    /// <summary>Removes a day's entries, and the checkpoints taken by its end except the newest of all.</summary>
    public async Task RemoveAsync(OrgId org, DateOnly day, CancellationToken cancellationToken)
    {
        var index = AuditSegment.IndexPartition(org, day);
        foreach (var segment in await new TableAuditLogReader(tables).SegmentsAsync(org, day, cancellationToken))
            await RemoveBlocksAsync(segment, cancellationToken);
        while (await tables.Segments.RangeAsync(index, org.ToString(), null, PageSize, null, cancellationToken) is { Rows: { Count: > 0 } rows })
            await tables.Segments.RemoveAsync(rows, cancellationToken);
        await new TableAuditLogCheckpoints(tables.Checkpoints).RemoveAsync(org, day, cancellationToken);
        await DeleteAsync(tables.Organizations, AuditOrganization.ToRow(org, day), cancellationToken);
        await DeleteAsync(tables.Segments, AuditDay.ToRow(org, day), cancellationToken);
    }

    private async Task RemoveBlocksAsync(AuditSegment segment, CancellationToken cancellationToken)
    {
        // Blocks are large, so they are not read again: the newest, whose key comes first, tells the keys of all before it.
        while (await tables.Blocks.FirstAsync(segment.Partition, segment.Partition, null, cancellationToken) is { } newest)
        {
            var number = AuditBlock.From(segment, newest).Number;
            var last = Math.Max(0, number - PageSize + 1);
            await tables.Blocks.RemoveAsync(
                Enumerable.Range(last, number - last + 1).Reverse().Select(block => new TableRow(segment.Partition, segment.RowKey(block), newest.Properties) { ETag = "*" }), cancellationToken);
        }
    }

    private static Task<Write> DeleteAsync(ITable table, TableRow row, CancellationToken cancellationToken) =>
        table.DeleteAsync(row.PartitionKey, row.RowKey, "*", cancellationToken);
}
