using System.Runtime.CompilerServices;
using Kontext.Domain;
using Kontext.Domain.Audit;

namespace Kontext.Functions.Storage;

/// <summary>Reads the chains of an organization back, in pages of bounded size.</summary>
internal sealed class TableAuditLogReader(TableAuditLogTables tables)
{
    /// <summary>The most entries one look examines.</summary>
    public const int MaxExamined = 100_000;

    /// <summary>An entry waits for its block: those of a time may be in blocks that were written this much later.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(2);

    private const int ReadsAtOnce = 8;

    /// <summary>The newest entries of a time over all chains.</summary>
    public async Task<LatestEntries> LatestAsync(OrgId org, AuditTime time, int limit, Func<AuditEvent, bool> matches, CancellationToken cancellationToken, int maxExamined = MaxExamined)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        var newest = new NewestEntries(limit);
        var examined = 0;
        DateTimeOffset? before = time.Until < DateTimeOffset.MaxValue - LongestWait ? time.Until + LongestWait : null;
        await foreach (var day in DaysAsync(org, cancellationToken))
        {
            if (before is { } last && day > DateOnly.FromDateTime(last.UtcDateTime))
                continue;
            if (day < DateOnly.FromDateTime(time.Since.UtcDateTime) || newest.Has(EndOf(day)))
                break;
            var chains = new PriorityQueue<ChainReader, long>();
            foreach (var some in (await SegmentsAsync(org, day, cancellationToken)).Where(segment => before is null || segment.Start <= before).GroupBy(segment => segment.Chain).Chunk(ReadsAtOnce))
            {
                var readers = some.Select(segments => new ChainReader(tables.Blocks, segments.Reverse(), AuditBlockPages.Least, before)).ToList();
                await Task.WhenAll(readers.Select(reader => reader.MoveNextAsync(cancellationToken)));
                foreach (var reader in readers.Where(reader => reader.Current is not null))
                    chains.Enqueue(reader, -reader.Current!.Written.UtcTicks);
            }

            // Blocks come newest first over all chains. No entry is younger than its block, so when the oldest entry we keep is as young as the next block, nothing better follows.
            while (chains.TryDequeue(out var reader, out _) && reader.Current is { } block && block.Written >= time.Since && !newest.Has(block.Written))
            {
                foreach (var line in block.Lines())
                {
                    var entry = line.Read();
                    if (entry.Event.At >= time.Until)
                        continue;
                    if (examined++ == maxExamined)
                        return newest.After(block.Written);
                    if (entry.Event.At >= time.Since && matches(entry.Event))
                        newest.Add(entry);
                }
                await reader.MoveNextAsync(cancellationToken);
                if (reader.Current is { } next)
                    chains.Enqueue(reader, -next.Written.UtcTicks);
            }
        }
        return new LatestEntries(newest.ToList());
    }

    /// <summary>Every entry of the days, each chain from its oldest to its newest.</summary>
    public async IAsyncEnumerable<AuditLine> ReadAsync(OrgId org, DateOnly from, DateOnly to, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var days = new List<DateOnly>();
        await foreach (var day in DaysAsync(org, cancellationToken))
        {
            if (day < from)
                break;
            if (day <= to)
                days.Add(day);
        }
        days.Reverse();
        foreach (var day in days)
        {
            await foreach (var place in ReadAsync(org, day, cancellationToken))
                yield return place.Line;
        }
    }

    /// <summary>Every entry of a day, each chain from its oldest to its newest.</summary>
    public async IAsyncEnumerable<AuditPlace> ReadAsync(OrgId org, DateOnly day, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var place in ReadAsync(await SegmentsAsync(org, day, cancellationToken), 0, cancellationToken))
            yield return place;
    }

    /// <summary>The same from an entry on; nothing when it is not there any more.</summary>
    public async IAsyncEnumerable<AuditPlace> ReadFromAsync(OrgId org, DateOnly day, string chain, long sequence, int segment, int block, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var segments = await SegmentsAsync(org, day, cancellationToken);
        var first = segments.FindIndex(one => one.Chain == chain && one.Number == segment);
        if (first < 0)
            yield break;
        var found = false;
        await foreach (var place in ReadAsync(segments[first..], block, cancellationToken))
        {
            found |= place.Line.Chain == chain && place.Line.Sequence == sequence;
            // What is before the entry in its block is all that is passed over.
            if (!found && (place.Line.Chain != chain || place.Segment != segment || place.Block != block))
                yield break;
            if (found)
                yield return place;
        }
    }

    private async IAsyncEnumerable<AuditPlace> ReadAsync(List<AuditSegment> segments, int next, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var segment in segments)
        {
            await foreach (var blocks in AuditBlockPages.ReadAsync(tables.Blocks, segment, next, cancellationToken))
            {
                foreach (var block in blocks)
                {
                    foreach (var line in block.Lines())
                        yield return new AuditPlace(line, segment.Number, block.Number);
                }
            }
            next = 0;
        }
    }

    /// <summary>How far each chain came that was written to on the day.</summary>
    public async Task<Dictionary<string, ChainHead>> HeadsAsync(OrgId org, DateOnly day, CancellationToken cancellationToken)
    {
        var heads = new Dictionary<string, ChainHead>(StringComparer.Ordinal);
        // Every process that ran that day left chains of its own.
        foreach (var some in (await SegmentsAsync(org, day, cancellationToken)).GroupBy(segment => segment.Chain).Chunk(ReadsAtOnce))
        {
            var readers = some.Select(segments => (Chain: segments.Key, Reader: new ChainReader(tables.Blocks, segments.Reverse(), blocksPerRead: 1))).ToList();
            await Task.WhenAll(readers.Select(chain => chain.Reader.MoveNextAsync(cancellationToken)));
            foreach (var (chain, reader) in readers.Where(chain => chain.Reader.Current is not null))
                heads[chain] = reader.Current!.Head;
        }
        return heads;
    }

    /// <summary>The days with entries, newest first.</summary>
    public async IAsyncEnumerable<DateOnly> DaysAsync(OrgId org, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var row in tables.Segments.RowsAsync(AuditDay.Partition(org), org.ToString(), cancellationToken))
            yield return AuditDay.From(row);
    }

    /// <summary>The segments of a day.</summary>
    public async Task<List<AuditSegment>> SegmentsAsync(OrgId org, DateOnly day, CancellationToken cancellationToken)
    {
        var segments = new List<AuditSegment>();
        await foreach (var row in tables.Segments.RowsAsync(AuditSegment.IndexPartition(org, day), org.ToString(), cancellationToken))
            segments.Add(AuditSegment.From(org, row));
        return segments;
    }

    private static DateTimeOffset EndOf(DateOnly day) => new(day.AddDays(1).ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);

    /// <summary>Keeps the youngest entries it is given, up to a number.</summary>
    private sealed class NewestEntries(int limit)
    {
        private readonly PriorityQueue<AuditEntry, long> entries = new();

        public void Add(AuditEntry entry)
        {
            entries.Enqueue(entry, entry.Event.At.UtcTicks);
            if (entries.Count > limit)
                entries.Dequeue();
        }

        /// <summary>As many as wanted, and none older than the given time.</summary>
        public bool Has(DateTimeOffset time) => entries.Count == limit && entries.Peek().Event.At >= time;

        /// <summary>Those that are younger than a block which was not looked at to its end.</summary>
        public LatestEntries After(DateTimeOffset written)
        {
            var kept = ToList().FindAll(entry => entry.Event.At > written);
            return new LatestEntries(kept, kept.Count == limit ? null : written);
        }

        public List<AuditEntry> ToList() => [.. entries.UnorderedItems.Select(item => item.Element)
            .OrderByDescending(entry => entry.Event.At).ThenBy(entry => entry.Chain, StringComparer.Ordinal).ThenByDescending(entry => entry.Sequence)];
    }

    /// <summary>Walks the blocks of one chain on one day, newest first; from the newest that was written before a moment, if one is given.</summary>
    private sealed class ChainReader(ITable blocks, IEnumerable<AuditSegment> segments, int blocksPerRead, DateTimeOffset? before = null)
    {
        private readonly Queue<AuditSegment> segments = new(segments);
        private readonly Queue<AuditBlock> read = new();
        private DateTimeOffset? before = before;
        private string? from;
        private string? continuation;

        /// <summary>The block the reader stands at; null at the end.</summary>
        public AuditBlock? Current { get; private set; }

        public async Task MoveNextAsync(CancellationToken cancellationToken)
        {
            while (read.Count == 0 && segments.TryPeek(out var segment))
            {
                if (before is { } moment)
                {
                    from = await FindAsync(segment, moment, cancellationToken);
                    // Whatever comes after it is older.
                    before = null;
                }
                var page = await blocks.RangeAsync(segment.Partition, from ?? segment.Partition, null, blocksPerRead, continuation, cancellationToken);
                foreach (var row in page.Rows)
                    read.Enqueue(AuditBlock.From(segment, row));
                continuation = page.Continuation;
                if (continuation is null)
                {
                    segments.Dequeue();
                    from = null;
                }
            }
            Current = read.TryDequeue(out var block) ? block : null;
        }

        /// <summary>Where the blocks begin that were written before a moment, or near it: blocks are numbered in the order of time.</summary>
        private async Task<string?> FindAsync(AuditSegment segment, DateTimeOffset moment, CancellationToken cancellationToken)
        {
            var page = await blocks.RangeAsync(segment.Partition, segment.Partition, null, 1, null, cancellationToken);
            if (page.Rows is not [var row] || AuditBlock.From(segment, row) is not { } last || last.Written <= moment)
                return null;
            var (first, past) = (0, last.Number);
            while (first < past)
            {
                var middle = first + ((past - first) / 2);
                if (await blocks.GetAsync(segment.Partition, segment.RowKey(middle), cancellationToken) is { } found && AuditBlock.From(segment, found).Written <= moment)
                    first = middle + 1;
                else
                    past = middle;
            }
            return segment.RowKey(first);
        }
    }
}
