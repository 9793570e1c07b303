namespace Kontext.Functions.Tests.Triggers;

public sealed class LocalSchedulerTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(5);

    [Fact]
    public async Task Alone_the_program_runs_its_timers_again_and_again()
    {
        var timer = new RecordingTimer("fn-test", Soon);
        await using var app = new HandlerApp(underHost: false, timer);
        using var client = app.CreateClient();
        for (var run = 0; run < 3; run++)
            await timer.NextRunAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_timer_that_fails_runs_again_and_keeps_no_other_from_running()
    {
        var failing = new RecordingTimer("fn-failing", Soon) { Fails = new InvalidOperationException() };
        var other = new RecordingTimer("fn-other", Soon);
        await using var app = new HandlerApp(underHost: false, failing, other);
        using var client = app.CreateClient();
        for (var run = 0; run < 2; run++)
        {
            await failing.NextRunAsync(TestContext.Current.CancellationToken);
            await other.NextRunAsync(TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task Under_the_host_only_the_host_starts_timers()
    {
        var hosted = new RecordingTimer("fn-test", Soon);
        var alone = new RecordingTimer("fn-test", Soon);
        await using var underHost = new HandlerApp(underHost: true, hosted);
        using var first = underHost.CreateClient();
        await using var byItself = new HandlerApp(underHost: false, alone);
        using var second = byItself.CreateClient();
        for (var run = 0; run < 5; run++)
            await alone.NextRunAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, hosted.Runs);
    }
}
