using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Functions.Storage;
using Kontext.Testing.Connections;

namespace Kontext.Functions.Tests.Storage;

public sealed class RefreshScheduleTests
{
    private static readonly DateTimeOffset Noon = ConnectionWorld.Noon;
    private readonly MemoryTables tables = new();
    private readonly RefreshSchedule schedule;

    public RefreshScheduleTests() => schedule = new RefreshSchedule(tables);

    [Fact]
    public async Task What_is_due_is_given_in_the_order_of_its_buckets_and_nothing_that_is_due_later()
    {
        await FileAsync("acme", "late", 10);
        await FileAsync("other", "early", -10);
        await FileAsync("acme", "now", 0);
        await FileAsync("acme", "in this bucket", 1);
        Assert.Equal([Note("other", "early", -10), Note("acme", "now", 0)], (await DueAsync(Noon)).Select(due => due.Value));
    }

    [Fact]
    public async Task Buckets_missed_while_nothing_ran_are_made_up_for_a_day()
    {
        await FileAsync("acme", "yesterday", -23 * 60);
        await FileAsync("acme", "long ago", -25 * 60);
        Assert.Equal(Note("acme", "yesterday", -23 * 60), Assert.Single(await DueAsync(Noon)).Value);
    }

    [Fact]
    public async Task What_was_filed_again_since_it_was_read_is_not_taken_out()
    {
        await FileAsync("acme", "one", -1);
        var read = Assert.Single(await DueAsync(Noon));
        await FileAsync("acme", "one", -1);
        await schedule.RemoveAsync(read, default);
        await schedule.RemoveAsync(Assert.Single(await DueAsync(Noon)), default);
        Assert.Empty(await DueAsync(Noon));
    }

    [Fact]
    public async Task A_partition_that_is_empty_is_forgotten_and_found_again_when_it_is_used()
    {
        await FileAsync("acme", "one", -1);
        await schedule.RemoveAsync(Assert.Single(await DueAsync(Noon)), default);
        Assert.Empty(await DueAsync(Noon));
        Assert.Null(await tables.Open("refreshduepartitions").FirstAsync(Noon.ToString("yyyyMMdd", null), "0", null, default));
        await FileAsync("acme", "one", -1);
        Assert.Single(await DueAsync(Noon));
    }

    [Fact]
    public async Task A_connection_is_refreshed_after_an_outage_of_ours_and_two_sweeps_do_it_once()
    {
        var clock = new Testing.ManualTime(Noon);
        var provider = new ScriptedProvider(clock);
        var world = new ConnectionWorld(provider, clock) { Schedule = schedule };
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromHours(5));

        await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() => world.NewInstance().SweepAsync(default))));

        Assert.Equal(1, provider.Refreshes);
        Assert.Equal(world.Time.GetUtcNow(), (await world.RowAsync()).RefreshedAt);
    }

    [Fact]
    public async Task While_the_provider_is_down_the_note_moves_to_the_time_to_try_again()
    {
        var clock = new Testing.ManualTime(Noon);
        var provider = new ScriptedProvider(clock) { Refusal = new Failure(FailureCode.Unavailable, "down") };
        var world = new ConnectionWorld(provider, clock) { Schedule = schedule };
        await world.ConnectAsync();
        world.Advance(TimeSpan.FromMinutes(55));
        await world.NewInstance().SweepAsync(default);
        Assert.Empty(await DueAsync(world.Time.GetUtcNow()));
        var retryAt = (await world.RowAsync()).RetryAt!.Value;
        Assert.Equal(retryAt, Assert.Single(await DueAsync(retryAt)).Value.DueAt);
    }

    private static DueRefresh Note(string org, string connection, int minutes) => new(
        Ids.Named<OrgId>(org), Ids.Named<UserId>("alice"), Ids.Named<IntegrationId>("example"), Ids.Named<ConnectionId>(connection), Noon.AddHours(1), Noon.AddMinutes(minutes));

    private Task FileAsync(string org, string connection, int minutes) => schedule.FileAsync(Note(org, connection, minutes), default);

    private async Task<List<Versioned<DueRefresh>>> DueAsync(DateTimeOffset now) => await schedule.DueAsync(now, default).ToListAsync();
}
