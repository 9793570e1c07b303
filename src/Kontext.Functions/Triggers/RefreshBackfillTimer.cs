using Kontext.Domain.Vault;

namespace Kontext.Functions.Triggers;

/// <summary>Sees to it, once a day, that every connection is noted for its refresh. It runs more often so that a day's work that was cut off is taken up again.</summary>
internal sealed class RefreshBackfillTimer(RefreshBackfill backfill) : ITimerTrigger
{
    /// <inheritdoc/>
    public string Name => "fn-refresh-backfill";

    /// <inheritdoc/>
    public TimeSpan Every => TimeSpan.FromMinutes(15);

    /// <inheritdoc/>
    public Task RunAsync(CancellationToken cancellationToken) => backfill.RunAsync(cancellationToken);
}
