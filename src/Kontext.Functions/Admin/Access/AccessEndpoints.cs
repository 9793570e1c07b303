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
        return new AccessModel(visit.Frame, picture, WaysOf(graph), graph.Truncated || picture.LeftOut, graph.NextCursor, applications, chosen);
    }

    private static List<AccessWay> WaysOf(AccessGraphBody graph)
    {
        var names = graph.Nodes.ToDictionary(node => node.Id, node => node.Name, StringComparer.Ordinal);
        var connected = graph.Edges.Where(edge => edge.Type == "connected").Select(edge => (edge.From, edge.To)).ToHashSet();
        var denied = graph.Edges.Where(edge => edge.Type == "denied").DistinctBy(edge => (edge.From, edge.To, edge.Via)).ToDictionary(edge => (edge.From, edge.To, edge.Via), edge => edge.DeniedBy ?? "policy");
        var ways = new List<AccessWay>();
        foreach (var attached in graph.Edges.Where(edge => edge.Type == "attached"))
        {
            var people = graph.Edges.Where(edge => edge.Type == "approved" && edge.Via == attached.From && edge.To == attached.To).ToList();
            var byItself = denied.GetValueOrDefault((attached.From, attached.To, null));
            if (people.Count == 0)
                ways.Add(new AccessWay(null, names[attached.From], names[attached.To], false, byItself));
            ways.AddRange(people.Select(person => new AccessWay(
                names[person.From], names[attached.From], names[attached.To], connected.Contains((person.From, attached.To)), denied.GetValueOrDefault((person.From, attached.To, attached.From), byItself!))));
        }
        return ways;
    }
}
