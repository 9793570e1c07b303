using Kontext.Domain.Webhooks;

namespace Kontext.Functions.Triggers;

/// <summary>Queues again what webhooks should have been sent and were not.</summary>
internal sealed class WebhookSweepTimer(WebhookSweep sweep) : ITimerTrigger
{
    /// <inheritdoc/>
    public string Name => "fn-webhook-sweep";

    /// <inheritdoc/>
    public TimeSpan Every => TimeSpan.FromMinutes(5);

    /// <inheritdoc/>
    public Task RunAsync(CancellationToken cancellationToken) => sweep.RunAsync(cancellationToken);
}
