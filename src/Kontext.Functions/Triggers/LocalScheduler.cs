namespace Kontext.Functions.Triggers;

/// <summary>Does what the Functions host's timers do, when the program runs without the host: each timer at its interval, one run of each at a time.</summary>
internal sealed class LocalScheduler(IEnumerable<ITimerTrigger> triggers, KontextSettings settings, TimeProvider time, ILogger<LocalScheduler> log) : BackgroundService
{
    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        settings.HandlerPort is null ? Task.WhenAll(triggers.Select(trigger => RepeatAsync(trigger, stoppingToken))) : Task.CompletedTask;

    private async Task RepeatAsync(ITimerTrigger trigger, CancellationToken stoppingToken)
    {
        using var due = new PeriodicTimer(trigger.Every, time);
        try
        {
            while (await due.WaitForNextTickAsync(stoppingToken))
                await TriggerRun.RunAsync(trigger.Name, trigger.RunAsync, log, time, stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The program is stopping.
        }
    }
}
