using System.Collections.Concurrent;
using Kontext.Functions.Storage;

namespace Kontext.Testing;

/// <summary>Tables that fail, stall or lose answers when a test says so.</summary>
internal sealed class FaultyTables(ITableSource inner) : ITableSource
{
    private readonly ConcurrentDictionary<string, FaultyTable> tables = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The table, to give it faults.</summary>
    public FaultyTable this[string name] => tables.GetOrAdd(name, name => new FaultyTable(inner.Open(name)));

    /// <inheritdoc/>
    public ITable Open(string name) => this[name];
}

/// <summary>A write that has arrived and waits for the test to let it go on.</summary>
internal sealed class HeldWrite
{
    private readonly TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the write has arrived.</summary>
    public Task Reached => reached.Task;

    /// <summary>Lets it go on.</summary>
    public void Release() => released.TrySetResult();

    internal Task HoldAsync()
    {
        reached.TrySetResult();
        return released.Task;
    }
}

/// <summary>A table whose coming writes and reads can be made to go wrong. Faults are counted from now: 1 is the next one.</summary>
internal sealed class FaultyTable(ITable inner) : ITable
{
    private readonly Lock gate = new();
    private readonly Dictionary<int, Fault> writeFaults = [];
    private readonly HashSet<int> readFaults = [];
    private int writes;
    private int reads;

    /// <summary>How many writes have arrived, whatever became of them; a transaction counts once.</summary>
    public int Writes
    {
        get
        {
            lock (gate)
                return writes;
        }
    }

    /// <summary>The nth write from now fails and changes nothing.</summary>
    public void FailWrite(int nth) => Plan(nth, new Fault(FaultKind.Fail, null));

    /// <summary>The nth write from now is carried out, but its answer is lost.</summary>
    public void LoseAnswer(int nth) => Plan(nth, new Fault(FaultKind.LoseAnswer, null));

    /// <summary>The nth write from now waits until the test releases it.</summary>
    public HeldWrite HoldWrite(int nth)
    {
        var held = new HeldWrite();
        Plan(nth, new Fault(FaultKind.Hold, held));
        return held;
    }

    /// <summary>The nth write from now fails towards the caller, but is carried out when the test releases it: a request that was late, not lost.</summary>
    public LateWrite DeliverLate(int nth)
    {
        var late = new LateWrite();
        Plan(nth, new Fault(FaultKind.Late, null, late));
        return late;
    }

    /// <summary>The nth read from now fails.</summary>
    public void FailRead(int nth)
    {
        lock (gate)
            readFaults.Add(reads + nth);
    }

    /// <inheritdoc/>
    public Task<TableRow?> GetAsync(string partitionKey, string rowKey, CancellationToken cancellationToken) =>
        ReadAsync(() => inner.GetAsync(partitionKey, rowKey, cancellationToken));

    /// <inheritdoc/>
    public Task<Write> InsertAsync(TableRow row, CancellationToken cancellationToken) => WriteAsync(() => inner.InsertAsync(row, cancellationToken));

    /// <inheritdoc/>
    public Task<Write> ReplaceAsync(TableRow row, CancellationToken cancellationToken) => WriteAsync(() => inner.ReplaceAsync(row, cancellationToken));

    /// <inheritdoc/>
    public Task<Write> UpsertAsync(TableRow row, CancellationToken cancellationToken) => WriteAsync(() => inner.UpsertAsync(row, cancellationToken));

    /// <inheritdoc/>
    public Task<Write> DeleteAsync(string partitionKey, string rowKey, string etag, CancellationToken cancellationToken) =>
        WriteAsync(() => inner.DeleteAsync(partitionKey, rowKey, etag, cancellationToken));

    /// <inheritdoc/>
    public Task<WriteOutcome> TransactAsync(IReadOnlyList<RowOperation> operations, CancellationToken cancellationToken) =>
        WriteAsync(() => inner.TransactAsync(operations, cancellationToken));

    /// <inheritdoc/>
    public Task<RowPage> RangeAsync(string partitionKey, string from, string? to, int limit, string? continuation, CancellationToken cancellationToken) =>
        ReadAsync(() => inner.RangeAsync(partitionKey, from, to, limit, continuation, cancellationToken));

    private void Plan(int nth, Fault fault)
    {
        lock (gate)
            writeFaults[writes + nth] = fault;
    }

    private async Task<T> WriteAsync<T>(Func<Task<T>> write)
    {
        Fault? fault;
        lock (gate)
            writeFaults.Remove(++writes, out fault);
        switch (fault?.Kind)
        {
            case FaultKind.Fail:
                throw new StorageUnavailableException("A fault the test asked for.");
            case FaultKind.LoseAnswer:
                await write();
                throw new StorageUnavailableException("An answer lost as the test asked for.");
            case FaultKind.Late:
                fault.LateWrite!.Deliver = write;
                throw new StorageUnavailableException("A time-out the test asked for.");
            case FaultKind.Hold:
                await fault.Held!.HoldAsync();
                return await write();
            default:
                return await write();
        }
    }

    private Task<T> ReadAsync<T>(Func<Task<T>> read)
    {
        lock (gate)
        {
            if (readFaults.Remove(++reads))
                return Task.FromException<T>(new StorageUnavailableException("A fault the test asked for."));
        }
        return read();
    }

    private enum FaultKind
    {
        Fail,
        LoseAnswer,
        Late,
        Hold,
    }

    private sealed record Fault(FaultKind Kind, HeldWrite? Held, LateWrite? LateWrite = null);
}

/// <summary>A write that the caller was told had failed and that may still arrive.</summary>
internal sealed class LateWrite
{
    internal Func<Task>? Deliver { get; set; }

    /// <summary>Lets it arrive now.</summary>
    public Task ArriveAsync() => Deliver?.Invoke() ?? throw new InvalidOperationException("The write has not been sent yet.");
}
