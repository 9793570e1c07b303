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
    public async Task Concurrent_appends_are_all_durable_in_one_chain_that_verifies()
    {
        await Task.WhenAll(Enumerable.Range(0, 16).Select(caller => Task.Run(async () =>
        {
            for (var number = 0; number < 50; number++)
                await Append($"{caller}/{number}");
        })));
        var lines = await VerifiedAsync();
        Assert.Single(lines.Select(line => line.Chain).Distinct());
        Assert.Equal(Enumerable.Range(1, 800).Select(number => (long)number), lines.Select(line => line.Sequence));
        var targets = lines.Select(line => line.Read().Event.Target!).ToList();
        Assert.Equal(800, targets.Distinct().Count());
        for (var caller = 0; caller < 16; caller++)
            Assert.Equal(Enumerable.Range(0, 50).Select(number => $"{caller}/{number}"), targets.Where(target => target.StartsWith($"{caller}/", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task What_arrives_during_a_write_is_committed_together_in_the_next()
    {
        var held = tables["audit"].HoldWrite(1);
        var first = Append("first");
        await held.Reached;
        var others = Enumerable.Range(0, 300).Select(number => Append($"{number}")).ToList();
        Assert.DoesNotContain(others, task => task.IsCompleted);
        held.Release();
        await Task.WhenAll([first, .. others]);
        Assert.Equal(3, tables["audit"].Writes);
        Assert.Equal(["first", .. Enumerable.Range(0, 300).Select(number => $"{number}")], (await VerifiedAsync()).Select(line => line.Read().Event.Target));
    }

    [Fact]
    public async Task Big_entries_are_spread_over_rows_that_storage_takes()
    {
        var held = tables["audit"].HoldWrite(1);
        var big = new string('é', 4_000);
        var appends = Enumerable.Range(0, 100).Select(_ => log.AppendAsync(org, Event(big) with { ErrorMessage = big }, default)).ToList();
        await held.Reached;
        held.Release();
        await Task.WhenAll(appends);
        Assert.Equal(100, (await VerifiedAsync()).Count);
    }

    [Fact]
    public async Task Two_processes_write_two_chains_that_both_verify()
    {
        var other = new TableAuditLog(memory, time);
        await Task.WhenAll(Enumerable.Range(0, 100).Select(number => Task.Run(() => (number % 2 == 0 ? log : other).AppendAsync(org, Event($"{number}"), default))));
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
        Assert.Equal(["theirs"], (await log.LatestAsync(stranger, Noon, 10, _ => true, default)).Select(entry => entry.Event.Target));
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
        var held = tables["audit"].HoldWrite(1);
        var first = Append("first");
        await held.Reached;
        tables["audit"].FailWrite(1);
        var lost = Enumerable.Range(0, 5).Select(_ => Append("lost")).ToList();
        held.Release();
        await first;
        foreach (var append in lost)
            await Assert.ThrowsAsync<StorageUnavailableException>(() => append);
        await Append("after");
        Assert.Equal(["first", "after"], (await VerifiedAsync()).Select(line => line.Read().Event.Target));
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
        var held = tables["audit"].HoldWrite(1);
        var first = Append("first");
        await held.Reached;
        using var impatience = new CancellationTokenSource();
        var second = log.AppendAsync(org, Event("second"), impatience.Token);
        await impatience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        var third = Append("third");
        held.Release();
        await Task.WhenAll(first, third);
        Assert.Equal(["first", "second", "third"], (await VerifiedAsync()).Select(line => line.Read().Event.Target));
    }

    [Fact]
    public async Task When_too_many_wait_the_next_is_refused_at_once()
    {
        var held = tables["audit"].HoldWrite(1);
        var first = Append("first");
        await held.Reached;
        var waiting = Enumerable.Range(0, 10_000).Select(_ => Append("waits")).ToList();
        await Assert.ThrowsAsync<StorageUnavailableException>(() => Append("too many"));
        held.Release();
        await Task.WhenAll([first, .. waiting]);
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
        Assert.Equal(["39", "38", "37"], (await log.LatestAsync(org, Noon.AddHours(37), 100, _ => true, default)).Select(entry => entry.Event.Target));
        Assert.Equal(["10"], (await log.LatestAsync(org, DateTimeOffset.MinValue, 100, happened => happened.Target == "10", default)).Select(entry => entry.Event.Target));
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
        [.. (await log.LatestAsync(org, DateTimeOffset.MinValue, limit, _ => true, default)).Select(entry => entry.Event.Target!)];

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
}
