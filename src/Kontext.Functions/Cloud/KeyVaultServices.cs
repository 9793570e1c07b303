using Azure.Identity;
using Kontext.Domain.Vault;
using Kontext.Functions.Health;
using Kontext.Functions.Local;
using Kontext.Functions.Storage;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Kontext.Functions.Cloud;

/// <summary>Registers what keeps keys and credentials in Key Vault.</summary>
internal static class KeyVaultServices
{
    /// <summary>Adds the key vaults, the data keys in them, and the vault of credentials over both forms. <paramref name="before"/> are keys in files from before.</summary>
    public static IServiceCollection AddKeyVault(this IServiceCollection services, KeyVaultSettings settings, LocalKeys? before)
    {
        services.TryAddSingleton(_ =>
        {
            var credential = new DefaultAzureCredential();
            return new KeyVaults(settings.Vaults.Select(address => new KeyVault(address, credential, transport: null)));
        });
        services.AddSingleton<IDependency>(provider => provider.GetRequiredService<KeyVaults>());
        services.AddSingleton(provider => new KeyVaultDataKeys(provider.GetRequiredService<ITableSource>(), provider.GetRequiredService<KeyVaults>(), before, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IDataKeys>(provider => provider.GetRequiredService<KeyVaultDataKeys>());
        services.AddSingleton(provider => new KeyVaultCredentialVault(
            provider.GetRequiredService<ITableSource>(), provider.GetRequiredService<EnvelopeVault>(), provider.GetRequiredService<KeyVaults>(), settings.Credentials, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<VaultMove>();
        services.AddSingleton<ICredentialVault>(provider => provider.GetRequiredService<KeyVaultCredentialVault>());
        return services;
    }
}
