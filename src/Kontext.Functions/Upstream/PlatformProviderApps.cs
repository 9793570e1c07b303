using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Upstream;

/// <summary>The operator's OAuth apps, from the settings <c>Providers__{key}__ClientId</c> and <c>Providers__{key}__ClientSecret</c>.</summary>
internal sealed class PlatformProviderApps(IConfiguration configuration) : IPlatformProviderApps
{
    /// <inheritdoc/>
    public (string ClientId, Secret? ClientSecret)? Find(string provider)
    {
        var providers = configuration.GetSection("Providers");
        var section = providers.GetSection(provider);
        // App settings of a Linux app have no hyphens: google-gmail is google_gmail there.
        if (!section.Exists())
            section = providers.GetSection(provider.Replace('-', '_'));
        return section["ClientId"] is { Length: > 0 } clientId
            ? (clientId, section["ClientSecret"] is { Length: > 0 } secret ? new Secret(secret) : null)
            : null;
    }
}
