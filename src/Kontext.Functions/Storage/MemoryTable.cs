using System.Collections.Concurrent;
using System.Globalization;

namespace Kontext.Functions.Storage;

/// <summary>Tables in memory, with the rules of the real ones: for unit tests and <c>Kontext__Storage=memory</c>.</summary>
internal sealed class MemoryTables : ITableSource
{
    private readonly ConcurrentDictionary<string, MemoryTable> tables = new(StringComparer.OrdinalIgnoreCase);

    /// <inheritdoc/>
    public ITable Open(string name) => tables.GetOrAdd(name, _ => new MemoryTable());
}

/// <summary>One table in memory.</summary>
internal sealed class MemoryTable : ITable
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, SortedList<string, TableRow>> partitions = new(StringComparer.Ordinal);
    private long version;

    /// <inheritdoc/>
    public Task<TableRow?> GetAsync(string partitionKey, string rowKey, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        RowLimits.CheckKeys(partitionKey, rowKey);
        lock (gate)
            return Task.FromResult(Stored(partitionKey, rowKey));
    }

    /// <inheritdoc/>
    public Task<Write> InsertAsync(TableRow row, CancellationToken cancellationToken) => ApplyOne(new RowOperation(RowChange.Insert, row), cancellationToken);

    /// <inheritdoc/>
    public Task<Write> ReplaceAsync(TableRow row, CancellationToken cancellationToken) => ApplyOne(new RowOperation(RowChange.Replace, row), cancellationToken);

    /// <inheritdoc/>
    public Task<Write> UpsertAsync(TableRow row, CancellationToken cancellationToken) => ApplyOne(new RowOperation(RowChange.Upsert, row), cancellationToken);

    /// <inheritdoc/>
    public Task<Write> DeleteAsync(string partitionKey, string rowKey, string etag, CancellationToken cancellationToken) =>
        ApplyOne(new RowOperation(RowChange.Delete, new TableRow(partitionKey, rowKey, new Dictionary<string, object>()) { ETag = etag }), cancellationToken);

    /// <inheritdoc/>
    public Task<WriteOutcome> TransactAsync(IReadOnlyList<RowOperation> operations, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        RowLimits.CheckTransaction(operations);
        lock (gate)
        {
            foreach (var operation in operations)
            {
                if (Check(operation) is var outcome and not WriteOutcome.Written)
                    return Task.FromResult(outcome);
            }
            foreach (var operation in operations)
                Apply(operation);
            return Task.FromResult(WriteOutcome.Written);
        }
    }

    /// <inheritdoc/>
    public Task<RowPage> RangeAsync(string partitionKey, string from, string? to, int limit, string? continuation, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, 1000);
        lock (gate)
        {
            if (!partitions.TryGetValue(partitionKey, out var rows))
                return Task.FromResult(new RowPage([], null));
            var found = new List<TableRow>();
            for (var index = FirstAtOrAfter(rows, continuation ?? from); index < rows.Count; index++)
            {
                var key = rows.GetKeyAtIndex(index);
                if (to is not null && string.CompareOrdinal(key, to) >= 0)
                    break;
                if (found.Count == limit)
                    return Task.FromResult(new RowPage(found, key));
                found.Add(rows.GetValueAtIndex(index));
            }
            return Task.FromResult(new RowPage(found, null));
        }
    }

    private static int FirstAtOrAfter(SortedList<string, TableRow> rows, string key)
    {
        var (low, high) = (0, rows.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (string.CompareOrdinal(rows.GetKeyAtIndex(middle), key) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    private Task<Write> ApplyOne(RowOperation operation, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        RowLimits.Check(operation.Row);
        lock (gate)
        {
            var outcome = Check(operation);
            return Task.FromResult(outcome == WriteOutcome.Written ? new Write(outcome, Apply(operation)) : new Write(outcome, null));
        }
    }

    private TableRow? Stored(string partition, string row) => partitions.GetValueOrDefault(partition)?.GetValueOrDefault(row);

    private WriteOutcome Check(RowOperation operation)
    {
        var (change, row) = operation;
        if (change is RowChange.Replace or RowChange.Delete && row.ETag is null)
            throw new ArgumentException("A row is replaced or deleted by its version.");
        var stored = Stored(row.PartitionKey, row.RowKey);
        return change switch
        {
            RowChange.Insert => stored is null ? WriteOutcome.Written : WriteOutcome.Exists,
            RowChange.Upsert => WriteOutcome.Written,
            _ when stored is null => WriteOutcome.Missing,
            _ => row.ETag == "*" || row.ETag == stored.ETag ? WriteOutcome.Written : WriteOutcome.Stale,
        };
    }

    private string Apply(RowOperation operation)
    {
        var (change, row) = operation;
        if (!partitions.TryGetValue(row.PartitionKey, out var rows))
            partitions[row.PartitionKey] = rows = new SortedList<string, TableRow>(StringComparer.Ordinal);
        if (change == RowChange.Delete)
        {
            rows.Remove(row.RowKey);
            if (rows.Count == 0)
                partitions.Remove(row.PartitionKey);
            return "";
        }
        var etag = (++version).ToString(CultureInfo.InvariantCulture);
        rows[row.RowKey] = row with { ETag = etag };
        return etag;
    }
}
