using System.Globalization;
using Kontext.Domain;
using Kontext.Domain.Audit;

namespace Kontext.Functions.Storage;

/// <summary>Keeps the signed checkpoints. An organization's are one partition, newest first: they are few, and only so can two instances not both take a number.</summary>
internal sealed class TableAuditLogCheckpoints(ITable table)
{
    private const int ChunkLength = 30_000;
    private const int PageSize = 100;
    private const long Newest = 999_999_999_999;

    /// <summary>False when another instance has taken the number.</summary>
    public async Task<bool> InsertAsync(OrgId org, long number, AuditCheckpoint checkpoint, CancellationToken cancellationToken)
    {
        var properties = new Dictionary<string, object>(StringComparer.Ordinal) { ["v"] = "1", ["kid"] = checkpoint.Signature.KeyId, ["signature"] = checkpoint.Signature.Value };
        for (var start = 0; start < checkpoint.Json.Length; start += ChunkLength)
            properties[ChunkName(start / ChunkLength)] = checkpoint.Json.Substring(start, Math.Min(ChunkLength, checkpoint.Json.Length - start));
        var row = new TableRow(org.ToString(), RowKey(org, number), properties);
        return (await table.InsertAsync(row, cancellationToken)).Ok;
    }

    /// <summary>The newest; null when there is none.</summary>
    public async Task<AuditCheckpoint?> LatestAsync(OrgId org, CancellationToken cancellationToken) =>
        await table.FirstAsync(org.ToString(), org.ToString(), null, cancellationToken) is { } row ? Read(row) : null;

    /// <summary>Those of the days, in the order of their numbers.</summary>
    public async Task<List<AuditCheckpoint>> OfDaysAsync(OrgId org, DateOnly from, DateOnly to, CancellationToken cancellationToken)
    {
        var checkpoints = new List<AuditCheckpoint>();
        if (await NewestOfAsync(org, to, cancellationToken) is not { } first)
            return checkpoints;
        await foreach (var row in table.RowsAsync(org.ToString(), RowKey(org, first), cancellationToken))
        {
            var checkpoint = Read(row);
            if (DayOf(checkpoint) < from)
                break;
            checkpoints.Add(checkpoint);
        }
        checkpoints.Reverse();
        return checkpoints;
    }

    /// <summary>Deletes those taken by the end of a day, but not the newest of all, which the next one follows; gives how many.</summary>
    public async Task<int> RemoveAsync(OrgId org, DateOnly through, CancellationToken cancellationToken)
    {
        if (await NewestOfAsync(org, through, cancellationToken) is not { } last || await LatestAsync(org, cancellationToken) is not { } newest)
            return 0;
        // Keys come newest first, so one key further leaves the newest out.
        var from = RowKey(org, Math.Min(last, newest.Read().Number - 1));
        var (removed, continuation) = (0, (string?)null);
        do
        {
            var page = await table.RangeAsync(org.ToString(), from, null, PageSize, continuation, cancellationToken);
            removed += await table.RemoveAsync(page.Rows, cancellationToken);
            continuation = page.Continuation;
        }
        while (continuation is not null);
        return removed;
    }

    /// <summary>The number of the newest taken by the end of the day; null when there is none. Found by halving, since numbers grow with time: the days after may hold many.</summary>
    private async Task<long?> NewestOfAsync(OrgId org, DateOnly day, CancellationToken cancellationToken)
    {
        if (await LatestAsync(org, cancellationToken) is not { } latest)
            return null;
        var (low, high) = (0L, latest.Read().Number);
        while (low < high)
        {
            var middle = low + (high - low + 1) / 2;
            // Those that are gone were the oldest.
            var isOlder = await table.GetAsync(org.ToString(), RowKey(org, middle), cancellationToken) is not { } row || DayOf(Read(row)) <= day;
            (low, high) = isOlder ? (middle, high) : (low, middle - 1);
        }
        return low == 0 ? null : low;
    }

    private static DateOnly DayOf(AuditCheckpoint checkpoint) => DateOnly.FromDateTime(checkpoint.Read().At.UtcDateTime);

    private static string RowKey(OrgId org, long number) => string.Create(CultureInfo.InvariantCulture, $"{org}~{Newest - number:D12}");

    private static AuditCheckpoint Read(TableRow row)
    {
        var json = "";
        for (var chunk = 0; row.Properties.TryGetValue(ChunkName(chunk), out var more); chunk++)
            json += (string)more;
        return new AuditCheckpoint(json, new AuditSignature((string)row.Properties["kid"], (string)row.Properties["signature"]));
    }

    private static string ChunkName(int index) => string.Create(CultureInfo.InvariantCulture, $"body{index}");
}
