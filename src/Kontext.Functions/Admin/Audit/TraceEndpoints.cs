using Kontext.Domain;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Audit;

/// <summary>Traces: what belongs together, and how long each step took.</summary>
internal static class TraceEndpoints
{
    /// <summary>Where they are.</summary>
    public const string Path = AdminEndpoints.Path + "/traces";

    private static readonly string[] Filters = ["agentId", "userId", "sessionId"];

    public static void Map(RouteGroupBuilder console)
    {
        console.MapGet("/traces", (HttpContext context, AdminPages pages) => pages.ShowAsync<TracesPage>(context, ListAsync));
        console.MapGet("/traces/{traceId}", (string traceId, HttpContext context, AdminPages pages) => pages.ShowAsync<TracePage>(context, visit => ReadAsync(visit, traceId)));
    }

    private static async Task<Result<AdminModel>> ListAsync(AdminVisit visit)
    {
        var filter = FormState.Of(Filters.Select(name => (name, visit.Query(name))));
        var query = QueryString.Create([
            .. Filters.Where(name => filter[name] is not null).Select(name => KeyValuePair.Create(name, filter[name])),
            KeyValuePair.Create<string, string?>("limit", "50"), KeyValuePair.Create("cursor", visit.Query("cursor")), KeyValuePair.Create("until", visit.Query("until"))]);
        if (!(await visit.GetAsync("/traces" + query, ApiJson.Default.TraceListBody)).TryGet(out var list, out var failure)
            || !(await AuditEndpoints.ApplicationsAsync(visit)).TryGet(out var applications, out failure))
            return failure;
        return new TracesModel(visit.Frame, filter, list.Items, list.NextCursor, list.LookedBackTo, applications);
    }

    private static async Task<Result<AdminModel>> ReadAsync(AdminVisit visit, string traceId) =>
        (await visit.GetAsync($"/traces/{Uri.EscapeDataString(traceId)}", ApiJson.Default.TraceEnvelope)).TryGet(out var found, out var failure)
            ? new TraceModel(visit.Frame, found.Trace, found.Events, found.More == true)
            : failure;
}
