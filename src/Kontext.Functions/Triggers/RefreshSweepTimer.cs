using Kontext.Domain.Vault;

namespace Kontext.Functions.Triggers;

/// <summary>Queues the refresh of connections before their access tokens end.</summary>
internal sealed class RefreshSweepTimer(RefreshSweep sweep) : ITimerTrigger
{
    /// <inheritdoc/>
    public string Name => "fn-refresh-sweep";

    /// <inheritdoc/>
    public TimeSpan Every => TimeSpan.FromMinutes(1);

    /// <inheritdoc/>
    public Task RunAsync(CancellationToken cancellationToken) => sweep.RunAsync(cancellationToken);
}
