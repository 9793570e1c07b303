using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;
using Kontext.Functions.Storage;
using Kontext.Functions.Upstream;

namespace Kontext.Functions.Connect;

/// <summary>Registers connections: refresh, connect flow, provider catalog and client.</summary>
internal static class ConnectServices
{
    /// <summary>Needs, from elsewhere: tables, vault, sealer, connection, application and integration stores, audit log, time, pages.</summary>
    public static IServiceCollection AddKontextConnections(this IServiceCollection services, KontextSettings settings) => services
        .AddSingleton(new ConnectAddresses(settings.Issuer))
        .AddSingleton(_ => ProviderCatalog.Load())
        .AddSingleton<IPlatformProviderApps, PlatformProviderApps>()
        .AddSingleton<IProviderClient>(provider => new HttpProviderClient(
            GuardedHttp.Create(settings.AllowPrivateUpstreams), settings.AllowPrivateUpstreams, CredentialRefresh.CallLimit, provider.GetRequiredService<TimeProvider>()))
        .AddSingleton<IAuthorizationDiscovery>(provider => new HttpAuthorizationDiscovery(
            GuardedHttp.Create(settings.AllowPrivateUpstreams), settings.AllowPrivateUpstreams, settings.PublicUrl, provider.GetRequiredService<TimeProvider>()))
        .AddSingleton<IMcpAuthorizationStore, McpAuthorizationStore>()
        .AddSingleton<IssuerDirectory>()
        .AddSingleton<UpstreamClients>()
        .AddSingleton<McpAuthorizationServers>()
        .AddSingleton<IConnectStateStore, ConnectStateStore>()
        .AddSingleton<IConnectSessionStore, ConnectSessionStore>()
        .AddSingleton<ConnectLinks>()
        .AddSingleton<IConnectLinks>(provider => provider.GetRequiredService<ConnectLinks>())
        .AddSingleton<ConnectStates>()
        .AddSingleton<GrantVault>()
        .AddSingleton<ProviderDirectory>()
        .AddSingleton<GrantRemoval>()
        .AddSingleton<IParkedGrants, ParkedGrantStore>()
        .AddSingleton<RevocationRetry>()
        .AddSingleton<IRefreshSchedule, RefreshSchedule>()
        .AddSingleton<RefreshFiling>()
        .AddSingleton<RefreshesUnderWay>()
        .AddHostedService<RefreshDrain>()
        .AddSingleton<RefreshOutcome>()
        .AddSingleton<LeasedRefresh>()
        .AddSingleton<CredentialRefresh>()
        .AddSingleton<RefreshSweep>()
        .AddSingleton<RefreshWork>()
        .AddSingleton<IConnectionWalk, ConnectionWalk>()
        .AddSingleton<IDailyWork, DailyWork>()
        .AddSingleton<RefreshBackfill>()
        .AddSingleton<ConnectionSources>()
        .AddSingleton<ConnectionCredentials>()
        .AddSingleton<ConnectionWriter>()
        .AddSingleton<ConnectFlow>()
        .AddSingleton<ProvidedTokens>()
        .AddSingleton<McpToolNames>()
        .AddSingleton<CredentialCheck>()
        .AddSingleton<ConnectionValidation>()
        .AddSingleton(settings.Validation)
        .AddSingleton<IValidationSchedule, ValidationSchedule>()
        .AddSingleton<ValidationSweep>()
        .AddSingleton<ValidationWork>()
        .AddSingleton<Disconnection>()
        .AddSingleton(provider => ActivatorUtilities.CreateInstance<ConnectGuests>(provider, settings))
        .AddSingleton(provider => ActivatorUtilities.CreateInstance<PersonalCallback>(provider, settings))
        .AddSingleton<ConnectionClearing>()
        .AddSingleton<ConnectPageBuilder>()
        .AddSingleton<ConnectOrigins>()
        .AddSingleton<InterruptedConnections>();
}
