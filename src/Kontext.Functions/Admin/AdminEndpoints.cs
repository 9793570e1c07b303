using Kontext.Functions.Admin.Overview;

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
    }

    public static IServiceCollection AddKontextAdministration(this IServiceCollection services) => services
        .AddSingleton<ManagementApi>()
        .AddSingleton<AdminPages>();
}
