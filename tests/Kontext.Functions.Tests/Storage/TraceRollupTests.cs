using System.Globalization;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Functions.Storage;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Storage;

/// <summary>Traces and figures from roll-ups and tail: always the same as reading the trail through, whoever rolls up, however often, and wherever it is cut off.</summary>
public sealed class TraceRollupTests
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 4, 12, 0, 0, TimeSpan.Zero);
    private readonly OrgId org = Ids.New<OrgId>(Noon);
    private readonly ManualTime time = new(Noon);
    private readonly MemoryTables memory = new();
    private readonly FaultyTables tables;
    private readonly TableAuditLog log;
    private readonly TraceRollup rollup;
    private readonly TraceReader reader;
    private readonly List<AuditEvent> all = [];

    public TraceRollupTests()
    {
        tables = new FaultyTables(memory);
        log = new TableAuditLog(memory, time);
        rollup = new TraceRollup(tables, time);
        reader = new TraceReader(memory, time);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Figures_are_those_of_the_whole_trail_before_and_after_any_number_of_rollups()
    {
        for (var hour = 0; hour < 3; hour++)
        {
            await AppendAsync(250, people: 120);
            await ExactAsync();
            await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => new TraceRollup(memory, time).RunAsync(org, Cancel))));
            await ExactAsync();
            await AppendAsync(30, people: 120);
            await ExactAsync();
            time.Advance(TimeSpan.FromMinutes(50));
        }
    }

    [Theory]
    [InlineData("tracehours")]
    [InlineData("traces")]
    [InlineData("usertraces")]
    [InlineData("tracecursors")]
    public async Task A_rollup_that_is_cut_off_anywhere_counts_nothing_twice_and_loses_nothing(string table)
    {
        for (var nth = 1; nth <= 4; nth++)
        {
            await AppendAsync(40, people: 7);
            tables[table].FailWrite(nth);
            await CutOffAsync();
            await ExactAsync();
            await AppendAsync(40, people: 7);
            tables[table].LoseAnswer(nth);
            await CutOffAsync();
            await ExactAsync();
            // As many runs as there may be faults left.
            for (var run = 0; run < 8; run++)
                await CutOffAsync();
            await rollup.RunAsync(org, Cancel);
            await ExactAsync();
        }
    }

    [Fact]
    public async Task A_day_that_is_over_is_added_up_once_and_read_from_one_row()
    {
        await AppendAsync(100, people: 5);
        await rollup.RunAsync(org, Cancel);
        await AppendAsync(20, people: 5);
        time.Advance(TimeSpan.FromDays(2));
        tables["tracedays"].FailWrite(1);
        await CutOffAsync();
        await ExactAsync(days: 7);
        await rollup.RunAsync(org, Cancel);
        await ExactAsync(days: 7);
        await AppendAsync(10, people: 5);
        await ExactAsync(days: 7);
        var watched = new WatchedTables(memory);
        var first = await new TraceReader(watched, time).StatisticsAsync(org, null, Noon.AddDays(-1), Cancel);
        Assert.Equal(130, first.Events);
        // Hours of the day that is over are not read: their place is taken by the row of the day.
        Assert.InRange(watched.Reads, 1, 110);
    }

    [Fact]
    public async Task What_nobody_can_be_asked_for_any_more_is_removed()
    {
        await AppendAsync(20, people: 3);
        for (var day = 0; day < 40; day++)
        {
            time.Advance(TimeSpan.FromDays(1));
            await AppendAsync(1, people: 1);
            await rollup.RunAsync(org, Cancel);
        }
        var hours = memory.Open("tracehours");
        Assert.Empty((await hours.RangeAsync(TraceHour.Partition(org, Noon), Key.Of(org), null, 10, null, Cancel)).Rows);
        Assert.Null(await memory.Open("tracedays").GetAsync(Key.Of(org), TraceDay.RowKey(org, new DateOnly(2026, 3, 4)), Cancel));
        Assert.Equal(30, (await reader.StatisticsAsync(org, null, time.GetUtcNow().AddDays(-29), Cancel)).Events);
    }

    [Fact]
    public async Task A_trace_is_found_with_all_its_events_whether_carried_over_or_not()
    {
        var id = Trace(90_000);
        var (ada, bo) = (Person(1), Person(2));
        await AppendAsync(Event(id, ada, "ok"));
        await AppendAsync(50, people: 3);
        await rollup.RunAsync(org, Cancel);
        time.Advance(TimeSpan.FromMinutes(1));
        await AppendAsync(Event(id, ada, "error_remote"));
        // What happened at one moment has no order.
        time.Advance(TimeSpan.FromSeconds(1));
        await AppendAsync(Event(id, bo, "warn"));

        var found = (await reader.FindAsync(org, id, null, Cancel))!;
        Assert.False(found.More);
        Assert.Equal(["ok", "error_remote", "warn"], found.Entries.Select(entry => entry.Event.Status));
        Assert.Equal((2, 1), (found.Trace.Parts.Count, found.Trace.Parts.Sum(part => part.Errors)));
        var own = (await reader.FindAsync(org, id, ada, Cancel))!;
        Assert.Equal(["ok", "error_remote"], own.Entries.Select(entry => entry.Event.Status));
        Assert.Null(await reader.FindAsync(org, id, Person(3), Cancel));
        Assert.Null(await reader.FindAsync(Ids.New<OrgId>(Noon), id, null, Cancel));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Pages_of_traces_hold_each_once_newest_first(bool own)
    {
        for (var number = 0; number < 25; number++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await AppendAsync(Event(Trace(number), Person(1), "ok"));
            await AppendAsync(Event(Trace(1000 + number), Person(2), "ok"));
            if (number % 7 == 3)
                await rollup.RunAsync(org, Cancel);
        }
        var filter = new TraceFilter(own ? Person(1) : null, null, null);
        var until = time.GetUtcNow();
        var ids = new List<string>();
        for (var offset = 0; offset < 60; offset += 10)
        {
            ids.AddRange((await reader.ListAsync(org, filter, until, offset, 10, Cancel)).Traces.Select(trace => trace.Id));
            // What comes meanwhile shifts no page.
            time.Advance(TimeSpan.FromSeconds(1));
            await AppendAsync(Event(Trace(5000 + offset), Person(1), "ok"));
        }
        var expected = Enumerable.Range(0, 25).Reverse().SelectMany(number => own ? [Trace(number)] : new[] { Trace(1000 + number), Trace(number) }).ToList();
        Assert.Equal(expected.Order(StringComparer.Ordinal), ids.Order(StringComparer.Ordinal));
        Assert.Equal(expected.Where(id => own || expected.IndexOf(id) % 2 == 0), ids.Where(id => own || expected.IndexOf(id) % 2 == 0));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Traces_up_to_a_moment_go_on_with_those_before_it(bool carriedOver)
    {
        for (var number = 0; number < 20; number++)
        {
            time.Advance(TimeSpan.FromMinutes(5));
            await AppendAsync(Event(Trace(number), Person(1), "ok"));
        }
        if (carriedOver)
            await rollup.RunAsync(org, Cancel);
        foreach (var person in new UserId?[] { null, Person(1) })
        {
            var first = await reader.ListAsync(org, new TraceFilter(person, null, null), time.GetUtcNow(), 0, 8, Cancel);
            var rest = await reader.ListAsync(org, new TraceFilter(person, null, null), first.Traces[^1].Last, 0, 100, Cancel);
            Assert.Equal(Enumerable.Range(0, 20).Reverse().Select(Trace), first.Traces.Concat(rest.Traces.Skip(1)).Select(trace => trace.Id));
            Assert.Equal(first.Traces[^1].Id, rest.Traces[0].Id);
            Assert.Null(first.LookedBackTo);
            Assert.Null(rest.LookedBackTo);
        }
    }

    [Fact]
    public async Task A_trace_that_is_too_large_to_be_read_whole_says_so()
    {
        var id = Trace(80_000);
        foreach (var some in Enumerable.Range(0, 2_001).Chunk(200))
            await Task.WhenAll(some.Select(_ => AppendAsync(Event(id, Person(1), "ok"))));
        var found = (await reader.FindAsync(org, id, null, Cancel))!;
        Assert.Equal((2_000, true, 2_001), (found.Entries.Count, found.More, found.Trace.Parts.Sum(part => part.Ok)));
    }

    private async Task CutOffAsync()
    {
        try
        {
            await rollup.RunAsync(org, Cancel);
        }
        catch (StorageUnavailableException)
        {
            // The fault came to pass; that is what the test is about.
        }
    }

    /// <summary>The figures for the organization and for some people are what counting everything gives.</summary>
    private async Task ExactAsync(int days = 1)
    {
        var since = time.GetUtcNow().AddDays(-days);
        foreach (var person in new UserId?[] { null, Person(0), Person(1), Person(119) })
        {
            var expected = all.Where(happened => person is null || happened.User?.Id == person.ToString()).ToList();
            var figures = await reader.StatisticsAsync(org, person, since, Cancel);
            Assert.Equal(expected.Count, figures.Events);
            Assert.Equal(expected.Select(happened => happened.TraceId).Distinct().Count(), figures.Traces.Value);
            Assert.Equal(expected.Sum(happened => happened.BytesIn ?? 0), figures.BytesIn);
            Assert.Equal(expected.Count, figures.Latency.Count);
            Assert.Equal(expected.CountBy(happened => happened.Status).OrderBy(pair => pair.Key), figures.Statuses.Select(pair => KeyValuePair.Create(pair.Key, (int)pair.Value)).OrderBy(pair => pair.Key));
            Assert.Equal(expected.CountBy(happened => happened.Capability!).OrderBy(pair => pair.Key), figures.Tools.Select(pair => KeyValuePair.Create(pair.Key, (int)pair.Value.Calls)).OrderBy(pair => pair.Key));
            if (expected.Count > 0)
            {
                var sorted = expected.Select(happened => happened.DurationMs!.Value).Order().ToList();
                var exact = sorted[(int)Math.Ceiling(0.95 * sorted.Count) - 1];
                Assert.InRange(figures.Latency.Percentile(0.95)!.Value, exact * 0.97, exact * 1.03);
            }
        }
    }

    private async Task AppendAsync(int count, int people) =>
        await Task.WhenAll(Enumerable.Range(0, count).Select(number => AppendAsync(Event(Trace(all.Count / 3 + number / 3), Person(number % people), number % 5 == 0 ? "error_remote" : "ok"))));

    private Task AppendAsync(AuditEvent happened)
    {
        lock (all)
            all.Add(happened);
        return log.AppendAsync(org, happened, Cancel);
    }

    private AuditEvent Event(string trace, UserId person, string status) => new()
    {
        At = time.GetUtcNow(),
        Type = AuditTypes.ApiCall,
        Status = status,
        Agent = new AuditParty("0190b0a0-0000-7000-8000-000000000001", "agent"),
        User = new AuditParty(person.ToString(), "person"),
        TraceId = trace,
        Capability = $"github:tool_{all.Count % 4}",
        ErrorType = status == "ok" ? null : "upstream_error",
        DurationMs = 1 + all.Count % 90,
        BytesIn = 10,
        BytesOut = 20,
    };

    private static string Trace(int number) => string.Create(CultureInfo.InvariantCulture, $"{number * 7919 % 256:x2}{number:x30}");

    private static UserId Person(int number) => new(new Guid(number, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
}
