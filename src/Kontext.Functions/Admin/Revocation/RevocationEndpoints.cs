using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Account;
using Kontext.Functions.Admin.Audit;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Revocation;

/// <summary>Cutting off, and the report of what that killed, what ends by itself, and what could not be killed.</summary>
internal static class RevocationEndpoints
{
    /// <summary>Where it is.</summary>
    public const string Path = AdminEndpoints.Path + "/revocation";

    public static void Map(RouteGroupBuilder console)
    {
        var group = console.MapGroup("/revocation");
        group.MapGet("", (HttpContext context, AdminPages pages) => pages.ShowAsync<RevocationsPage>(context, visit => ListAsync(visit, FormState.Of(
            ("type", visit.Query("type") ?? "application"), ("applicationId", visit.Query("applicationId")), ("userId", visit.Query("userId")), ("integrationId", visit.Query("integrationId"))))));
        group.MapPost("", (HttpContext context, AdminPages pages) => pages.PostAsync(context, Path, CutOffAsync));
        group.MapGet("/{id}", (CutOffId id, HttpContext context, AdminPages pages) => pages.ShowAsync<RevocationPage>(context, visit => ReadAsync(visit, id)));
        group.MapPost("/{id}/continue", (CutOffId id, HttpContext context, AdminPages pages) => pages.PostAsync(context, $"{Path}/{id}", (visit, _) => ContinueAsync(visit, id)));
        group.MapPost("/{id}/reinstate", (CutOffId id, HttpContext context, AdminPages pages) => pages.PostAsync(context, $"{Path}/{id}", (visit, form) => ReinstateAsync(visit, id, form)));
    }

    /// <summary>What a kind of cut-off stops, in words.</summary>
    public static string Words(string type) => type switch
    {
        "session" => "One session",
        "connection" => "One person's connection",
        "application" => "An application",
        "user" => "A person",
        "integration" => "An integration",
        _ => "Every agent of the organization",
    };

    private static async Task<Result<AdminModel>> ListAsync(AdminVisit visit, FormState form)
    {
        var cursor = visit.Query("cursor") is { } next ? "&cursor=" + Uri.EscapeDataString(next) : "";
        if (!(await visit.GetAsync("/revocations?limit=25" + cursor, ApiJson.Default.RevocationListBody)).TryGet(out var list, out var failure)
            || !(await AuditEndpoints.ApplicationsAsync(visit)).TryGet(out var applications, out failure)
            || !(await visit.AllAsync("/integrations", ApiJson.Default.IntegrationListBody, page => (page.Items, page.NextCursor), 1000)).TryGet(out var integrations, out failure)
            || !(await AuditEndpoints.PeopleAsync(visit)).TryGet(out var people, out failure))
            return failure;
        return new RevocationsModel(visit.Frame, list.Items, list.NextCursor, applications, [.. integrations.Select(integration => (integration.Id, integration.Name))], people, form);
    }

    private static async Task<Result<AdminModel>> ReadAsync(AdminVisit visit, CutOffId id) =>
        (await visit.GetAsync($"/revocations/{id}", ApiJson.Default.RevocationEnvelope)).TryGet(out var found, out var failure) ? new RevocationModel(visit.Frame, found.Revocation) : failure;

    private static async Task<Result<Posted>> CutOffAsync(AdminVisit visit, OAuthParameters form)
    {
        var type = form["type"];
        if (!SignedInPages.IsConfirmed(form))
            return new Posted.Question("Cut off?", $"{Words(type ?? "")} is stopped within a second, everywhere.", "Cut off");
        // Fields of other kinds may be filled in still: the form shows them all.
        var input = new NewRevocation
        {
            Type = type,
            ApplicationId = type is "application" or "session" ? form["applicationId"] : null,
            SessionId = type is "session" ? form["sessionId"] : null,
            UserId = type is "user" or "connection" ? form["userId"] : null,
            IntegrationId = type is "integration" or "connection" ? form["integrationId"] : null,
            Reason = form["reason"],
            Disconnect = form["disconnect"] == "yes" && type is "user" or "integration" ? true : null,
        };
        if ((await visit.SendAsync(HttpMethods.Post, "/revocations", input, ApiJson.Default.NewRevocation, ApiJson.Default.RevocationEnvelope)).TryGet(out var made, out var refused))
            return new Posted.To($"{Path}/{made.Revocation.Id}", "It is cut off. Here is what that came to.");
        return (await ListAsync(visit, FormState.Refused(visit.Context, refused))).TryGet(out var model, out var failure) ? AdminPages.Again<RevocationsPage>(model) : failure;
    }

    private static async Task<Result<Posted>> ContinueAsync(AdminVisit visit, CutOffId id) =>
        (await visit.SendAsync(HttpMethods.Post, $"/revocations/{id}/continue", body: null, ApiJson.Default.RevocationEnvelope)).TryGet(out var done, out var failure)
            ? new Posted.To($"{Path}/{id}", done.Revocation.Status == "incomplete" ? "Some of it is still to be done." : "It is complete now.")
            : failure;

    private static async Task<Result<Posted>> ReinstateAsync(AdminVisit visit, CutOffId id, OAuthParameters form)
    {
        if (!SignedInPages.IsConfirmed(form))
            return new Posted.Question("Reinstate?", RevocationPage.ReinstateQuestion, "Reinstate");
        return (await visit.SendAsync(HttpMethods.Post, $"/revocations/{id}/reinstate", body: null, ApiJson.Default.RevocationEnvelope)).TryGet(out var done, out var failure)
            ? new Posted.To($"{Path}/{id}", done.Revocation.AlsoCutOffBy is null ? "It is reinstated." : "This order is undone. Another one still cuts it off.")
            : failure;
    }
}
