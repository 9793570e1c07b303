using Kontext.Domain;
using Kontext.Domain.Audit;

namespace Kontext.Functions.Storage;

/// <summary>Reads traces and figures: what the roll-up made of the trail, and the little it has not come to yet from the trail itself.</summary>
internal sealed class TraceReader(ITableSource source, TimeProvider time) : ITraces
{
    private const int DaysBack = 31;
    private const int MaxEntries = 2_000;
    private const int MaxBlocks = 200;
    private const int MaxMentions = 20_000;
    private const int ReadsAtOnce = 16;

    private readonly TraceTables tables = new(source);

    /// <inheritdoc/>
    public async Task<TraceList> ListAsync(OrgId org, TraceFilter filter, DateTimeOffset until, int offset, int limit, CancellationToken cancellationToken)
    {
        var tail = await new TraceTail(tables).ReadAsync(org, FirstDay(), cancellationToken);
        var recent = Parts(tail);
        var (ids, lookedBackTo) = filter.User is { } user
            ? await OfPersonAsync(org, user, filter, recent, until, offset + limit, cancellationToken)
            : await OfAllAsync(org, filter, until, offset + limit, cancellationToken);
        var blocks = NamesOf(tail);
        var page = new List<Trace>();
        foreach (var some in ids.Skip(offset).Take(limit).Chunk(ReadsAtOnce))
            page.AddRange((await Task.WhenAll(some.Select(id => AssembleAsync(org, id, filter, recent, blocks, cancellationToken)))).OfType<Trace>());
        return new TraceList([.. page.OrderByDescending(trace => trace.Last)], lookedBackTo);
    }

    /// <inheritdoc/>
    public async Task<TraceRecord?> FindAsync(OrgId org, string traceId, UserId? user, CancellationToken cancellationToken)
    {
        var filter = new TraceFilter(user, null, null);
        var tail = (await new TraceTail(tables).ReadAsync(org, FirstDay(), cancellationToken)).FindAll(block => block.Text.Contains(traceId, StringComparison.Ordinal));
        var names = NamesOf(tail);
        if (await AssembleAsync(org, traceId, filter, Parts(tail), names, cancellationToken) is not { } trace)
            return null;
        var blocks = new List<AuditBlock>(tail);
        var mentions = await MentionsAsync(org, traceId, cancellationToken);
        var earlier = mentions.FindAll(mention => !names.Contains(mention.Block.Text) && mention.Parts.Any(filter.Allows));
        foreach (var some in earlier.Select(mention => mention.Block).Take(MaxBlocks).Chunk(ReadsAtOnce))
            blocks.AddRange((await Task.WhenAll(some.Select(name => BlockAsync(org, name, cancellationToken)))).OfType<AuditBlock>());
        var entries = blocks.SelectMany(TraceEntries.Of).Where(entry => entry.Event.TraceId == traceId && filter.Allows(TracePart.Of(entry.Event))).ToList();
        var more = entries.Count > MaxEntries || earlier.Count > MaxBlocks || mentions.Count == MaxMentions;
        return new TraceRecord(trace, [.. entries.OrderBy(entry => entry.Event.At).ThenBy(entry => entry.Chain, StringComparer.Ordinal).ThenBy(entry => entry.Sequence).Take(MaxEntries)], more);
    }

