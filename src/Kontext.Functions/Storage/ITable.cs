namespace Kontext.Functions.Storage;

/// <summary>A row of Table Storage: its keys, its ETag when it was read or written, and its properties.</summary>
/// <param name="PartitionKey">Rows of one partition can change together.</param>
/// <param name="RowKey">Unique in its table, not only in its partition.</param>
/// <param name="Properties">Name to value: string, bool, int, long (Edm.Int64), double or DateTimeOffset. System properties are not among them.</param>
internal sealed record TableRow(string PartitionKey, string RowKey, IReadOnlyDictionary<string, object> Properties)
{
    /// <summary>The version for a conditional write; null for a row that was never stored.</summary>
    public string? ETag { get; init; }
}

/// <summary>How a write ended that another writer could have raced.</summary>
internal enum WriteOutcome
{
    /// <summary>Written.</summary>
    Written,

    /// <summary>An insert found a row with these keys.</summary>
    Exists,

    /// <summary>The row has another version than the one given.</summary>
    Stale,

    /// <summary>There is no such row.</summary>
    Missing,
}

/// <summary>The outcome of a write and, when it succeeded, the row's new version.</summary>
internal readonly record struct Write(WriteOutcome Outcome, string? ETag)
{
    /// <summary>It was written.</summary>
    public bool Ok => Outcome == WriteOutcome.Written;
}

/// <summary>What a transaction does to one row.</summary>
internal enum RowChange
{
    /// <summary>Insert; fails the transaction if the row exists.</summary>
    Insert,

    /// <summary>Replace if the ETag still holds.</summary>
    Replace,

    /// <summary>Insert, or replace whatever is there.</summary>
    Upsert,

    /// <summary>Delete if the ETag still holds; an ETag of * deletes whatever is there.</summary>
    Delete,
}

/// <summary>One operation of a transaction.</summary>
internal sealed record RowOperation(RowChange Change, TableRow Row);

/// <summary>Rows of a range, in the order of their keys, and where to go on; null at the end.</summary>
internal sealed record RowPage(IReadOnlyList<TableRow> Rows, string? Continuation);

/// <summary>One table. The whole of what our stores need of Table Storage; both implementations pass one contract test.
/// Failures of the service (time-outs, throttling beyond the retries, refusals) are exceptions: <see cref="StorageUnavailableException"/> when trying later may help.</summary>
internal interface ITable
{
    /// <summary>A point read; null when there is no such row.</summary>
    Task<TableRow?> GetAsync(string partitionKey, string rowKey, CancellationToken cancellationToken);

    /// <summary>Inserts; <see cref="WriteOutcome.Exists"/> when the keys are taken by another write (a repeat of this one counts as written).</summary>
    Task<Write> InsertAsync(TableRow row, CancellationToken cancellationToken);

    /// <summary>Replaces if <see cref="TableRow.ETag"/> still holds.</summary>
    Task<Write> ReplaceAsync(TableRow row, CancellationToken cancellationToken);

    /// <summary>Inserts, or replaces whatever is there.</summary>
    Task<Write> UpsertAsync(TableRow row, CancellationToken cancellationToken);

    /// <summary>Deletes if the ETag still holds; * deletes whatever is there.</summary>
    Task<Write> DeleteAsync(string partitionKey, string rowKey, string etag, CancellationToken cancellationToken);

    /// <summary>All or nothing, in one partition, at most 100 operations and 4 MiB. The outcome is that of the operation that failed.</summary>
    Task<WriteOutcome> TransactAsync(IReadOnlyList<RowOperation> operations, CancellationToken cancellationToken);

    /// <summary>Rows of one partition from <paramref name="from"/> (inclusive) to <paramref name="to"/> (exclusive; null: to the end), at most <paramref name="limit"/> (1 to 1000).</summary>
    Task<RowPage> RangeAsync(string partitionKey, string from, string? to, int limit, string? continuation, CancellationToken cancellationToken);
}

/// <summary>Opens tables by name.</summary>
internal interface ITableSource
{
    /// <summary>The table; it is created when it is first used.</summary>
    ITable Open(string name);
}

/// <summary>The storage service does not answer, or asks us to slow down.</summary>
internal sealed class StorageUnavailableException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>How long the service asked us to wait; null when it did not say.</summary>
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>What is to be stored is larger than a row may be: what the caller sent is too much, nothing was written.</summary>
internal sealed class RowTooLargeException(string message) : ArgumentException(message);
