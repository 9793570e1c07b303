using Kontext.Domain;
using Kontext.Domain.Audit;

namespace Kontext.Functions.Storage;

/// <summary>One chain of this process for one organization: where it stands, and how a block is put behind its last. Not for two callers at once.</summary>
internal sealed class TableAuditLogChain(OrgId org, TableAuditLogTables tables, TimeProvider time)
{
    private ChainHead? head;
    private AuditSegment? segment;
    private int segmentNumber;
    private int nextBlock;
    private DateOnly indexedDay;

    // An insert of nextBlock ended without a clear answer: it may be there, or arrive yet.
    private bool uncertain;

    /// <summary>Writes the events as one block and returns when it is durable.</summary>
    /// <exception cref="StorageUnavailableException">It is not, as far as can be known.</exception>
    public async Task CommitAsync(IReadOnlyList<string> events)
    {
        // Each turn ends the commit, follows a block of ours that had been given up, or begins a new chain; none can repeat for long.
        while (true)
        {
            var now = time.GetUtcNow();
            if (segment is null || nextBlock == AuditSegment.MaxBlocks || segment.Day != DateOnly.FromDateTime(now.UtcDateTime))
                await OpenSegmentAsync(now);
            var block = AuditBlock.Of(segment!, nextBlock, head!.Value, events, now);
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
}
