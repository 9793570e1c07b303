using Kontext.Domain.Vault;
using Kontext.Domain.Webhooks;
using Kontext.Domain.Work;
using Kontext.Testing.Connections;

namespace Kontext.Domain.Tests.Vault;

/// <summary>Connections nothing was heard of are asked about, within bounds, and what is found dead is said.</summary>
public sealed class ValidationSweepTests
{
    private static readonly TimeSpan Week = TimeSpan.FromDays(7);
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);
    private readonly StaleWorld stale = StaleWorld.InMemory();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_token_that_was_withdrawn_is_found_marked_recorded_and_announced()
    {
        stale.Provider.OnIdentity = () => Refused;
        await stale.ProvideAsync();
        stale.World.Advance(Week - TimeSpan.FromHours(1));
        await PassAsync(Day);

        var row = await stale.World.RowAsync();
        Assert.Equal((Validity.Invalid, ConnectionStatus.Connected), (row.Validity, row.Status));
        Assert.False(ConnectionState.Of(stale.World.Integration, row, stale.World.Time.GetUtcNow()).Connected);
        Assert.Equal(1, stale.World.Connections.CutOffs);
        Assert.Equal(("connection.validated", "error_auth"), (stale.World.Audit.Last.Type, stale.World.Audit.Last.Status));
        Assert.Equal("connection.invalid", WebhookEvents.TypeOf(stale.World.Audit.Last));

        // The person has to act now; nobody asks again.
        await PassAsync(Week * 3);
        Assert.Equal(1, stale.Provider.Identities);
    }

    [Fact]
    public async Task What_is_good_is_asked_about_once_a_week()
    {
        await stale.ProvideAsync();
        await PassAsync(Week * 5);
        Assert.InRange(stale.Provider.Identities, 4, 5);
        Assert.Equal(Validity.Valid, (await stale.World.RowAsync()).Validity);
    }

    [Fact]
    public async Task A_connection_that_was_heard_of_since_it_was_noted_is_not_asked_about()
    {
        await stale.ProvideAsync();
        stale.World.Advance(Week);
        await stale.SweepAsync(Cancelled);
        await stale.ProvideAsync();
        stale.World.Advance(Day);
        await stale.SweepAsync(Cancelled);
        Assert.Equal(1, await stale.WorkAsync(Cancelled));
        Assert.Equal(0, stale.Provider.Identities);
    }

    [Fact]
    public async Task An_answer_that_tells_nothing_is_noted_and_neither_recorded_nor_asked_for_at_once()
    {
        stale.Provider.OnIdentity = () => Task.FromResult<Failure?>(new Failure(FailureCode.Unavailable, "down"));
        await stale.ProvideAsync();
        var recorded = stale.World.Audit.Types.Count;
        stale.World.Advance(Week);
        await PassAsync(Day);
        await PassAsync(Week / 2);
        Assert.Equal(1, stale.Provider.Identities);
        Assert.Equal(Validity.Unknown, (await stale.World.RowAsync()).Validity);
        Assert.Equal(recorded, stale.World.Audit.Types.Count);
    }

    [Fact]
    public async Task What_is_noted_for_one_day_is_spread_over_it_and_a_run_queues_a_part()
    {
        const int Many = 2000;
        stale.AddOthers(Many);
        stale.World.Advance(Week);
        await stale.SweepAsync(Cancelled);
        stale.World.Advance(TimeSpan.FromHours(2));
        await stale.SweepAsync(Cancelled);
        // A tenth of them, more or less.
        Assert.InRange(await stale.WorkAsync(Cancelled), Many / 20, Many / 5);
        stale.World.Advance(TimeSpan.FromHours(20));
        await stale.SweepAsync(Cancelled);
        Assert.Equal(ValidationSweep.MostPerRun, await stale.WorkAsync(Cancelled));
    }

    [Fact]
    public async Task A_message_that_is_lost_is_sent_again_and_one_too_many_asks_nothing()
    {
        await stale.ProvideAsync();
        stale.World.Advance(Week);
        await stale.SweepAsync(Cancelled);
        stale.World.Advance(TimeSpan.FromHours(20));
        await stale.SweepAsync(Cancelled);
        Assert.True(stale.Queue.TryTake(out var lost));
        stale.World.Advance(TimeSpan.FromMinutes(31));
        await stale.SweepAsync(Cancelled);
        Assert.Equal(1, await stale.WorkAsync(Cancelled));
        await stale.NewWork().RunAsync((ValidateConnection)lost, Cancelled);
        Assert.Equal(1, stale.Provider.Identities);
    }

    [Fact]
    public async Task One_provider_is_asked_little_at_a_time_and_what_finds_no_place_comes_again()
    {
        await stale.ProvideAsync();
        stale.World.Advance(Week);
        await stale.SweepAsync(Cancelled);
        stale.World.Advance(TimeSpan.FromHours(20));
        await stale.SweepAsync(Cancelled);
        Assert.True(stale.Queue.TryTake(out var message));
        var answer = new TaskCompletionSource<Failure?>();
        stale.Provider.OnIdentity = () => answer.Task;
        var work = stale.NewWork();
        // The same message, several times at once: each asks, for none has an answer yet.
        var underWay = Enumerable.Range(0, ValidationWork.Share).Select(_ => work.RunAsync((ValidateConnection)message, Cancelled)).ToList();
        await work.RunAsync((ValidateConnection)message, Cancelled);
        Assert.Equal(ValidationWork.Share, stale.Provider.Identities);
        Assert.True(Assert.Single(stale.Queue.Delays) > TimeSpan.Zero);
        answer.SetResult(null);
        await Task.WhenAll(underWay);
        Assert.Equal(0, await WorkedAsync());
    }

    [Fact]
    public async Task An_installation_that_wants_none_of_it_is_not_asked()
    {
        stale.Staleness = new Staleness(TimeSpan.Zero);
        await stale.ProvideAsync();
        await PassAsync(Week * 3);
        Assert.Equal(0, stale.Provider.Identities);
    }

    private static Task<Failure?> Refused => Task.FromResult<Failure?>(new Failure(FailureCode.InvalidToken, "Example does not accept it."));

    /// <summary>How much was asked of what is still queued.</summary>
    private async Task<int> WorkedAsync()
    {
        var before = stale.Provider.Identities;
        await stale.WorkAsync(Cancelled);
        return stale.Provider.Identities - before;
    }

    /// <summary>Time goes by, with a sweep and its messages every hour.</summary>
    private async Task PassAsync(TimeSpan time)
    {
        for (var gone = TimeSpan.Zero; gone < time; gone += TimeSpan.FromHours(1))
        {
            stale.World.Advance(TimeSpan.FromHours(1));
            await stale.SweepAsync(Cancelled);
            await stale.WorkAsync(Cancelled);
        }
    }
}
