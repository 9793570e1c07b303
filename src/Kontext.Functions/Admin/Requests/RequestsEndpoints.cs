using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Account;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Requests;

/// <summary>What agents asked for and do not have: seen, granted, declined.</summary>
internal static class RequestsEndpoints
{
    /// <summary>Where they are.</summary>
    public const string Path = AdminEndpoints.Path + "/requests";

    public static void Map(RouteGroupBuilder console)
    {
        var group = console.MapGroup("/requests");
        group.MapGet("", (HttpContext context, AdminPages pages) => pages.ShowAsync<RequestsPage>(context, ViewAsync));
        group.MapPost("/{id}", (string id, HttpContext context, AdminPages pages) => pages.PostAsync(context, Path, (visit, form) => ResolveAsync(visit, id, form)));
    }

    private static async Task<Result<AdminModel>> ViewAsync(AdminVisit visit)
    {
        if (!(await visit.GetAsync("/capability-requests", ApiJson.Default.CapabilityRequestListBody)).TryGet(out var list, out var failure))
            return failure;
        // Who waits longest is first; what was decided last is first.
        return new RequestsModel(
            visit.Frame, [.. list.Items.Where(request => request.Status == "open").Reverse()],
            [.. list.Items.Where(request => request.Status != "open").OrderByDescending(request => request.ResolvedAt, StringComparer.Ordinal)]);
    }

    private static async Task<Result<Posted>> ResolveAsync(AdminVisit visit, string id, OAuthParameters form)
    {
        var resolution = new CapabilityResolution(form["decision"], form["note"]);
        if (!(await visit.SendAsync(HttpMethods.Post, $"/capability-requests/{Uri.EscapeDataString(id)}/resolve", resolution, ApiJson.Default.CapabilityResolution, ApiJson.Default.CapabilityRequestEnvelope)).TryGet(out var resolved, out var failure))
            return failure;
        var request = resolved.CapabilityRequest;
        return new Posted.To(Path, request.Status == "granted" ? $"{request.Capability} is granted. {request.ApplicationName} is told when it asks again." : $"{request.Capability} is declined. {request.ApplicationName} is told when it asks again.");
    }
}
