using System.Collections.Concurrent;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Refresh;

/// <summary>The wire between all processes and a provider's token endpoint; each integration has a path of its own there, and may have a rule of its own.</summary>
internal sealed class TokenRelay : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, RefreshSteps> watched = new(StringComparer.Ordinal);
    private readonly Wire wire;

    private TokenRelay(Wire wire)
    {
        this.wire = wire;
        wire.Rule = async (request, pass) =>
            watched.TryGetValue(request.Target.Split('/')[2], out var steps) ? await steps.OnProviderAsync(pass) : await pass();
    }

    /// <summary>Where it is.</summary>
    public Uri Address => wire.Address;

    /// <summary>Opens it.</summary>
    public static async Task<TokenRelay> OpenAsync(UpstreamIdp provider) => new(await Wire.OpenAsync(new Uri(provider.Issuer)));

    /// <summary>Asking for this integration is a step from now on.</summary>
    public void Watch(string service, RefreshSteps steps) => watched[service] = steps;

    /// <summary>Nobody watches it any more.</summary>
    public void Leave(string service) => watched.TryRemove(service, out _);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => wire.DisposeAsync();
}
