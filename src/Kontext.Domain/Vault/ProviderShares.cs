using System.Collections.Concurrent;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Vault;

/// <summary>Bounds how much an instance asks of one provider at a time in the background: one that hangs must not keep the others waiting.</summary>
/// <param name="each">The share of each provider.</param>
internal sealed class ProviderShares(int each)
{
    private readonly ConcurrentDictionary<string, SemaphoreSlim> shares = new(StringComparer.Ordinal);

    /// <summary>A place, to be disposed of; null when none became free in time.</summary>
    public async Task<IDisposable?> TryEnterAsync(Integration? integration, TimeSpan patience, CancellationToken cancellationToken)
    {
        var share = shares.GetOrAdd(ProviderOf(integration), _ => new SemaphoreSlim(each));
        return await share.WaitAsync(patience, cancellationToken) ? new Place(share) : null;
    }

    /// <summary>Integrations of all organizations at one provider share its trouble.</summary>
    private static string ProviderOf(Integration? integration) =>
        integration?.OAuth is { } app ? app.Provider ?? app.Issuer ?? app.TokenUrl ?? integration.Url ?? "" : integration?.Url ?? "";

    private sealed class Place(SemaphoreSlim share) : IDisposable
    {
        public void Dispose() => share.Release();
    }
}
