using Kontext.Functions.Retention;

namespace Kontext.Functions.Triggers;

/// <summary>Deletes a part of what has expired.</summary>
internal sealed class ExpirySweepTimer(ExpirySweep sweep) : ITimerTrigger
{
    /// <inheritdoc/>
    public string Name => "fn-expiry-sweep";

    /// <inheritdoc/>
    public TimeSpan Every => TimeSpan.FromHours(1);

    /// <inheritdoc/>
    public Task RunAsync(CancellationToken cancellationToken) => sweep.RunAsync(cancellationToken);
}
