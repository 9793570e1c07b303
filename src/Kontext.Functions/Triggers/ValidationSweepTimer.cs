using Kontext.Domain.Vault;

namespace Kontext.Functions.Triggers;

/// <summary>Queues questions about connections nothing was heard of for long.</summary>
internal sealed class ValidationSweepTimer(ValidationSweep sweep) : ITimerTrigger
{
    /// <inheritdoc/>
    public string Name => "fn-validation-sweep";

    /// <inheritdoc/>
    public TimeSpan Every => TimeSpan.FromMinutes(5);

    /// <inheritdoc/>
    public Task RunAsync(CancellationToken cancellationToken) => sweep.RunAsync(cancellationToken);
}
