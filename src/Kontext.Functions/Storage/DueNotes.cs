using System.Globalization;
using System.Runtime.CompilerServices;
using Kontext.Domain;

namespace Kontext.Functions.Storage;

/// <summary>Rows in the order in which they are due, in buckets of five minutes. A partition of them belongs to an organization, a bucket and a shard; a second table says, per day, which partitions hold any,
/// so that a walk with nothing due is a range read per day. That one spans organizations and holds nothing but their ids.</summary>
internal sealed class DueNotes(ITableSource tables, string table)
{
    /// <summary>How many partitions a bucket of an organization has.</summary>
    public const int Shards = 16;

    private const string DueProperty = "due";
    private static readonly TimeSpan Bucket = TimeSpan.FromMinutes(5);
    // Leftovers are looked for this far back. What is older belongs to an installation that nobody ran for longer.
    private const int ForgetDays = 60;

    private readonly ITable notes = tables.Open(table);
    private readonly ITable partitions = tables.Open(table + "partitions");

    /// <summary>When a row is due.</summary>
    public static DateTimeOffset DueAt(TableRow row) => (DateTimeOffset)row.Properties[DueProperty];

    /// <summary>Files a row; one of the same place is replaced.</summary>
    /// <param name="place">Where it belongs.</param>
    /// <param name="properties">What it says. When it is due is added to it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task FileAsync(DuePlace place, IReadOnlyDictionary<string, object> properties, CancellationToken cancellationToken)
    {
        var bucket = BucketOf(place.DueAt);
        var (partition, row) = KeysOf(place);
        var all = new Dictionary<string, object>(properties, StringComparer.Ordinal) { [DueProperty] = place.DueAt };
        all.TryAdd("v", "1");
        await notes.UpsertAsync(new TableRow(partition, row, all), cancellationToken);
        // INVARIANT: after the note. A walk that found the partition empty before deletes the version it had read, so that either this write remains or follows.
        await partitions.UpsertAsync(
            new TableRow(bucket[..8], $"{bucket}~{partition}", new Dictionary<string, object>(StringComparer.Ordinal) { ["v"] = "1", ["partition"] = partition }), cancellationToken);
    }

    /// <summary>What is due by now and was within a time before, oldest bucket first.</summary>
    public async IAsyncEnumerable<TableRow> DueAsync(DateTimeOffset now, TimeSpan lookBack, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (first, last) = (BucketOf(now - lookBack), BucketOf(now));
        for (var day = (now - lookBack).UtcDateTime.Date; day <= now.UtcDateTime.Date; day = day.AddDays(1))
        {
            await foreach (var listed in partitions.RowsAsync(BucketOf(new DateTimeOffset(day, TimeSpan.Zero))[..8], first, cancellationToken))
            {
                if (string.CompareOrdinal(listed.RowKey[..last.Length], last) > 0)
                    break;
                var partition = (string)listed.Properties["partition"];
                var empty = true;
                await foreach (var row in notes.RowsAsync(partition, partition[..32], cancellationToken))
                {
                    empty = false;
                    if (DueAt(row) <= now)
                        yield return row;
                }
                if (empty)
                    await partitions.DeleteAsync(listed.PartitionKey, listed.RowKey, listed.ETag!, cancellationToken);
            }
        }
    }

    /// <summary>The row of a place; null when there is none.</summary>
    public Task<TableRow?> FindAsync(DuePlace place, CancellationToken cancellationToken)
    {
        var (partition, row) = KeysOf(place);
        return notes.GetAsync(partition, row, cancellationToken);
    }

    /// <summary>Writes a row anew, unless somebody else did since it was read.</summary>
    public Task<Write> ReplaceAsync(TableRow row, CancellationToken cancellationToken) => notes.ReplaceAsync(row, cancellationToken);

    /// <summary>Takes out what was due before a time: nobody walks it any more.</summary>
    public async Task ForgetAsync(DateTimeOffset before, CancellationToken cancellationToken)
    {
        var last = BucketOf(before);
        for (var day = before.AddDays(-ForgetDays); day <= before; day = day.AddDays(1))
        {
            await foreach (var listed in partitions.RowsAsync(BucketOf(day)[..8], BucketOf(day)[..8], cancellationToken))
            {
                if (string.CompareOrdinal(listed.RowKey[..last.Length], last) >= 0)
                    break;
                var partition = (string)listed.Properties["partition"];
                await foreach (var row in notes.RowsAsync(partition, partition[..32], cancellationToken))
                    await notes.DeleteAsync(row.PartitionKey, row.RowKey, row.ETag!, cancellationToken);
                await partitions.DeleteAsync(listed.PartitionKey, listed.RowKey, listed.ETag!, cancellationToken);
            }
        }
    }

    /// <summary>Takes the row of a place out, unless it was replaced since it was read.</summary>
    public Task RemoveAsync(DuePlace place, string version, CancellationToken cancellationToken)
    {
        var (partition, row) = KeysOf(place);
        return notes.DeleteAsync(partition, row, version, cancellationToken);
    }

    private static string BucketOf(DateTimeOffset at) =>
        new DateTimeOffset(at.UtcTicks - (at.UtcTicks % Bucket.Ticks), TimeSpan.Zero).ToString("yyyyMMddHHmm", CultureInfo.InvariantCulture);

    private static (string Partition, string Row) KeysOf(DuePlace place)
    {
        var bucket = Key.Of(place.Org, BucketOf(place.DueAt));
        return ($"{bucket}~{place.Shard:x}", $"{bucket}~{place.Name}");
    }
}

/// <summary>Where a row of <see cref="DueNotes"/> belongs.</summary>
/// <param name="Org">The organization.</param>
/// <param name="DueAt">When it is due.</param>
/// <param name="Shard">Which of <see cref="DueNotes.Shards"/>, from 0.</param>
/// <param name="Name">Its name within the organization: of one name there is one row per bucket.</param>
internal readonly record struct DuePlace(OrgId Org, DateTimeOffset DueAt, int Shard, string Name);
