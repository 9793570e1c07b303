using System.Globalization;
using System.Runtime.CompilerServices;
using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Storage;

/// <summary>Due times in buckets of five minutes. A partition of notes belongs to an organization, a bucket and a shard; a second table says, per day, which partitions hold any,
/// so that a walk with nothing due is two range reads. That one spans organizations and holds nothing but their ids.</summary>
internal sealed class RefreshSchedule(ITableSource tables, string table) : IRefreshSchedule
{
    private const int Shards = 16;
    private static readonly TimeSpan Bucket = TimeSpan.FromMinutes(5);
    // Leftovers are looked for this far back. What is older belongs to an installation that nobody ran for longer.
    private const int ForgetDays = 60;

    private readonly ITable notes = tables.Open(table);
    private readonly ITable partitions = tables.Open(table + "partitions");

    /// <summary>Due times of refreshes.</summary>
    public RefreshSchedule(ITableSource tables)
        : this(tables, "refreshdue")
    {
    }

    /// <inheritdoc/>
    public async Task FileAsync(DueRefresh due, CancellationToken cancellationToken)
    {
        var bucket = BucketOf(due.DueAt);
        var (partition, row) = PlaceOf(due);
        await notes.UpsertAsync(ToRow(partition, row, due), cancellationToken);
        // INVARIANT: after the note. A walk that found the partition empty before deletes the version it had read, so that either this write remains or follows.
        await partitions.UpsertAsync(
            new TableRow(bucket[..8], $"{bucket}~{partition}", new Dictionary<string, object>(StringComparer.Ordinal) { ["v"] = "1", ["partition"] = partition }), cancellationToken);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<Versioned<DueRefresh>> DueAsync(DateTimeOffset now, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (first, last) = (BucketOf(now - IRefreshSchedule.LookBack), BucketOf(now));
        foreach (var day in new[] { first[..8], last[..8] })
        {
            await foreach (var listed in partitions.RowsAsync(day, first, cancellationToken))
            {
                if (string.CompareOrdinal(listed.RowKey[..last.Length], last) > 0)
                    break;
                var partition = (string)listed.Properties["partition"];
                var empty = true;
                await foreach (var row in notes.RowsAsync(partition, partition[..32], cancellationToken))
                {
                    empty = false;
                    var due = From(row);
                    if (due.DueAt <= now)
                        yield return new Versioned<DueRefresh>(due, row.ETag!);
                }
                if (empty)
                    await partitions.DeleteAsync(listed.PartitionKey, listed.RowKey, listed.ETag!, cancellationToken);
            }
        }
    }

    /// <inheritdoc/>
    public async Task<Versioned<DueRefresh>?> FindAsync(DueRefresh due, CancellationToken cancellationToken)
    {
        var (partition, row) = PlaceOf(due);
        return await notes.GetAsync(partition, row, cancellationToken) is { } found && From(found) == due ? new Versioned<DueRefresh>(due, found.ETag!) : null;
    }

    /// <inheritdoc/>
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

    /// <inheritdoc/>
    public Task RemoveAsync(Versioned<DueRefresh> due, CancellationToken cancellationToken)
    {
        var (partition, row) = PlaceOf(due.Value);
        return notes.DeleteAsync(partition, row, due.Version, cancellationToken);
    }

    private static string BucketOf(DateTimeOffset at) =>
        new DateTimeOffset(at.UtcTicks - (at.UtcTicks % Bucket.Ticks), TimeSpan.Zero).ToString("yyyyMMddHHmm", CultureInfo.InvariantCulture);

    private static (string Partition, string Row) PlaceOf(DueRefresh due)
    {
        var bucket = Key.Of(due.Org, BucketOf(due.DueAt));
        return ($"{bucket}~{due.Connection.Value.ToByteArray()[15] % Shards:x}", $"{bucket}~{due.Connection.Value:N}");
    }

    private static TableRow ToRow(string partition, string key, DueRefresh due) => new(partition, key, new Dictionary<string, object>(StringComparer.Ordinal)
    {
        ["v"] = "1",
        ["org"] = due.Org.ToString(),
        ["user"] = due.User.Value.ToString("N"),
        ["integration"] = due.Integration.Value.ToString("N"),
        ["connection"] = due.Connection.Value.ToString("N"),
        ["expires"] = due.ExpiresAt,
        ["due"] = due.DueAt,
    });

    private static DueRefresh From(TableRow row) => new(
        OrgId.Parse((string)row.Properties["org"], null),
        new UserId(Guid.Parse((string)row.Properties["user"])),
        new IntegrationId(Guid.Parse((string)row.Properties["integration"])),
        new ConnectionId(Guid.Parse((string)row.Properties["connection"])),
        (DateTimeOffset)row.Properties["expires"],
        (DateTimeOffset)row.Properties["due"]);
}
