using Kontext.Functions.Retention;

namespace Kontext.Functions.Triggers;

/// <summary>Archives, once a day, what is older than the audit trail is to be kept. It runs more often so that a day's work that was cut off is taken up again.</summary>
/// <param name="retention">One, or none while everything is kept.</param>
internal sealed class AuditRetentionTimer(IEnumerable<AuditRetention> retention) : ITimerTrigger
{
    /// <inheritdoc/>
    public string Name => "fn-audit-retention";

    /// <inheritdoc/>
    public TimeSpan Every => TimeSpan.FromHours(1);

    /// <inheritdoc/>
    public Task RunAsync(CancellationToken cancellationToken) => retention.FirstOrDefault()?.RunAsync(cancellationToken) ?? Task.CompletedTask;
}
