using System.Globalization;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Account;
using Kontext.Functions.Admin.Applications;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Audit;

/// <summary>What happened: the audit trail, its export and verification, traces, and work that was given up.</summary>
internal static class AuditEndpoints
{
    /// <summary>Where the trail is.</summary>
    public const string Path = AdminEndpoints.Path + "/audit";

    /// <summary>Where failed work is.</summary>
    public const string WorkPath = AdminEndpoints.Path + "/work";

    private const int PageSize = 50;
    private static readonly string[] Filters = ["hours", "type", "status", "applicationId", "userId", "integrationId"];

    public static void Map(RouteGroupBuilder console)
    {
        console.MapGet("/audit", (HttpContext context, AdminPages pages, TimeProvider time) => pages.ShowAsync<AuditPage>(context, visit => ViewAsync(visit, null, time)));
        console.MapGet("/audit/verification", (HttpContext context, AdminPages pages, TimeProvider time) => pages.ShowAsync<AuditPage>(context, visit => VerifyAsync(visit, time)));
        console.MapGet("/audit/export", (HttpContext context, AdminPages pages) => pages.AnswerAsync(context, visit => Task.FromResult(Result.Of(Export(visit)))));
        console.MapGet("/work", (HttpContext context, AdminPages pages) => pages.ShowAsync<WorkPage>(context, WorkAsync));
        console.MapPost("/work/{id:guid}/replay", (Guid id, HttpContext context, AdminPages pages) => pages.PostAsync(context, WorkPath, (visit, _) => ReplayAsync(visit, id)));
        console.MapPost("/work/{id:guid}/dismiss", (Guid id, HttpContext context, AdminPages pages) => pages.PostAsync(context, WorkPath, (visit, form) => DismissAsync(visit, id, form)));
        TraceEndpoints.Map(console);
    }

    /// <summary>Applications to choose from.</summary>
    public static async Task<Result<IReadOnlyList<(string Id, string Name)>>> ApplicationsAsync(AdminVisit visit) =>
        (await visit.AllAsync("/applications", ApiJson.Default.ApplicationListBody, list => (list.Items, list.NextCursor), 1000)).TryGet(out var all, out var failure)
            ? Result.Of<IReadOnlyList<(string, string)>>([.. all.Select(application => (application.Id, application.Name)).OrderBy(application => application.Name, StringComparer.OrdinalIgnoreCase)])
            : failure;

    /// <summary>The people something was done for lately, to choose from.</summary>
    public static async Task<Result<IReadOnlyList<(string Id, string Name)>>> PeopleAsync(AdminVisit visit) =>
        (await visit.GetAsync("/audit/events?limit=200", ApiJson.Default.AuditEventListBody)).TryGet(out var list, out var failure)
            ? Result.Of<IReadOnlyList<(string, string)>>([.. list.Items.Select(item => item.User).OfType<AuditPartyBody>().DistinctBy(user => user.Id).Select(user => (user.Id, user.Name ?? user.Id)).OrderBy(user => user.Item2, StringComparer.OrdinalIgnoreCase)])
            : failure;

    private static async Task<Result<AdminModel>> ViewAsync(AdminVisit visit, AuditVerificationBody? verification, TimeProvider time)
    {
        var filter = FormState.Of(Filters.Select(name => (name, visit.Query(name))));
        var query = QueryString.Create([
            .. Filters.Where(name => filter[name] is not null).Select(name => KeyValuePair.Create(name, filter[name])),
            KeyValuePair.Create<string, string?>("limit", (PageSize + 1).ToString(CultureInfo.InvariantCulture)), KeyValuePair.Create("until", visit.Query("cursor"))]);
        if (!(await visit.GetAsync("/audit/events" + query, ApiJson.Default.AuditEventListBody)).TryGet(out var list, out var failure)
            || !(await ApplicationsAsync(visit)).TryGet(out var applications, out failure)
            || !(await ApplicationsEndpoints.IntegrationsAsync(visit)).TryGet(out var integrations, out failure))
            return failure;
        return new AuditModel(
            visit.Frame, filter, [.. list.Items.Take(PageSize)], list.Items.Count > PageSize ? list.Items[PageSize].Timestamp : list.LookedBackTo, list.LookedBackTo, list.Archived, applications,
            [.. integrations.Select(integration => (integration.Id, integration.Name)).OrderBy(integration => integration.Name, StringComparer.OrdinalIgnoreCase)],
            time.GetUtcNow().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), verification);
    }

    private static async Task<Result<AdminModel>> VerifyAsync(AdminVisit visit, TimeProvider time) =>
        (await visit.GetAsync($"/audit/verification?days={Uri.EscapeDataString(visit.Query("days") ?? "1")}", ApiJson.Default.AuditVerificationBody)).TryGet(out var verification, out var failure)
            ? await ViewAsync(visit, verification, time)
            : failure;

    private static IResult Export(AdminVisit visit) =>
        visit.Download($"/audit/export?from={Uri.EscapeDataString(visit.Query("from") ?? "")}&to={Uri.EscapeDataString(visit.Query("to") ?? "")}");

    private static async Task<Result<AdminModel>> WorkAsync(AdminVisit visit) =>
        (await visit.GetAsync("/work/failed", ApiJson.Default.FailedWorkListBody)).TryGet(out var list, out var failure) ? new WorkModel(visit.Frame, list.Items) : failure;

    private static async Task<Result<Posted>> ReplayAsync(AdminVisit visit, Guid id) =>
        (await visit.SendAsync(HttpMethods.Post, $"/work/failed/{id:D}/replay")).TryGet(out _, out var failure) ? new Posted.To(WorkPath, "It is queued again.") : failure;

    private static async Task<Result<Posted>> DismissAsync(AdminVisit visit, Guid id, OAuthParameters form)
    {
        if (!SignedInPages.IsConfirmed(form))
            return new Posted.Question("Dismiss this work?", WorkPage.DismissQuestion, "Dismiss");
        return (await visit.SendAsync(HttpMethods.Delete, $"/work/failed/{id:D}")).TryGet(out _, out var failure) ? new Posted.To(WorkPath, "It is dismissed.") : failure;
    }
}
