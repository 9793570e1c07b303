using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Functions.Storage;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Storage;

public sealed class TableAuditLogTests
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 4, 12, 0, 0, TimeSpan.Zero);
    private readonly OrgId org = Ids.New<OrgId>(Noon);
    private readonly ManualTime time = new(Noon);
    private readonly MemoryTables memory = new();
    private readonly FaultyTables tables;
    private readonly TableAuditLog log;

    public TableAuditLogTests()
    {
        tables = new FaultyTables(memory);
        log = new TableAuditLog(tables, time);
    }

    [Fact]
    public async Task Concurrent_appends_are_all_durable_and_in_order_within_each_chain()
    {
        await Task.WhenAll(Enumerable.Range(0, 16).Select(caller => Task.Run(async () =>
        {
            for (var number = 0; number < 50; number++)
                await Append($"{caller}/{number:D2}");
        })));
        var lines = await VerifiedAsync();
        Assert.Equal(800, lines.Select(line => line.Read().Event.Target).Distinct().Count());
        foreach (var chain in lines.GroupBy(line => line.Chain))
        {
            Assert.Equal(Enumerable.Range(1, chain.Count()).Select(number => (long)number), chain.Select(line => line.Sequence));
            foreach (var targets in chain.Select(line => line.Read().Event.Target!).GroupBy(target => target.Split('/')[0]))
                Assert.Equal(targets.Order(StringComparer.Ordinal), targets);
        }
    }

    [Fact]
    public async Task What_arrives_during_the_writes_is_committed_together_in_the_next()
    {
        var (one, two) = await HoldBothChainsAsync();
        var others = Enumerable.Range(0, 300).Select(number => Append($"{number}")).ToList();
        one.Held.Release();
        await one.Append;
        await Task.WhenAll(others);
        two.Held.Release();
        await two.Append;
        Assert.Equal(4, tables["audit"].Writes);
        Assert.Equal(["one", .. Enumerable.Range(0, 300).Select(number => $"{number}"), "two"], (await VerifiedAsync()).Select(line => line.Read().Event.Target).OrderBy(target => target == "two"));
    }

    [Fact]
    public async Task Reading_goes_on_at_an_entry_without_what_is_before_its_block()
    {
        for (var number = 0; number < 300; number++)
            await Append($"{number}");
        var day = DateOnly.FromDateTime(Noon.UtcDateTime);
        var all = await PlacesAsync(log.ReadAsync(org, day, default));
        Assert.Equal(300, all.Count);
        foreach (var at in new[] { 0, 150, 297, 299 })
        {
            var (line, segment, block) = all[at];
            Assert.Equal(all[at..], await PlacesAsync(log.ReadFromAsync(org, day, line.Chain, line.Sequence, segment, block, default)));
        }
        var last = all[^1];
        var watched = new WatchedTables(memory);
        Assert.Single(await PlacesAsync(new TableAuditLog(watched, time).ReadFromAsync(org, day, last.Line.Chain, last.Line.Sequence, last.Segment, last.Block, default)));
        // The day's segments, and the end of one of them: not the blocks before.
        Assert.InRange(watched.Reads, 2, 3);
        foreach (var (chain, sequence, segment, block) in new[] { ("nobodys", 1L, 0, 0), (last.Line.Chain, 1_000, last.Segment, last.Block), (last.Line.Chain, 1L, last.Segment, last.Block), (last.Line.Chain, last.Line.Sequence, 99, last.Block), (last.Line.Chain, last.Line.Sequence, last.Segment, 999) })
            Assert.Empty(await PlacesAsync(log.ReadFromAsync(org, day, chain, sequence, segment, block, default)));
        Assert.Empty(await PlacesAsync(log.ReadFromAsync(org, day.AddDays(1), last.Line.Chain, last.Line.Sequence, last.Segment, last.Block, default)));
    }

    [Fact]
    public async Task Calls_that_come_one_by_one_stay_in_one_chain()
    {
        for (var number = 0; number < 20; number++)
            await Append($"{number}");
        Assert.Single((await VerifiedAsync()).Select(line => line.Chain).Distinct());
    }

    [Fact]
    public async Task Big_entries_are_spread_over_rows_that_storage_takes()
    {
        var (one, two) = await HoldBothChainsAsync();
        var big = new string('é', 4_000);
        var appends = Enumerable.Range(0, 100).Select(_ => log.AppendAsync(org, Event(big) with { ErrorMessage = big }, default)).ToList();
        one.Held.Release();
        two.Held.Release();
        await Task.WhenAll([one.Append, two.Append, .. appends]);
        Assert.InRange(tables["audit"].Writes, 10, 30);
        Assert.Equal(102, (await VerifiedAsync()).Count);
    }

    [Fact]
    public async Task Two_processes_write_chains_of_their_own_that_all_verify()
    {
        await Task.WhenAll(new[] { log, new TableAuditLog(memory, time) }.Select(process => Task.Run(async () =>
        {
            for (var number = 0; number < 50; number++)
                await process.AppendAsync(org, Event($"{number}"), default);
        })));
        var chains = (await VerifiedAsync()).GroupBy(line => line.Chain).ToList();
        Assert.Equal(2, chains.Count);
        Assert.All(chains, chain => Assert.Equal(50, chain.Count()));
    }

    [Fact]
    public async Task Organizations_do_not_see_each_other()
    {
        var stranger = Ids.New<OrgId>(Noon);
        await Append("ours");
        await log.AppendAsync(stranger, Event("theirs"), default);
        Assert.Equal(["ours"], await LatestAsync());
        Assert.Equal(["theirs"], (await log.LatestAsync(stranger, AuditTime.From(Noon), 10, _ => true, default)).Entries.Select(entry => entry.Event.Target));
    }

    [Fact]
    public async Task A_failed_write_fails_its_entries_and_later_ones_work()
    {
        await Append("before");
        tables["audit"].FailWrite(1);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => Append("lost"));
        await Append("after");
        Assert.Equal(["before", "after"], (await VerifiedAsync()).Select(line => line.Read().Event.Target));
    }

    [Fact]
    public async Task A_failed_write_fails_every_entry_of_its_block_and_no_other()
    {
        var (one, two) = await HoldBothChainsAsync();
        tables["audit"].FailWrite(1);
        var lost = Enumerable.Range(0, 5).Select(_ => Append("lost")).ToList();
        one.Held.Release();
        await one.Append;
        foreach (var append in lost)
            await Assert.ThrowsAsync<StorageUnavailableException>(() => append);
        two.Held.Release();
        await two.Append;
        await Append("after");
        Assert.Equal(["after", "one", "two"], (await VerifiedAsync()).Select(line => line.Read().Event.Target).Order());
    }

    [Fact]
    public async Task An_answer_that_was_lost_neither_fails_nor_doubles_the_entry()
    {
        tables["audit"].LoseAnswer(1);
        await Append("one");
        tables["audit"].LoseAnswer(1);
        await Append("two");
        await Append("three");
        Assert.Equal(["one", "two", "three"], (await VerifiedAsync()).Select(line => line.Read().Event.Target));
    }

    [Fact]
    public async Task A_write_whose_fate_could_not_be_learnt_is_followed_not_overwritten()
    {
        await Append("one");
        tables["audit"].LoseAnswer(1);
        tables["audit"].FailRead(1);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => Append("unsure"));
        await Append("three");
        Assert.Equal(["one", "unsure", "three"], (await VerifiedAsync()).Select(line => line.Read().Event.Target));
    }

    [Fact]
    public async Task A_write_that_arrives_late_finds_its_place_taken()
    {
        var late = tables["audit"].DeliverLate(1);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => Append("late"));
        await Append("next");
        await late.ArriveAsync();
        await Append("last");
        Assert.Equal(["next", "last"], (await VerifiedAsync()).Select(line => line.Read().Event.Target));
    }

    [Fact]
    public async Task A_write_that_arrives_after_midnight_does_not_fork_the_chain()
    {
        await Append("one");
        var late = tables["audit"].DeliverLate(1);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => Append("late"));
        time.Advance(TimeSpan.FromHours(13));
        await Append("next day");
        await late.ArriveAsync();
        var lines = await VerifiedAsync();
        Assert.Equal(["one", "late", "next day"], lines.Select(line => line.Read().Event.Target));
        Assert.Equal(2, lines.Select(line => line.Chain).Distinct().Count());
    }

    [Theory]
    [InlineData("auditsegments", 1)]
    [InlineData("auditsegments", 2)]
    [InlineData("auditorganizations", 1)]
    public async Task An_index_that_cannot_be_written_fails_the_entry(string table, int write)
    {
        tables[table].FailWrite(write);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => Append("lost"));
        await Append("one");
        Assert.Equal(["one"], (await VerifiedAsync()).Select(line => line.Read().Event.Target));
        Assert.Equal(["one"], await LatestAsync());
    }

    [Fact]
    public async Task An_index_row_whose_answer_was_lost_shows_no_entry_twice()
    {
        tables["auditsegments"].LoseAnswer(2);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => Append("lost"));
        await Append("one");
        Assert.Equal(["one"], (await VerifiedAsync()).Select(line => line.Read().Event.Target));
    }

    [Fact]
    public async Task An_event_that_cannot_be_recorded_fails_alone()
    {
        var bad = Event("bad") with { Agent = new AuditParty("a", new string('x', 100_000)) };
        await Assert.ThrowsAsync<ArgumentException>(() => log.AppendAsync(org, bad, default));
        await Append("good");
        Assert.Single(await VerifiedAsync());
    }

    [Fact]
    public async Task A_caller_that_gives_up_leaves_its_entry_in_place()
    {
        var (one, two) = await HoldBothChainsAsync();
        using var impatience = new CancellationTokenSource();
        var abandoned = log.AppendAsync(org, Event("abandoned"), impatience.Token);
        await impatience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => abandoned);
        var last = Append("last");
        one.Held.Release();
        two.Held.Release();
        await Task.WhenAll(one.Append, two.Append, last);
        Assert.Equal(["abandoned", "last", "one", "two"], (await VerifiedAsync()).Select(line => line.Read().Event.Target).Order());
    }

    [Fact]
    public async Task When_too_many_wait_the_next_is_refused_at_once()
    {
        var (one, two) = await HoldBothChainsAsync();
        var waiting = Enumerable.Range(0, 10_000).Select(_ => Append("waits")).ToList();
        await Assert.ThrowsAsync<StorageUnavailableException>(() => Append("too many"));
        one.Held.Release();
        two.Held.Release();
        await Task.WhenAll([one.Append, two.Append, .. waiting]);
    }

    [Fact]
    public async Task A_new_day_begins_a_new_segment_of_the_same_chain()
    {
        await Append("today");
        time.Advance(TimeSpan.FromHours(12));
        await Append("tomorrow");
        var lines = await VerifiedAsync();
        Assert.Single(lines.Select(line => line.Chain).Distinct());
        Assert.Equal(["today", "tomorrow"], lines.Select(line => line.Read().Event.Target));
        Assert.Equal([(1, "today"), (2, "tomorrow")], (await SegmentsAsync()).Select(segment => (segment.Number, segment.Start == Noon ? "today" : "tomorrow")));
        var day = DateOnly.FromDateTime(Noon.UtcDateTime);
        Assert.Equal(["today"], await log.ReadAsync(org, day, day, default).Select(line => line.Read().Event.Target!).ToListAsync());
        Assert.Equal(["tomorrow"], await log.ReadAsync(org, day.AddDays(1), day.AddDays(1), default).Select(line => line.Read().Event.Target!).ToListAsync());
    }

    [Fact]
    public async Task A_full_segment_is_followed_by_the_next()
    {
        for (var number = 0; number < AuditSegment.MaxBlocks + 10; number++)
            await Append($"{number}");
        Assert.Equal([1, 2], (await SegmentsAsync()).Select(segment => segment.Number));
        Assert.Equal(Enumerable.Range(0, AuditSegment.MaxBlocks + 10).Select(number => $"{number}"), (await VerifiedAsync()).Select(line => line.Read().Event.Target));
        Assert.Equal(["1009", "1008"], (await LatestAsync())[..2]);
    }

    [Fact]
    public async Task The_newest_come_first_over_chains_and_days()
    {
        var other = new TableAuditLog(memory, time);
        for (var number = 0; number < 40; number++)
        {
            await (number % 3 == 0 ? other : log).AppendAsync(org, Event($"{number}"), default);
            time.Advance(TimeSpan.FromHours(1));
        }
        Assert.Equal(Enumerable.Range(0, 40).Reverse().Select(number => $"{number}"), await LatestAsync(100));
        Assert.Equal(["39", "38", "37", "36", "35"], await LatestAsync(5));
        Assert.Equal(["39", "38", "37"], (await log.LatestAsync(org, AuditTime.From(Noon.AddHours(37)), 100, _ => true, default)).Entries.Select(entry => entry.Event.Target));
        Assert.Equal(["10"], (await log.LatestAsync(org, AuditTime.From(DateTimeOffset.MinValue), 100, happened => happened.Target == "10", default)).Entries.Select(entry => entry.Event.Target));
    }

    [Fact]
    public async Task A_look_before_a_moment_begins_there_whatever_came_after()
    {
        for (var number = 0; number < AuditSegment.MaxBlocks + 500; number++)
        {
            await Append($"{number}");
            time.Advance(TimeSpan.FromMinutes(1));
        }
        foreach (var number in (int[])[1, 400, 718, 722, 999, 1000, 1001, 1400, 1499])
        {
            var found = await log.LatestAsync(org, new AuditTime(DateTimeOffset.MinValue, Noon.AddMinutes(number)), 2, _ => true, default);
            Assert.Equal(number == 1 ? ["0"] : [$"{number - 1}", $"{number - 2}"], found.Entries.Select(entry => entry.Event.Target));
        }
        Assert.Empty((await log.LatestAsync(org, new AuditTime(DateTimeOffset.MinValue, Noon), 2, _ => true, default)).Entries);
    }

    [Fact]
    public async Task What_was_not_looked_at_is_said_and_can_be_asked_for()
    {
        var other = new TableAuditLog(memory, time);
        for (var number = 0; number < 50; number++)
        {
            await (number % 3 == 0 ? other : log).AppendAsync(org, Event($"{number}"), default);
            time.Advance(TimeSpan.FromSeconds(1));
        }
        var reader = new TableAuditLogReader(new TableAuditLogTables(memory));
        var (found, looks, until) = (new List<string>(), 0, DateTimeOffset.MaxValue);
        while (true)
        {
            looks++;
            var some = await reader.LatestAsync(org, new AuditTime(DateTimeOffset.MinValue, until), 10, happened => happened.Target!.EndsWith('0'), default, maxExamined: 15);
            found.AddRange(some.Entries.Select(entry => entry.Event.Target!));
            if (some.LookedBackTo is not { } looked)
                break;
            until = looked.AddTicks(1);
        }
        Assert.Equal(["40", "30", "20", "10", "0"], found);
        Assert.Equal(4, looks);
    }

    [Fact]
    public async Task A_long_call_recorded_at_its_end_is_listed_by_its_own_time()
    {
        await Append("first");
        var start = time.GetUtcNow();
        time.Advance(TimeSpan.FromMinutes(10));
        await Append("second");
        time.Advance(TimeSpan.FromMinutes(10));
        await log.AppendAsync(org, Event("long") with { At = start.AddMinutes(1) }, default);
        Assert.Equal(["second", "long", "first"], await LatestAsync());
        Assert.Equal(["second"], await LatestAsync(1));
    }

    [Fact]
    public async Task A_row_that_was_changed_is_named()
    {
        await AppendFiveAsync();
        await TamperAsync(2, properties => properties["lines0"] = ((string)properties["lines0"]).Replace("\"ok\"", "\"no\"", StringComparison.Ordinal));
        Assert.Equal(3, (await BrokenAsync())?.Sequence);
    }

    [Fact]
    public async Task A_row_that_was_damaged_beyond_reading_is_named()
    {
        await AppendFiveAsync();
        await TamperAsync(2, properties => properties["lines0"] = "garbage {\n");
        Assert.Equal(3, (await BrokenAsync())?.Sequence);
    }

    [Fact]
    public async Task A_row_that_was_removed_is_named()
    {
        await AppendFiveAsync();
        var segment = Assert.Single(await SegmentsAsync());
        await memory.Open("audit").DeleteAsync(segment.Partition, segment.RowKey(2), "*", default);
        Assert.Equal(3, (await BrokenAsync())?.Sequence);
    }

    [Fact]
    public async Task Rows_that_changed_places_are_named()
    {
        await AppendFiveAsync();
        var segment = Assert.Single(await SegmentsAsync());
        var table = memory.Open("audit");
        var (two, three) = ((await table.GetAsync(segment.Partition, segment.RowKey(2), default))!, (await table.GetAsync(segment.Partition, segment.RowKey(3), default))!);
        await table.UpsertAsync(new TableRow(segment.Partition, segment.RowKey(2), three.Properties), default);
        await table.UpsertAsync(new TableRow(segment.Partition, segment.RowKey(3), two.Properties), default);
        Assert.Equal(3, (await BrokenAsync())?.Sequence);
    }

    private Task Append(string target) => log.AppendAsync(org, Event(target), default);

    /// <summary>Leaves both chains of the process with a write in flight.</summary>
    private async Task<((HeldWrite Held, Task Append) One, (HeldWrite Held, Task Append) Two)> HoldBothChainsAsync()
    {
        var first = tables["audit"].HoldWrite(1);
        var one = Append("one");
        await first.Reached;
        var second = tables["audit"].HoldWrite(1);
        var two = Append("two");
        await second.Reached;
        return ((first, one), (second, two));
    }

    private AuditEvent Event(string target) => new() { At = time.GetUtcNow(), Type = AuditTypes.ApiCall, Target = target };

    private async Task AppendFiveAsync()
    {
        for (var number = 0; number < 5; number++)
            await Append($"{number}");
        Assert.Null(await BrokenAsync());
    }

    private async Task TamperAsync(int block, Action<Dictionary<string, object>> change)
    {
        var segment = Assert.Single(await SegmentsAsync());
        var row = (await memory.Open("audit").GetAsync(segment.Partition, segment.RowKey(block), default))!;
        var properties = row.Properties.ToDictionary();
        change(properties);
        await memory.Open("audit").UpsertAsync(row with { Properties = properties }, default);
    }

    private async Task<List<string>> LatestAsync(int limit = 100) =>
        [.. (await log.LatestAsync(org, AuditTime.From(DateTimeOffset.MinValue), limit, _ => true, default)).Entries.Select(entry => entry.Event.Target!)];

    private async Task<ChainBreak?> BrokenAsync() => AuditChain.Verify(org, await ReadAsync()).Broken;

    private async Task<List<AuditLine>> VerifiedAsync()
    {
        var lines = await ReadAsync();
        Assert.Null(AuditChain.Verify(org, lines).Broken);
        return lines;
    }

    private async Task<List<AuditLine>> ReadAsync() =>
        await new TableAuditLog(memory, time).ReadAsync(org, DateOnly.FromDateTime(Noon.UtcDateTime), DateOnly.FromDateTime(Noon.UtcDateTime).AddDays(7), default).ToListAsync();

    private async Task<List<AuditSegment>> SegmentsAsync()
    {
        var segments = new List<AuditSegment>();
        for (var day = 0; day < 3; day++)
        {
            var partition = AuditSegment.IndexPartition(org, DateOnly.FromDateTime(Noon.UtcDateTime).AddDays(day));
            segments.AddRange((await memory.Open("auditsegments").RangeAsync(partition, partition[..36], null, 100, null, default)).Rows.Select(row => AuditSegment.From(org, row)));
        }
        return segments;
    }

    private static async Task<List<AuditPlace>> PlacesAsync(IAsyncEnumerable<AuditPlace> places)
    {
        var read = new List<AuditPlace>();
        await foreach (var place in places)
            read.Add(place);
        return read;
    }
}
