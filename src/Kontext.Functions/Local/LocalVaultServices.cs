using Kontext.Domain.Vault;
using Kontext.Functions.Storage;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Kontext.Functions.Local;

/// <summary>Registers vault and sealer over local keys.</summary>
internal static class LocalVaultServices
{
    /// <summary>Adds <see cref="ICredentialVault"/>, <see cref="ISealer"/> and <see cref="IDataKeys"/>. Checks the key folder at once, so that the program does not start on keys that others can read.</summary>
    public static IServiceCollection AddKontextVault(this IServiceCollection services, KontextSettings settings)
    {
        services.TryAddSingleton(TimeProvider.System);
        var keys = new LocalKeys(settings.KeyDirectory, TimeProvider.System);
        services.AddSingleton<IDataKeys>(_ => keys);
        services.AddSingleton<ICredentialVault, EnvelopeVault>();
        services.AddSingleton<ISealer, Sealer>();
        return services;
    }
}