    /// <inheritdoc/>
    public async Task<TraceStatistics> StatisticsAsync(OrgId org, UserId? user, DateTimeOffset since, CancellationToken cancellationToken)
    {
        var sum = new TraceStatistics();
        foreach (var (_, figures) in await SeriesAsync(org, user, since, hourly: false, cancellationToken))
            sum.Add(figures);
        return sum;
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<(DateTimeOffset Start, TraceStatistics Figures)>> SeriesAsync(OrgId org, UserId? user, DateTimeOffset since, bool hourly, CancellationToken cancellationToken)
    {
        var first = TraceHour.Of(since.ToUniversalTime());
        var firstDay = DateOnly.FromDateTime(first.UtcDateTime);
        // In this order: an entry that is carried over meanwhile is in the hours then, and the hours tell so.
        var tail = new TraceTail(tables);
        var done = await DaysAsync(org, user, firstDay, cancellationToken);
        var segments = new List<(AuditSegment Segment, int Next)>();
        foreach (var day in await tail.OpenDaysAsync(org, firstDay, cancellationToken))
            segments.AddRange(await tail.SegmentsAsync(org, day, cancellationToken));

        var spans = new SortedDictionary<DateTimeOffset, TraceStatistics>();
        TraceStatistics SpanOf(DateTimeOffset moment)
        {
            var start = TraceHour.Of(hourly ? moment : new DateTimeOffset(moment.UtcDateTime.Date, TimeSpan.Zero));
            return spans.TryGetValue(start, out var span) ? span : spans[start] = new TraceStatistics();
        }
        var hours = new List<DateTimeOffset>();
        for (var day = firstDay; day <= Today(); day = day.AddDays(1))
        {
            var start = new DateTimeOffset(day.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);
            // Days that are over are kept whole; their hours stay as long, for whoever asks for those.
            if (!hourly && start >= first && done.TryGetValue(day, out var whole))
            {
                if (whole is not null)
                    SpanOf(start).Add(TraceStatistics.Of(whole));
                continue;
            }
            for (var hour = start; hour < start.AddDays(1); hour = hour.AddHours(1))
            {
                if (hour >= first && hour <= time.GetUtcNow().AddHours(1))
                    hours.Add(hour);
            }
        }
        var through = new Dictionary<(DateTimeOffset Hour, string Chain), long>();
        foreach (var some in hours.Chunk(ReadsAtOnce))
        {
            foreach (var (hour, progress, figures) in await Task.WhenAll(some.Select(hour => HourAsync(org, user, hour, cancellationToken))))
            {
                if (figures is not null)
                    SpanOf(hour).Add(TraceStatistics.Of(figures));
                foreach (var (chain, sequence) in progress)
                    through[(hour, chain)] = sequence;
            }
        }
        var person = user?.ToString();
        foreach (var (segment, next) in segments)
        {
            await foreach (var blocks in tail.BlocksAsync(segment, next, cancellationToken))
            {
                foreach (var block in blocks.Where(block => block.Written >= first))
                {
                    var counted = through.GetValueOrDefault((TraceHour.Of(block.Written), block.Segment.Chain));
                    foreach (var entry in TraceEntries.Of(block).Where(entry => entry.Sequence > counted && (person is null || entry.Event.User?.Id == person)))
                        SpanOf(block.Written).Add(entry.Event);
                }
            }
        }
        return [.. spans.Select(span => (span.Key, span.Value))];
    }

    /// <summary>The days that are done, with the figures asked for; null where the person did nothing.</summary>
    private async Task<Dictionary<DateOnly, StoredStatistics?>> DaysAsync(OrgId org, UserId? user, DateOnly first, CancellationToken cancellationToken)
    {
        var days = new Dictionary<DateOnly, StoredStatistics?>();
        await foreach (var row in tables.DayRows.RowsAsync(Key.Of(org), TraceDay.RowKey(org, first), cancellationToken))
        {
            var day = tables.Days.Read(row).Value;
            days[day.Day] = day.Statistics;
        }
        if (user is not { } person)
            return days;
        foreach (var some in days.Keys.ToList().Chunk(ReadsAtOnce))
        {
            foreach (var (day, own) in await Task.WhenAll(some.Select(async day => (day, await tables.PersonDays.FindAsync(Key.Shard(org, person), TraceDay.RowKey(org, person, day), cancellationToken)))))
                days[day] = own?.Value.Statistics;
        }
        return days;
    }

    private async Task<(DateTimeOffset Hour, IReadOnlyDictionary<string, long> Through, StoredStatistics? Figures)> HourAsync(OrgId org, UserId? user, DateTimeOffset hour, CancellationToken cancellationToken)
    {
        var partition = TraceHour.Partition(org, hour);
        while (true)
        {
            if (await tables.Hours.FindAsync(partition, TraceHour.RowKey(org, hour, null), cancellationToken) is not { } all)
                return (hour, new Dictionary<string, long>(), null);
            if (user is null)
                return (hour, all.Value.Through, all.Value.Statistics);
            var own = await tables.Hours.FindAsync(partition, TraceHour.RowKey(org, hour, user), cancellationToken);
            // The person's row has to be as old as what says how far it goes.
            if ((await tables.Hours.FindAsync(partition, TraceHour.RowKey(org, hour, null), cancellationToken))?.Version == all.Version)
                return (hour, all.Value.Through, own?.Value.Statistics);
        }
    }

    /// <summary>Ids of a person's traces, newest first, and how far was looked for them where that is not to the end.</summary>
    private async Task<(List<string> Ids, DateTimeOffset? LookedBackTo)> OfPersonAsync(OrgId org, UserId user, TraceFilter filter, Dictionary<string, List<TracePart>> recent, DateTimeOffset until, int wanted, CancellationToken cancellationToken)
    {
        var ids = recent.Where(trace => trace.Value.Exists(part => filter.Allows(part) && part.First <= until))
            .OrderByDescending(trace => trace.Value.Max(part => part.Last)).Select(trace => trace.Key).ToList();
        var (known, mentions) = (ids.ToHashSet(StringComparer.Ordinal), 0);
        await foreach (var row in tables.PersonRows.RowsAsync(Key.Shard(org, user), PersonMention.From(org, user, until), cancellationToken))
        {
            if (!row.RowKey.StartsWith(PersonMention.Prefix(org, user), StringComparison.Ordinal) || ids.Count >= wanted)
                break;
            if (++mentions > MaxMentions)
                return (ids, PersonMention.WrittenOf(org, user, row.RowKey));
            foreach (var mention in tables.People.Read(row).Value.Traces.OrderByDescending(mention => mention.Part.Last))
            {
                if (mention.Part.First <= until && filter.Allows(mention.Part) && known.Add(mention.Trace))
                    ids.Add(mention.Trace);
            }
        }
        return (ids, null);
    }

    /// <summary>Ids of traces, newest first, from the end of the trail, and how far was looked for them where that is not to the end.</summary>
    private async Task<(List<string> Ids, DateTimeOffset? LookedBackTo)> OfAllAsync(OrgId org, TraceFilter filter, DateTimeOffset until, int wanted, CancellationToken cancellationToken)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        var newest = await new TableAuditLogReader(tables.Audit).LatestAsync(
            org, new AuditTime(time.GetUtcNow().AddDays(-DaysBack), until < DateTimeOffset.MaxValue ? until.AddTicks(1) : until), wanted,
            happened => TracePart.Has(happened) && filter.Allows(TracePart.Of(happened)) && known.Add(happened.TraceId!), cancellationToken);
        return ([.. newest.Entries.Select(entry => entry.Event.TraceId!)], newest.LookedBackTo);
    }

