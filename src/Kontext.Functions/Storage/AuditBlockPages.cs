using System.Runtime.CompilerServices;

namespace Kontext.Functions.Storage;

/// <summary>Reads the blocks of a segment, oldest first, some at a time. How many depends on what they weigh: those of a busy organization have many entries each, those of a quiet one a single one.</summary>
internal static class AuditBlockPages
{
    /// <summary>What is read first, and at least.</summary>
    public const int Least = 8;

    /// <summary>What is read at most: if a burst follows quiet times, as much as this of the largest blocks is held at once.</summary>
    public const int Most = 64;

    private const int Characters = 500_000;

    /// <summary>The blocks from a number on, up to the end of what is there.</summary>
    public static async IAsyncEnumerable<List<AuditBlock>> ReadAsync(ITable table, AuditSegment segment, int next, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var take = Least;
        while (next < AuditSegment.MaxBlocks)
        {
            // Later blocks have smaller keys, so those from a number on are a range that ends there.
            var (first, past) = (segment.RowKey(Math.Min(next + take, AuditSegment.MaxBlocks) - 1), segment.RowKey(next) + "~");
            var blocks = new List<AuditBlock>();
            string? continuation = null;
            do
            {
                var page = await table.RangeAsync(segment.Partition, first, past, take, continuation, cancellationToken);
                blocks.AddRange(page.Rows.Select(row => AuditBlock.From(segment, row)));
                continuation = page.Continuation;
            }
            while (continuation is not null);
            if (blocks.Count == 0)
                yield break;
            blocks.Reverse();
            yield return blocks;
            if (blocks.Count < take)
                yield break;
            next = blocks[^1].Number + 1;
            take = Math.Clamp(Characters / (1 + (blocks.Sum(block => block.Text.Length) / blocks.Count)), Least, Math.Min(Most, take * 2));
        }
    }
}
