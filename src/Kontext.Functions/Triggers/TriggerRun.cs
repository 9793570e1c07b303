using System.Diagnostics.CodeAnalysis;

namespace Kontext.Functions.Triggers;

/// <summary>One run of a trigger, the same under the Functions host and alone: one log line, and no exception gets past it.</summary>
internal static class TriggerRun
{
    /// <summary>Runs; false when it failed.</summary>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "Whatever went wrong, the next run comes; the error is logged and reported to the host.")]
    public static async Task<bool> RunAsync(string name, Func<CancellationToken, Task> run, ILogger log, TimeProvider time, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        try
        {
            await run(cancellationToken);
            Log.TriggerRan(log, name, time.GetElapsedTime(started).TotalMilliseconds);
            return true;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            Log.TriggerCutOff(log, name);
            return false;
        }
        catch (Exception failed)
        {
            Log.TriggerFailed(log, name, failed);
            return false;
        }
    }
}
