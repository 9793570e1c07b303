using Kontext.Functions.Storage;

namespace Kontext.Functions.Triggers;

/// <summary>Carries what is new in the audit trail over to the tables that traces and their figures are read from.</summary>
internal sealed class TraceRollupTimer(TraceRollup rollup) : ITimerTrigger
{
    /// <inheritdoc/>
    public string Name => "fn-trace-rollup";

    /// <inheritdoc/>
    public TimeSpan Every => TimeSpan.FromMinutes(1);

    /// <inheritdoc/>
    public Task RunAsync(CancellationToken cancellationToken) => rollup.RunAsync(cancellationToken);
}
