using Kontext.Functions.Storage;

namespace Kontext.Functions.Tests.Storage;

/// <summary>Tables that count what is read, can be away for a while, and can hold reads up.</summary>
internal sealed class WatchedTables(ITableSource inner) : ITableSource
{
    private int reads;

    public int Reads => Volatile.Read(ref reads);

    public bool Away { get; set; }

    /// <summary>Reads wait for this.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    public ITable Open(string name) => new Table(this, inner.Open(name));

    private async Task<T> Read<T>(Func<Task<T>> read)
    {
        Interlocked.Increment(ref reads);
        await Gate;
        return await Do(read);
    }

    private Task<T> Do<T>(Func<Task<T>> act) => Away ? throw new StorageUnavailableException("Away.") : act();

    private sealed class Table(WatchedTables watch, ITable inner) : ITable
    {
        public Task<TableRow?> GetAsync(string partitionKey, string rowKey, CancellationToken cancellationToken) => watch.Read(() => inner.GetAsync(partitionKey, rowKey, cancellationToken));

        public Task<Write> InsertAsync(TableRow row, CancellationToken cancellationToken) => watch.Do(() => inner.InsertAsync(row, cancellationToken));

        public Task<Write> ReplaceAsync(TableRow row, CancellationToken cancellationToken) => watch.Do(() => inner.ReplaceAsync(row, cancellationToken));

        public Task<Write> UpsertAsync(TableRow row, CancellationToken cancellationToken) => watch.Do(() => inner.UpsertAsync(row, cancellationToken));

        public Task<Write> DeleteAsync(string partitionKey, string rowKey, string etag, CancellationToken cancellationToken) => watch.Do(() => inner.DeleteAsync(partitionKey, rowKey, etag, cancellationToken));

        public Task<WriteOutcome> TransactAsync(IReadOnlyList<RowOperation> operations, CancellationToken cancellationToken) => watch.Do(() => inner.TransactAsync(operations, cancellationToken));

        public Task<RowPage> RangeAsync(string partitionKey, string from, string? to, int limit, string? continuation, CancellationToken cancellationToken) => watch.Read(() => inner.RangeAsync(partitionKey, from, to, limit, continuation, cancellationToken));
    }
}
