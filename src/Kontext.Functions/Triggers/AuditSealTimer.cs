using Kontext.Functions.Storage;

namespace Kontext.Functions.Triggers;

/// <summary>Signs a checkpoint over the audit chains that grew since the last one.</summary>
internal sealed class AuditSealTimer(AuditSeal seal) : ITimerTrigger
{
    /// <inheritdoc/>
    public string Name => "fn-audit-seal";

    /// <inheritdoc/>
    public TimeSpan Every => TimeSpan.FromMinutes(5);

    /// <inheritdoc/>
    public Task RunAsync(CancellationToken cancellationToken) => seal.RunAsync(cancellationToken);
}
