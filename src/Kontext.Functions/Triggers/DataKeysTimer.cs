using Kontext.Functions.Storage;

namespace Kontext.Functions.Triggers;

/// <summary>Encrypts anew what is under data keys that were replaced.</summary>
internal sealed class DataKeysTimer(ResealSweep sweep) : ITimerTrigger
{
    /// <inheritdoc/>
    public string Name => "fn-data-keys";

    /// <inheritdoc/>
    public TimeSpan Every => TimeSpan.FromMinutes(15);

    /// <inheritdoc/>
    public Task RunAsync(CancellationToken cancellationToken) => sweep.RunAsync(cancellationToken);
}
