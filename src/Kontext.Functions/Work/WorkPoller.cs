using System.Diagnostics.CodeAnalysis;

namespace Kontext.Functions.Work;

/// <summary>Does what the Functions host's queue trigger does, when the program runs without it: receives, handles, tries again with growing waits, and gives up after five deliveries.</summary>
internal sealed class WorkPoller(IWorkSource source, WorkHandler handler, TimeProvider time, ILogger<WorkPoller> log) : BackgroundService
{
    /// <summary>After so many deliveries a message is given up, as host.json says for the host.</summary>
    public const int MaxDeliveries = 5;

    // As host.json says for the host, and more than a few providers' shares of it.
    private const int AtOnce = 32;

    // What takes longer is handed out again and finds its row taken.
    private static readonly TimeSpan Hidden = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "Whatever went wrong with the queue, the next poll comes; the error is logged.")]
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var pause = ShortestPause;
        using var free = new SemaphoreSlim(AtOnce);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                // One that takes long keeps its own place only.
                await free.WaitAsync(stoppingToken);
                free.Release();
                var received = await source.ReceiveAsync(free.CurrentCount, Hidden, stoppingToken);
                foreach (var work in received)
                {
                    await free.WaitAsync(CancellationToken.None);
                    _ = HandleAsync(work, free, stoppingToken);
                }
                pause = received.Count > 0 ? ShortestPause : pause * 2 < LongestPause ? pause * 2 : LongestPause;
                if (received.Count == 0)
                    await Task.Delay(pause, time, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (Exception failure)
            {
                Log.QueueUnavailable(log, failure);
                await Task.Delay(LongestPause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        // What is under way ends with the program's own limits; what does not is delivered again.
        for (var place = 0; place < AtOnce; place++)
            await free.WaitAsync(CancellationToken.None);
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "Whatever went wrong with the queue, the message comes again; the error is logged.")]
    private async Task HandleAsync(ReceivedWork work, SemaphoreSlim free, CancellationToken stoppingToken)
    {
        try
        {
            await HandleAsync(work, stoppingToken);
        }
        catch (Exception failure)
        {
            // The queue did not take the outcome, so that the message comes again.
            Log.QueueUnavailable(log, failure);
        }
        finally
        {
            free.Release();
        }
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "Whatever went wrong, the message comes again or is given up; the error is logged.")]
    private async Task HandleAsync(ReceivedWork work, CancellationToken stoppingToken)
    {
        try
        {
            // A message that ends the process every time never gets to fail.
            if (work.Deliveries > MaxDeliveries)
                await handler.GiveUpAsync(work.Body, stoppingToken);
            else
                await handler.RunAsync(work.Body, stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            return;
        }
        catch (Exception failure)
        {
            Log.WorkFailed(log, work.Deliveries, failure);
            if (work.Deliveries < MaxDeliveries)
            {
                await source.ReleaseAsync(work, TimeSpan.FromSeconds(1 << (int)Math.Min(work.Deliveries, 5)), stoppingToken);
                return;
            }
            await handler.GiveUpAsync(work.Body, stoppingToken);
        }
        await source.CompleteAsync(work, CancellationToken.None);
    }
}
