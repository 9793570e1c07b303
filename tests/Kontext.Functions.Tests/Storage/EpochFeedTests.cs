using Kontext.Functions.Storage;

namespace Kontext.Functions.Tests.Storage;

/// <summary>Revocations reach every instance within a second, or nothing is served.</summary>
public sealed class EpochFeedTests
{
    private readonly SteppedTime time = new();
    private readonly WatchedTables tables = new(new MemoryTables());
    private readonly Domain.OrgId org = Samples.NewOrg();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_bump_holds_at_once_where_it_was_made_and_elsewhere_after_a_poll()
    {
        var (here, there) = (new Instance(tables, time).Epochs, new Instance(tables, time).Epochs);
        var before = await there.CurrentAsync(org, Cancel);

        await here.BumpAsync(org);

        Assert.Equal(before + 1, await here.CurrentAsync(org, Cancel));
        Assert.Equal(before, await there.CurrentAsync(org, Cancel));
        await there.PollAsync(Cancel);
        Assert.Equal(before + 1, await there.CurrentAsync(org, Cancel));
    }

    [Fact]
    public async Task Without_any_poll_the_number_is_read_again_after_a_second()
    {
        var (here, there) = (new Instance(tables, time).Epochs, new Instance(tables, time).Epochs);
        await there.CurrentAsync(org, Cancel);
        await here.BumpAsync(org);

        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(1, await there.CurrentAsync(org, Cancel));
    }

    [Fact]
    public async Task Within_a_second_the_number_costs_no_read()
    {
        var epochs = new Instance(tables, time).Epochs;
        await epochs.CurrentAsync(org, Cancel);
        time.Advance(TimeSpan.FromMilliseconds(999));
        var again = epochs.CurrentAsync(org, Cancel);
        Assert.True(again.IsCompletedSuccessfully);
        await again;
        Assert.Equal(1, tables.Reads);
    }

    [Fact]
    public async Task When_storage_is_away_for_a_second_nothing_is_served()
    {
        var epochs = new Instance(tables, time).Epochs;
        await epochs.CurrentAsync(org, Cancel);
        tables.Away = true;
        await epochs.CurrentAsync(org, Cancel);

        time.Advance(TimeSpan.FromSeconds(1));

        await Assert.ThrowsAsync<StorageUnavailableException>(() => epochs.CurrentAsync(org, Cancel).AsTask());
        tables.Away = false;
        Assert.Equal(0, await epochs.CurrentAsync(org, Cancel));
    }

    [Fact]
    public async Task Many_callers_share_one_read()
    {
        var epochs = new Instance(tables, time).Epochs;
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        tables.Gate = gate.Task;
        var callers = Enumerable.Range(0, 20).Select(_ => epochs.CurrentAsync(org, Cancel).AsTask()).ToArray();
        gate.SetResult();
        await Task.WhenAll(callers);
        Assert.Equal(1, tables.Reads);
    }

    [Fact]
    public async Task A_caller_is_not_answered_by_a_read_that_began_more_than_a_second_ago()
    {
        var there = new Instance(tables, time).Epochs;
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        tables.Gate = gate.Task;
        var early = there.CurrentAsync(org, Cancel).AsTask();
        while (tables.Reads == 0)
            await Task.Yield();
        time.Advance(TimeSpan.FromSeconds(2));
        var late = there.CurrentAsync(org, Cancel).AsTask();
        gate.SetResult();
        await Task.WhenAll(early, late);
        Assert.Equal(2, tables.Reads);
    }

    [Fact]
    public async Task Racing_bumps_of_many_instances_leave_every_instance_with_a_new_number()
    {
        var instances = Enumerable.Range(0, 8).Select(_ => new Instance(tables, time).Epochs).ToArray();
        await Task.WhenAll(instances.Select(epochs => Task.Run(() => epochs.BumpAsync(org))));
        time.Advance(TimeSpan.FromSeconds(1));
        var numbers = await Task.WhenAll(instances.Select(epochs => epochs.CurrentAsync(org, Cancel).AsTask()));
        Assert.InRange(Assert.Single(numbers.Distinct()), 1, 8);
    }

