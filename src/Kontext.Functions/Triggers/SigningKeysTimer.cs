using Kontext.Functions.OAuth;

namespace Kontext.Functions.Triggers;

/// <summary>Replaces the signing key when it is old enough, and puts away keys whose tokens have all ended.</summary>
internal sealed class SigningKeysTimer(SigningKeyRotation rotation) : ITimerTrigger
{
    /// <inheritdoc/>
    public string Name => "fn-signing-keys";

    /// <inheritdoc/>
    public TimeSpan Every => TimeSpan.FromHours(1);

    /// <inheritdoc/>
    public Task RunAsync(CancellationToken cancellationToken) => rotation.RunDueAsync(cancellationToken);
}
