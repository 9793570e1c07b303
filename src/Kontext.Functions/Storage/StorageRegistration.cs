using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Revocations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Functions.Health;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Kontext.Functions.Storage;

/// <summary>Puts storage and the stores together.</summary>
internal static class StorageRegistration
{
    private const string Memory = "memory";

    /// <summary>Registers the tables that <see cref="KontextSettings.Storage"/> names, the epoch feed with its poll, the cache and every store, all as singletons.</summary>
    /// <exception cref="InvalidSettingException">The setting is none of the three forms.</exception>
    public static IServiceCollection AddKontextStorage(this IServiceCollection services, KontextSettings settings)
    {
        services.TryAddSingleton(TimeProvider.System);
        if (settings.Storage == Memory)
            services.AddSingleton<ITableSource, MemoryTables>();
        else
        {
            var account = StorageAccount.Parse(settings.Storage);
            services.AddSingleton<ITableSource>(provider => new TableService(account, provider.GetRequiredService<TimeProvider>()));
        }
        services.AddSingleton<IDependency, StorageReadiness>();
        services.AddSingleton<EpochFeed>();
        services.AddHostedService(provider => provider.GetRequiredService<EpochFeed>());
        services.AddSingleton<FreshCache>();
        services.AddSingleton<ClientIndex>();
        services.AddSingleton<IOrganizationStore, OrganizationStore>();
        services.AddSingleton<IUserStore, UserStore>();
        services.AddSingleton<IApplicationStore, ApplicationStore>();
        services.AddSingleton<IToolPinStore, ToolPinStore>();
        services.AddSingleton<IMcpSessionNotes, McpSessionNotes>();
        services.AddSingleton<ICapabilityRequestStore, CapabilityRequestStore>();
        services.AddSingleton<ISessionStore, SessionStore>();
        services.AddSingleton<IServiceAccountStore, ServiceAccountStore>();
        services.AddSingleton<IIntegrationStore, IntegrationStore>();
        services.AddSingleton<IPolicyStore, PolicyStore>();
        services.AddSingleton<IApprovalStore, ApprovalStore>();
        services.AddSingleton<IConnectionStore, ConnectionStore>();
        services.AddSingleton<IIssuedCredentials, IssuedCredentialStore>();
        services.AddSingleton<ICredentialEnds, CredentialEnds>();
        return services;
    }
}
