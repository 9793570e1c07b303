using Kontext.Domain.Vault;
using Kontext.Functions.Cloud;
using Kontext.Functions.Storage;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Kontext.Functions.Local;

/// <summary>Registers vault and sealer: over the key vaults that the settings name, or over keys in local files.</summary>
internal static class LocalVaultServices
{
    /// <summary>Adds <see cref="ICredentialVault"/>, <see cref="ISealer"/> and <see cref="IDataKeys"/>. Checks the key folder at once, so that the program does not start on keys that others can read.</summary>
    public static IServiceCollection AddKontextVault(this IServiceCollection services, KontextSettings settings)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<EnvelopeVault>();
        services.AddSingleton<ISealer, Sealer>();
        var files = settings.KeyDirectory is { } directory ? new LocalKeys(directory, TimeProvider.System) : null;
        if (settings.KeyVault is { } keyVault)
            return services.AddKeyVault(keyVault, files);
        if (files is null)
            throw new InvalidSettingException("Kontext__KeyDirectory is missing.");
        services.AddSingleton<IDataKeys>(_ => files);
        services.AddSingleton<ICredentialVault>(provider => provider.GetRequiredService<EnvelopeVault>());
        return services;
    }
}
