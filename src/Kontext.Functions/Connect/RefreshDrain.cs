using Kontext.Domain.Vault;

namespace Kontext.Functions.Connect;

/// <summary>Ends the program only after the refreshes it began, as far as it is given the time: an answer of a provider that nobody stores may cost a grant.</summary>
internal sealed class RefreshDrain(RefreshesUnderWay refreshes, ILogger<RefreshDrain> log) : IHostedService
{
    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        refreshes.BrokeOff += failure => Log.RefreshBrokeOff(log, failure);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => refreshes.DrainAsync(cancellationToken);
}
