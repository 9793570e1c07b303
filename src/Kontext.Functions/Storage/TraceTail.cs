using System.Globalization;
using Kontext.Domain;
using Kontext.Domain.Audit;

namespace Kontext.Functions.Storage;

/// <summary>The blocks of the trail that the roll-up has not come to yet.</summary>
internal sealed class TraceTail(TraceTables tables)
{
    private readonly TableAuditLogReader trail = new(tables.Audit);

    /// <summary>The days from <paramref name="since"/> on that the roll-up is not through with, newest first.</summary>
    public async Task<List<DateOnly>> OpenDaysAsync(OrgId org, DateOnly since, CancellationToken cancellationToken)
    {
        var done = new HashSet<DateOnly>();
        await foreach (var row in tables.DayRows.RowsAsync(Key.Of(org), TraceDay.RowKey(org, since), cancellationToken))
            done.Add(tables.Days.Read(row).Value.Day);
        var open = new List<DateOnly>();
        await foreach (var day in trail.DaysAsync(org, cancellationToken))
        {
            if (day < since)
                break;
            if (!done.Contains(day))
                open.Add(day);
        }
        return open;
    }

    /// <summary>A day's segments with the block each is to be gone on with.</summary>
    public async Task<List<(AuditSegment Segment, int Next)>> SegmentsAsync(OrgId org, DateOnly day, CancellationToken cancellationToken)
    {
        // Before the segments: what is missing here is read from its beginning.
        var next = new Dictionary<string, int>(StringComparer.Ordinal);
        await foreach (var row in tables.Cursors.RowsAsync(CursorPartition(org, day), Key.Of(org), cancellationToken))
            next[row.RowKey] = (int)row.Properties["next"];
        return (await trail.SegmentsAsync(org, day, cancellationToken)).ConvertAll(segment => (segment, next.GetValueOrDefault(CursorKey(segment))));
    }

    /// <summary>A segment's blocks from a number on, oldest first, some at a time.</summary>
    public IAsyncEnumerable<List<AuditBlock>> BlocksAsync(AuditSegment segment, int next, CancellationToken cancellationToken) =>
        AuditBlockPages.ReadAsync(tables.Audit.Blocks, segment, next, cancellationToken);

    /// <summary>Everything the roll-up has not come to, of the days from <paramref name="since"/> on.</summary>
    public async Task<List<AuditBlock>> ReadAsync(OrgId org, DateOnly since, CancellationToken cancellationToken)
    {
        var tail = new List<AuditBlock>();
        foreach (var day in await OpenDaysAsync(org, since, cancellationToken))
        {
            var blocks = await Task.WhenAll((await SegmentsAsync(org, day, cancellationToken)).Select(segment => RestAsync(segment.Segment, segment.Next, cancellationToken)));
            tail.AddRange(blocks.SelectMany(some => some));
        }
        return tail;
    }

    /// <summary>Notes the block to go on with.</summary>
    public Task LeaveAsync(AuditSegment segment, int next, CancellationToken cancellationToken) => tables.Cursors.UpsertAsync(
        new TableRow(CursorPartition(segment.Org, segment.Day), CursorKey(segment), new Dictionary<string, object>(StringComparer.Ordinal) { ["v"] = "1", ["next"] = next }), cancellationToken);

    /// <summary>Forgets where a day's segments are to be gone on with.</summary>
    public async Task ForgetAsync(OrgId org, DateOnly day, CancellationToken cancellationToken)
    {
        var rows = new List<TableRow>();
        await foreach (var row in tables.Cursors.RowsAsync(CursorPartition(org, day), Key.Of(org), cancellationToken))
            rows.Add(row);
        await tables.Cursors.RemoveAsync(rows, cancellationToken);
    }

    private async Task<List<AuditBlock>> RestAsync(AuditSegment segment, int next, CancellationToken cancellationToken)
    {
        var rest = new List<AuditBlock>();
        await foreach (var blocks in BlocksAsync(segment, next, cancellationToken))
            rest.AddRange(blocks);
        return rest;
    }

    private static string CursorPartition(OrgId org, DateOnly day) => string.Create(CultureInfo.InvariantCulture, $"{Key.Of(org)}~{day:yyyyMMdd}");

    private static string CursorKey(AuditSegment segment) => string.Create(CultureInfo.InvariantCulture, $"{Key.Of(segment.Org)}~{segment.Chain}~{segment.Number:D6}");
}
