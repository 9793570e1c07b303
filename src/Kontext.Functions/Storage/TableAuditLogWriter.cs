using Kontext.Domain;
using Kontext.Domain.Audit;

namespace Kontext.Functions.Storage;

/// <summary>Writes the chain this process keeps for one organization. One write is in flight at a time; what arrives meanwhile goes into the next block.
/// Nothing runs while nothing waits: an organization at rest costs its head and no task.</summary>
internal sealed class TableAuditLogWriter(OrgId org, TableAuditLogTables tables, TimeProvider time)
{
    private const int MaxWaiting = 10_000;
    private readonly Lock gate = new();
    private readonly Queue<Waiting> queue = new();
    private bool running;

    // Below: where the chain stands. Only the loop touches it.
    private ChainHead? head;
    private AuditSegment? segment;
    private int segmentNumber;
    private int nextBlock;
    private DateOnly indexedDay;

    // An insert of nextBlock ended without a clear answer: it may be there, or arrive yet.
    private bool uncertain;

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
            if (!running)
            {
                running = true;
                _ = Task.Run(RunAsync);
            }
        }
        return waiting.Durable.Task;
    }

    private async Task RunAsync()
    {
        while (Take() is { Count: > 0 } batch)
        {
            try
            {
                await CommitAsync(batch);
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

    private List<Waiting> Take()
    {
        const int lineOverhead = 100;
        var batch = new List<Waiting>();
        var characters = 0;
        lock (gate)
        {
            while (batch.Count < AuditBlock.MaxEntries && queue.TryPeek(out var next) && (characters += next.Json.Length + lineOverhead) <= AuditBlock.MaxCharacters)
                batch.Add(queue.Dequeue());
            running = batch.Count > 0;
        }
        return batch;
    }

    private async Task CommitAsync(List<Waiting> batch)
    {
        // Each turn ends the commit, follows a block of ours that had been given up, or begins a new chain; none can repeat for long.
        while (true)
        {
            var now = time.GetUtcNow();
            if (segment is null || nextBlock == AuditSegment.MaxBlocks || segment.Day != DateOnly.FromDateTime(now.UtcDateTime))
                await OpenSegmentAsync(now);
            var block = AuditBlock.Of(segment!, nextBlock, head!.Value, batch.Select(waiting => waiting.Json), now);
            if (await InsertAsync(block) is not { } there)
                return;
            if (there.Before == head && there.Head.Sequence > there.Before.Sequence)
                Follow(there);
            else
                BeginChain(now);
        }
    }

    /// <summary>Gives null when the block is durable, otherwise the other block that has its place.</summary>
    private async Task<AuditBlock?> InsertAsync(AuditBlock block)
    {
        try
        {
            var write = await tables.Blocks.InsertAsync(block.ToRow(), CancellationToken.None);
            if (write.Ok || (await FindAsync(block))?.Head == block.Head)
            {
                Follow(block);
                return null;
            }
        }
        catch (Exception)
        {
            uncertain = true;
            if (!await IsThereAfterAllAsync(block))
                throw;
            Follow(block);
            return null;
        }
        return await FindAsync(block) ?? throw new StorageUnavailableException("An audit block is there and is not.");
    }

    private async Task<bool> IsThereAfterAllAsync(AuditBlock block)
    {
        try
        {
            return (await FindAsync(block))?.Head == block.Head;
        }
        catch (Exception)
        {
            // The first failure tells more than that reading back failed too.
            return false;
        }
    }

    private async Task<AuditBlock?> FindAsync(AuditBlock block) =>
        await tables.Blocks.GetAsync(block.Segment.Partition, block.Segment.RowKey(block.Number), CancellationToken.None) is { } row ? AuditBlock.From(block.Segment, row) : null;

    private void Follow(AuditBlock block)
    {
        head = block.Head;
        nextBlock = block.Number + 1;
        uncertain = false;
    }

    private void BeginChain(DateTimeOffset now)
    {
        head = AuditChain.Start(org, Guid.CreateVersion7(now).ToString("D"));
        segment = null;
        segmentNumber = 0;
        uncertain = false;
    }

    private async Task OpenSegmentAsync(DateTimeOffset now)
    {
        // INVARIANT: a chain never forks. A block that may still arrive at the end of the old segment would fork it, so the chain is left as it is and a new one begins.
        if (head is null || uncertain)
            BeginChain(now);
        segment = null;
        // The number is spent even if this fails: a second index row for the same segment would show its entries twice, an index row without blocks shows nothing.
        var opening = new AuditSegment(org, head!.Value.Chain, ++segmentNumber, now);
        if (opening.Day != indexedDay)
        {
            // Both rows may be there already, from another instance: an insert that finds them is as good.
            await tables.Organizations.InsertAsync(AuditOrganization.ToRow(org, opening.Day), CancellationToken.None);
            await tables.Segments.InsertAsync(AuditDay.ToRow(org, opening.Day), CancellationToken.None);
            indexedDay = opening.Day;
        }
        await tables.Segments.InsertAsync(opening.ToRow(), CancellationToken.None);
        segment = opening;
        nextBlock = 0;
    }

    private sealed record Waiting(string Json)
    {
        public TaskCompletionSource Durable { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