    /// <summary>The trace as far as the filter lets it through; null when it does not.</summary>
    private async Task<Trace?> AssembleAsync(OrgId org, string id, TraceFilter filter, Dictionary<string, List<TracePart>> recent, HashSet<string> tail, CancellationToken cancellationToken)
    {
        var parts = new List<TracePart>();
        var mentioned = (await MentionsAsync(org, id, cancellationToken)).Where(mention => !tail.Contains(mention.Block.Text)).SelectMany(mention => mention.Parts);
        foreach (var part in mentioned.Concat(recent.GetValueOrDefault(id) ?? []).Where(filter.Allows))
            TracePart.Add(parts, part);
        return parts.Count == 0 ? null : new Trace(id, [.. parts.OrderByDescending(part => part.Last)]);
    }

    private async Task<List<TraceMention>> MentionsAsync(OrgId org, string id, CancellationToken cancellationToken)
    {
        var prefix = TraceMention.Prefix(org, id);
        return (await tables.Traces.TakeAsync(TraceMention.Partition(org, id), prefix, prefix + "~", MaxMentions, cancellationToken)).ConvertAll(row => row.Value);
    }

    private async Task<AuditBlock?> BlockAsync(OrgId org, BlockName name, CancellationToken cancellationToken)
    {
        var segment = name.SegmentOf(org);
        return await tables.Audit.Blocks.GetAsync(segment.Partition, segment.RowKey(name.Number), cancellationToken) is { } row ? AuditBlock.From(segment, row) : null;
    }

    private static Dictionary<string, List<TracePart>> Parts(IEnumerable<AuditBlock> blocks)
    {
        var traces = new Dictionary<string, List<TracePart>>(StringComparer.Ordinal);
        foreach (var entry in blocks.SelectMany(TraceEntries.Of))
            TracePart.Add(traces.TryGetValue(entry.Event.TraceId!, out var parts) ? parts : traces[entry.Event.TraceId!] = [], TracePart.Of(entry.Event));
        return traces;
    }

    private static HashSet<string> NamesOf(IEnumerable<AuditBlock> blocks) => [.. blocks.Select(block => BlockName.Of(block).Text)];

    private DateOnly Today() => DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);

    private DateOnly FirstDay() => Today().AddDays(-DaysBack);
}
