using Kontext.Domain.Audit;
using Kontext.Domain.Vault;
using Kontext.Domain.Work;
using Kontext.Testing.Connections;

namespace Kontext.Domain.Tests.Vault;

public sealed class RefreshSweepTests
{
    private static readonly TimeSpan ShortlyBeforeTheEnd = TimeSpan.FromMinutes(55);
    private readonly ScriptedProvider provider;
    private readonly MemorySchedule schedule = new();
    private readonly ConnectionWorld world;

    public RefreshSweepTests()
    {
        var clock = new Testing.ManualTime(ConnectionWorld.Noon);
        provider = new ScriptedProvider(clock);
        world = new ConnectionWorld(provider, clock) { Schedule = schedule };
    }

    [Fact]
    public async Task A_connection_is_refreshed_before_it_expires_and_noted_for_the_next_time()
    {
        await world.ConnectAsync();
        await SweepAsync();
        Assert.Equal(0, provider.Refreshes);

        world.Advance(ShortlyBeforeTheEnd);
        await SweepAsync();

        Assert.Equal(1, provider.Refreshes);
        var row = await world.RowAsync();
        Assert.Equal(world.Time.GetUtcNow(), row.RefreshedAt);
        var next = Assert.Single(schedule.Notes);
        Assert.Equal(row.AccessExpiresAt, next.ExpiresAt);
        Assert.True(next.DueAt > world.Time.GetUtcNow());
    }

    [Fact]
    public async Task A_token_that_does_not_end_or_cannot_be_refreshed_is_not_noted()
    {
        await world.ConnectAsync(refreshToken: null);
        Assert.Empty(schedule.Notes);
    }

    [Fact]
    public async Task What_was_refreshed_on_demand_meanwhile_is_not_refreshed_again()
    {
        await world.ConnectAsync();
        world.Advance(ShortlyBeforeTheEnd);
        await world.NewInstance().RefreshAsync(rejected: "at-1");

        await SweepAsync();

        Assert.Equal(1, provider.Refreshes);
        Assert.Single(schedule.Notes);
    }

    [Fact]
    public async Task A_disconnected_connection_is_left_alone()
    {
        var connection = await world.ConnectAsync();
        await world.NewInstance().Refresh.RunAsync(world.Org, world.Integration, connection, rejected: null, default);
        var row = (await world.Connections.FindAsync(world.Org, world.User.Id, world.Integration.Id, default))!;
        await world.Connections.ReplaceAsync(world.Org, row, row.Value with { Status = ConnectionStatus.Disconnected }, cutOff: true, default);
        world.Advance(ShortlyBeforeTheEnd);

        await SweepAsync();

        Assert.Equal(0, provider.Refreshes);
        Assert.Empty(schedule.Notes);
    }

    [Fact]
    public async Task A_provider_that_is_down_is_asked_again_when_it_may_be_and_the_old_token_stays()
    {
        await world.ConnectAsync();
        world.Advance(ShortlyBeforeTheEnd);
        provider.Refusal = new Failure(FailureCode.Unavailable, "down") { RetryAfter = TimeSpan.FromMinutes(2) };

        await SweepAsync();
        await SweepAsync();

        Assert.Equal(1, provider.Refreshes);
        var row = await world.RowAsync();
        Assert.Equal(row.RetryAt, Assert.Single(schedule.Notes).DueAt);
        Assert.Equal("at-1", (await world.NewInstance().Grants.ReadAsync(world.Org, row, default))!.AccessToken.Reveal());

        provider.Refusal = null;
        world.Advance(TimeSpan.FromMinutes(3));
        await SweepAsync();
        Assert.Equal("at-2", (await world.NewInstance().Grants.ReadAsync(world.Org, await world.RowAsync(), default))!.AccessToken.Reveal());
        Assert.Contains(AuditTypes.Refreshed, world.Audit.Types);
    }

    [Fact]
    public async Task Two_sweeps_at_once_refresh_once()
    {
        await world.ConnectAsync();
        world.Advance(ShortlyBeforeTheEnd);
        var (arrived, answer) = (new TaskCompletionSource(), new TaskCompletionSource());
        provider.OnRefresh = async tokens =>
        {
            arrived.SetResult();
            await answer.Task;
            return tokens;
        };

        var first = SweepAsync();
        await arrived.Task;
        await SweepAsync();
        answer.SetResult();
        await first;

        Assert.Equal(1, provider.Refreshes);
        Assert.Single(schedule.Notes);
    }

    [Fact]
    public async Task A_sweep_that_died_on_the_way_is_made_up_by_the_next()
    {
        await world.ConnectAsync();
        world.Advance(ShortlyBeforeTheEnd);
        world.Breakage.Break("lease");
        // The old token lives, so a storage that fails here is no error of anybody; the note stays for later.
        await SweepAsync();
        Assert.Equal(0, provider.Refreshes);

        world.Advance(TimeSpan.FromMinutes(6));
        await SweepAsync();
        Assert.Equal(1, provider.Refreshes);
    }

    [Fact]
    public async Task A_message_that_is_lost_is_sent_again_and_one_too_many_refreshes_nothing()
    {
        await world.ConnectAsync();
        world.Advance(ShortlyBeforeTheEnd);
        var instance = world.NewInstance();
        await instance.Sweep.RunAsync(Cancelled);
        await instance.Sweep.RunAsync(Cancelled);
        Assert.True(instance.Queue.TryTake(out var lost));
        Assert.False(instance.Queue.TryTake(out _));

        world.Advance(TimeSpan.FromMinutes(4));
        await instance.SweepAsync(Cancelled);
        Assert.Equal(1, provider.Refreshes);
        await instance.Work.RunAsync((RefreshConnection)lost, Cancelled);
        Assert.Equal(1, provider.Refreshes);
        Assert.Equal((await world.RowAsync()).AccessExpiresAt, Assert.Single(schedule.Notes).ExpiresAt);
    }

    [Fact]
    public async Task A_provider_that_hangs_has_a_share_of_what_is_under_way_and_the_rest_waits_its_turn()
    {
        await world.ConnectAsync();
        world.Advance(ShortlyBeforeTheEnd);
        var instance = world.NewInstance();
        await instance.Sweep.RunAsync(Cancelled);
        Assert.True(instance.Queue.TryTake(out var work));
        var answer = new TaskCompletionSource();
        world.Connections.BeforeRead = answer.Task;

        var underWay = Enumerable.Range(0, RefreshWork.Share).Select(_ => instance.Work.RunAsync((RefreshConnection)work, Cancelled)).ToList();
        await instance.Work.RunAsync((RefreshConnection)work, Cancelled);
        Assert.True(Assert.Single(instance.Queue.Delays) > TimeSpan.Zero);
        answer.SetResult();
        await Task.WhenAll(underWay);

        Assert.True(instance.Queue.TryTake(out var later));
        Assert.Equal(work, later);
        await instance.Work.RunAsync((RefreshConnection)later, Cancelled);
        Assert.False(instance.Queue.TryTake(out _));
        Assert.Equal(1, provider.Refreshes);
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private Task SweepAsync() => world.NewInstance().SweepAsync(Cancelled);
}
