using Kontext.Domain.Revocations;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Triggers;

/// <summary>Looks at the ends of credentials: queues the refresh of connections before their access tokens end, and records that credentials which agents were given have ended. One timer, since every function is billed by itself (docs/costs.md).</summary>
internal sealed class RefreshSweepTimer(RefreshSweep refreshes, CredentialEndSweep ends) : ITimerTrigger
{
    /// <inheritdoc/>
    public string Name => "fn-refresh-sweep";

    /// <inheritdoc/>
    public TimeSpan Every => TimeSpan.FromMinutes(1);

    /// <inheritdoc/>
    public Task RunAsync(CancellationToken cancellationToken) => Task.WhenAll(refreshes.RunAsync(cancellationToken), ends.RunAsync(cancellationToken));
}
