using Kontext.Domain;

namespace Kontext.Functions.Storage;

/// <summary>Commits the events of one organization in groups. Each of a few chains has one write in flight; what arrives while all are busy goes into the next block together.
/// The second chain is there so that an event need not wait for the end of a write it just missed. Nothing runs while nothing waits: an organization at rest costs two heads and no task.</summary>
internal sealed class TableAuditLogWriter(OrgId org, TableAuditLogTables tables, TimeProvider time)
{
    private const int Chains = 2;
    private const int MaxWaiting = 10_000;
    private readonly Lock gate = new();
    private readonly Queue<Waiting> queue = new();

    // The chain used last is used next, so that calls that come one by one stay in one chain.
    private readonly Stack<TableAuditLogChain> idle = new(Enumerable.Range(0, Chains).Select(_ => new TableAuditLogChain(org, tables, time)));

    /// <summary>Queues the event; the task completes when its block is durable.</summary>
    /// <exception cref="StorageUnavailableException">Storage is so slow that too many wait already.</exception>
    public Task AppendAsync(string json)
    {
        var waiting = new Waiting(json);
        lock (gate)
        {
            if (queue.Count >= MaxWaiting)
                throw new StorageUnavailableException("Too many audit entries wait to be written.");
            queue.Enqueue(waiting);
            if (idle.TryPop(out var chain))
            {
                // Unsafe means: without the context of the request that happens to be first, whose trace the writes of others must not join.
                ThreadPool.UnsafeQueueUserWorkItem(static start => _ = start.Writer.RunAsync(start.Chain), (Writer: this, Chain: chain), preferLocal: false);
            }
        }
        return waiting.Durable.Task;
    }

    private async Task RunAsync(TableAuditLogChain chain)
    {
        while (TakeFor(chain) is { Count: > 0 } batch)
        {
            try
            {
                await chain.CommitAsync([.. batch.Select(waiting => waiting.Json)]);
            }
            catch (Exception failed)
            {
                // Whatever went wrong, these callers must not go on, and the next block must get its try.
                foreach (var waiting in batch)
                    waiting.Durable.SetException(failed);
                continue;
            }
            foreach (var waiting in batch)
                waiting.Durable.SetResult();
        }
    }

    /// <summary>What the chain's next block will hold; nothing when nothing waits, and then the chain is idle.</summary>
    private List<Waiting> TakeFor(TableAuditLogChain chain)
    {
        const int lineOverhead = 100;
        var batch = new List<Waiting>();
        var characters = 0;
        lock (gate)
        {
            while (batch.Count < AuditBlock.MaxEntries && queue.TryPeek(out var next) && (characters += next.Json.Length + lineOverhead) <= AuditBlock.MaxCharacters)
                batch.Add(queue.Dequeue());
            if (batch.Count == 0)
                idle.Push(chain);
        }
        return batch;
    }

    private sealed record Waiting(string Json)
    {
        public TaskCompletionSource Durable { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
