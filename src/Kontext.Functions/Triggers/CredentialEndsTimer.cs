using Kontext.Domain.Revocations;

namespace Kontext.Functions.Triggers;

/// <summary>Records that credentials which agents were given have ended.</summary>
internal sealed class CredentialEndsTimer(CredentialEndSweep sweep) : ITimerTrigger
{
    /// <inheritdoc/>
    public string Name => "fn-credential-ends";

    /// <inheritdoc/>
    public TimeSpan Every => TimeSpan.FromMinutes(1);

    /// <inheritdoc/>
    public Task RunAsync(CancellationToken cancellationToken) => sweep.RunAsync(cancellationToken);
}