    [Fact]
    public async Task A_bump_that_could_not_be_stored_stops_serving_here_and_is_made_up_for_by_the_poll()
    {
        var (here, there) = (new Instance(tables, time).Epochs, new Instance(tables, time).Epochs);
        await here.CurrentAsync(org, Cancel);
        tables.Away = true;
        await Assert.ThrowsAsync<StorageUnavailableException>(() => here.BumpAsync(org));
        await Assert.ThrowsAsync<StorageUnavailableException>(() => here.CurrentAsync(org, Cancel).AsTask());

        tables.Away = false;
        await here.PollAsync(Cancel);

        Assert.Equal(1, await there.CurrentAsync(org, Cancel));
    }

    [Fact]
    public async Task An_open_stream_is_cut_when_another_instance_revokes_it_and_others_go_on()
    {
        var (here, there) = (new Instance(tables, time).Epochs, new Instance(tables, time).Epochs);
        var (allowed, cut, spared) = (true, 0, 0);
        using var revoked = there.Watch(org, _ => ValueTask.FromResult(allowed), () => cut++);
        using var living = there.Watch(org, _ => ValueTask.FromResult(true), () => spared++);
        await there.PollAsync(Cancel);
        Assert.Equal(0, cut);

        allowed = false;
        await there.PollAsync(Cancel);
        Assert.Equal(0, cut);
        await here.BumpAsync(org);
        await there.PollAsync(Cancel);
        await there.PollAsync(Cancel);

        Assert.Equal((1, 0), (cut, spared));
    }

    [Fact]
    public async Task A_stream_opened_on_what_was_revoked_meanwhile_is_cut_too()
    {
        var epochs = new Instance(tables, time).Epochs;
        await epochs.BumpAsync(org);
        var cut = 0;
        using var late = epochs.Watch(org, _ => ValueTask.FromResult(false), () => cut++);
        await epochs.PollAsync(Cancel);
        Assert.Equal(1, cut);
    }

    [Fact]
    public async Task A_stream_whose_right_cannot_be_checked_is_cut_and_one_that_ended_is_left_alone()
    {
        var epochs = new Instance(tables, time).Epochs;
        var (cut, ended) = (0, 0);
        using var unsure = epochs.Watch(org, _ => throw new InvalidDataException("unreadable"), () => cut++);
        epochs.Watch(org, _ => ValueTask.FromResult(false), () => ended++).Dispose();
        await epochs.BumpAsync(org);
        Assert.Equal((1, 0), (cut, ended));
    }

    [Fact]
    public async Task An_organization_nobody_asks_for_is_forgotten_unless_a_stream_is_open()
    {
        var epochs = new Instance(tables, time).Epochs;
        var watched = Samples.NewOrg();
        var cut = 0;
        using var stream = epochs.Watch(watched, _ => ValueTask.FromResult(true), () => cut++);
        await epochs.CurrentAsync(org, Cancel);
        time.Advance(TimeSpan.FromMinutes(11));
        await epochs.PollAsync(Cancel);
        var reads = tables.Reads;
        await epochs.PollAsync(Cancel);
        Assert.Equal(reads + 1, tables.Reads);
        await epochs.BumpAsync(org);
        Assert.Equal(1, await epochs.CurrentAsync(org, Cancel));
    }

    [Fact]
    public async Task Streams_are_cut_when_storage_is_away_and_their_right_cannot_be_checked()
    {
        var instance = new Instance(tables, time);
        var cut = 0;
        using var stream = instance.Epochs.Watch(org, async token => await instance.Epochs.CurrentAsync(org, token) >= 0, () => cut++);
        await instance.Epochs.PollAsync(Cancel);
        Assert.Equal(0, cut);
        tables.Away = true;
        time.Advance(TimeSpan.FromSeconds(1));
        await instance.Epochs.PollAsync(Cancel);
        Assert.Equal(1, cut);
    }
}
