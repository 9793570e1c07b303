using Kontext.Domain;
using Kontext.Functions.Admin.Audit;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Access;

/// <summary>Who may reach what through which application.</summary>
internal static class AccessEndpoints
{
    /// <summary>Where it is.</summary>
    public const string Path = AdminEndpoints.Path + "/access";

    private const int ApplicationsAtOnce = 20;

    public static void Map(RouteGroupBuilder console) => console.MapGet("/access", (HttpContext context, AdminPages pages) => pages.ShowAsync<AccessPage>(context, ViewAsync));

    private static async Task<Result<AdminModel>> ViewAsync(AdminVisit visit)
    {
        var chosen = visit.Query("applicationId");
        var cursor = visit.Query("cursor") is { } next ? "&cursor=" + Uri.EscapeDataString(next) : "";
        var address = chosen is null ? $"/applications/access-graph?limit={ApplicationsAtOnce}{cursor}" : $"/applications/{Uri.EscapeDataString(chosen)}/access-graph";
        if (!(await visit.GetAsync(address, ApiJson.Default.AccessGraphBody)).TryGet(out var graph, out var failure)
            || !(await AuditEndpoints.ApplicationsAsync(visit)).TryGet(out var applications, out failure))
            return failure;
        var picture = AccessPicture.Of(graph);
        return new AccessModel(visit.Frame, picture, AccessWay.Of(graph), graph.Truncated || picture.LeftOut, graph.NextCursor, applications, chosen, graph.Enforced);
    }
}
