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
    private readonly SortedDictionary<(string Partition, string Row), TableRow> rows = new(KeyOrder.Instance);
    private long version;

    /// <inheritdoc/>
    public Task<TableRow?> GetAsync(string partitionKey, string rowKey, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (gate)
            return Task.FromResult(rows.GetValueOrDefault((partitionKey, rowKey)));
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
            var start = continuation ?? from;
            var found = rows.Values
                .Where(row => row.PartitionKey == partitionKey && string.CompareOrdinal(row.RowKey, start) >= 0 && (to is null || string.CompareOrdinal(row.RowKey, to) < 0))
                .Take(limit + 1).ToList();
            return Task.FromResult(found.Count > limit
                ? new RowPage(found[..limit], found[limit].RowKey)
                : new RowPage(found, null));
        }
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

    private WriteOutcome Check(RowOperation operation)
    {
        var stored = rows.GetValueOrDefault((operation.Row.PartitionKey, operation.Row.RowKey));
        return operation.Change switch
        {
            RowChange.Insert => stored is null ? WriteOutcome.Written : WriteOutcome.Exists,
            RowChange.Upsert => WriteOutcome.Written,
            _ when stored is null => WriteOutcome.Missing,
            _ => operation.Row.ETag == "*" || operation.Row.ETag == stored.ETag ? WriteOutcome.Written : WriteOutcome.Stale,
        };
    }

    private string Apply(RowOperation operation)
    {
        var row = operation.Row;
        if (operation.Change == RowChange.Delete)
        {
            rows.Remove((row.PartitionKey, row.RowKey));
            return "";
        }
        var etag = (++version).ToString(CultureInfo.InvariantCulture);
        rows[(row.PartitionKey, row.RowKey)] = row with { ETag = etag };
        return etag;
    }

    private sealed class KeyOrder : IComparer<(string Partition, string Row)>
    {
        public static readonly KeyOrder Instance = new();

        public int Compare((string Partition, string Row) x, (string Partition, string Row) y) =>
            string.CompareOrdinal(x.Partition, y.Partition) is var byPartition and not 0 ? byPartition : string.CompareOrdinal(x.Row, y.Row);
    }
}
