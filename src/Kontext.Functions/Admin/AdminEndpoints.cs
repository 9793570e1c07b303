using Kontext.Functions.Admin.Access;
using Kontext.Functions.Admin.Applications;
using Kontext.Functions.Admin.Audit;
using Kontext.Functions.Admin.Integrations;
using Kontext.Functions.Admin.Overview;
using Kontext.Functions.Admin.Policy;
using Kontext.Functions.Admin.Requests;
using Kontext.Functions.Admin.Revocation;
using Kontext.Functions.Admin.ServiceAccounts;
using Kontext.Functions.Admin.Settings;

namespace Kontext.Functions.Admin;

/// <summary>The administration pages under /console: the Functions host keeps /admin for itself.</summary>
internal static class AdminEndpoints
{
    /// <summary>Where they begin.</summary>
    public const string Path = "/console";

    public static void Map(WebApplication app)
    {
        app.Services.GetRequiredService<ManagementApi>().Attach(app);
        var console = app.MapGroup(Path).WithMetadata(new Surface(Authenticate: null, AdminPages.ErrorOf));
        OverviewEndpoints.Map(console);
        ApplicationsEndpoints.Map(console);
        IntegrationListEndpoints.Map(console);
        PolicyEndpoints.Map(console);
        AccessEndpoints.Map(console);
        RequestsEndpoints.Map(console);
        AuditEndpoints.Map(console);
        RevocationEndpoints.Map(console);
        ServiceAccountsEndpoints.Map(console);
        SettingsEndpoints.Map(console);
    }

    public static IServiceCollection AddKontextAdministration(this IServiceCollection services) => services
        .AddSingleton<ManagementApi>()
        .AddSingleton<AdminPages>()
        .AddSingleton<InstallationFacts>();
}
