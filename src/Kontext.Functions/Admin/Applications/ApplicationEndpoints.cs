using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Account;
using Kontext.Functions.Admin.Parts;
using Kontext.Functions.Api;
using Kontext.Functions.Pages;

namespace Kontext.Functions.Admin.Applications;

/// <summary>One application: its settings, secret, integrations and sessions.</summary>
internal static class ApplicationEndpoints
{
    private const string Path = ApplicationsEndpoints.Path;

    public static void Map(RouteGroupBuilder applications)
    {
        var one = applications.MapGroup("/{id}");
        one.MapGet("", (AppId id, HttpContext context, AdminPages pages) => pages.ShowAsync<ApplicationPage>(context, visit => ViewAsync(visit, id, FormState.Empty)));
        one.MapPost("/settings", (AppId id, HttpContext context, AdminPages pages) => pages.PostAsync(context, PathOf(id), (visit, form) => SaveAsync(visit, id, form)));
        one.MapPost("/oauth", (AppId id, HttpContext context, AdminPages pages) => pages.PostAsync(context, PathOf(id), (visit, form) => SaveOAuthAsync(visit, id, form)));
        one.MapPost("/external-auth", (AppId id, HttpContext context, AdminPages pages) => pages.PostAsync(context, PathOf(id), (visit, form) => SaveExternalAuthAsync(visit, id, form)));
        one.MapPost("/rotate", (AppId id, HttpContext context, AdminPages pages) => pages.PostAsync(context, PathOf(id), (visit, form) => RotateAsync(visit, id, form)));
        one.MapPost("/integrations", (AppId id, HttpContext context, AdminPages pages) => pages.PostAsync(context, PathOf(id), (visit, form) => AttachAsync(visit, id, form)));
        one.MapPost("/sessions/end", (AppId id, HttpContext context, AdminPages pages) => pages.PostAsync(context, PathOf(id), (visit, form) => EndAsync(visit, id, form)));
        one.MapPost("/sessions/end-all", (AppId id, HttpContext context, AdminPages pages) => pages.PostAsync(context, PathOf(id), (visit, form) => EndAllAsync(visit, id, form)));
        one.MapPost("/archive", (AppId id, HttpContext context, AdminPages pages) => pages.PostAsync(context, PathOf(id), (visit, form) => ArchiveAsync(visit, id, form)));
    }

    private static string PathOf(AppId id) => $"{Path}/{id}";

    private static async Task<Result<AdminModel>> ViewAsync(AdminVisit visit, AppId id, FormState form)
    {
        if (!(await visit.GetAsync($"/applications/{id}", ApiJson.Default.ApplicationEnvelope)).TryGet(out var application, out var failure)
            || !(await visit.GetAsync($"/applications/{id}/oauth", ApiJson.Default.OAuthEnvelope)).TryGet(out var oauth, out failure)
            || !(await visit.GetAsync($"/applications/{id}/integrations", ApiJson.Default.AttachedBody)).TryGet(out var attached, out failure)
            || !(await visit.GetAsync($"/applications/{id}/sessions?limit=200", ApiJson.Default.SessionListBody)).TryGet(out var sessions, out failure)
            || !(await ApplicationsEndpoints.IntegrationsAsync(visit)).TryGet(out var integrations, out failure))
            return failure;
        return new ApplicationModel(visit.Frame, application.Application, oauth.Oauth, attached.IntegrationIds, integrations, sessions.Items, form);
    }

    private static async Task<Result<Posted>> SaveAsync(AdminVisit visit, AppId id, OAuthParameters form)
    {
        var change = new ApplicationChange { Name = form["name"] ?? "", Description = form["description"] ?? "", ToolDiscovery = form["toolDiscovery"] };
        return await ChangeAsync(visit, id, change);
    }

    private static async Task<Result<Posted>> SaveExternalAuthAsync(AdminVisit visit, AppId id, OAuthParameters form) =>
        ApplicationForm.ExternalAuthOf(form).TryGet(out var external, out var failure)
            ? await ChangeAsync(visit, id, new ApplicationChange { ExternalAuth = external })
            : await AgainAsync(visit, id, failure);

    private static async Task<Result<Posted>> ChangeAsync(AdminVisit visit, AppId id, ApplicationChange change) =>
        (await visit.SendAsync(HttpMethods.Patch, $"/applications/{id}", change, ApiJson.Default.ApplicationChange, ApiJson.Default.ApplicationEnvelope)).TryGet(out var saved, out var failure)
            ? new Posted.To(PathOf(id), $"{saved.Application.Name} is saved.")
            : await AgainAsync(visit, id, failure);

    private static async Task<Result<Posted>> SaveOAuthAsync(AdminVisit visit, AppId id, OAuthParameters form)
    {
        if (!(await visit.GetAsync($"/applications/{id}/oauth", ApiJson.Default.OAuthEnvelope)).TryGet(out var current, out var failure))
            return failure;
        if (!ApplicationForm.OAuthOf(form, current.Oauth).TryGet(out var input, out failure)
            || !(await visit.SendAsync(HttpMethods.Patch, $"/applications/{id}/oauth", input, ApiJson.Default.OAuthInput, ApiJson.Default.OAuthEnvelope)).TryGet(out var saved, out failure))
            return await AgainAsync(visit, id, failure);
        return saved.Oauth.ClientSecret is { } secret
            ? SecretOf(visit, id, saved.Oauth, secret, "The application is confidential now", "It has a secret from now on.")
            : new Posted.To(PathOf(id), "The OAuth settings are saved.");
    }

    private static async Task<Result<Posted>> RotateAsync(AdminVisit visit, AppId id, OAuthParameters form)
    {
        if (!SecretOverlap.Read(form).TryGet(out var overlap, out var failure)
            || !(await visit.SendAsync(HttpMethods.Post, $"/applications/{id}/rotate-secret", overlap, ApiJson.Default.SecretRotationInput, ApiJson.Default.OAuthEnvelope)).TryGet(out var rotated, out failure))
            return failure;
        return SecretOf(visit, id, rotated.Oauth, rotated.ClientSecret!, "New client secret", SecretOverlap.Words(rotated.PreviousSecretExpiresAt), rotated.PreviousSecretExpiresAt);
    }

    private static async Task<Result<Posted>> AttachAsync(AdminVisit visit, AppId id, OAuthParameters form) =>
        (await visit.SendAsync(HttpMethods.Put, $"/applications/{id}/integrations", new AttachedBody([.. form.All("integration")]), ApiJson.Default.AttachedBody, ApiJson.Default.AttachedBody)).TryGet(out var attached, out var failure)
            ? new Posted.To(PathOf(id) + "#integrations", attached.IntegrationIds.Length switch { 0 => "No integration is attached any more.", 1 => "1 integration is attached.", var count => $"{count} integrations are attached." })
            : failure;

    private static async Task<Result<Posted>> EndAsync(AdminVisit visit, AppId id, OAuthParameters form) =>
        (await visit.SendAsync(HttpMethods.Delete, $"/applications/{id}/sessions/{Uri.EscapeDataString(form["session"] ?? "-")}")).TryGet(out _, out var failure)
            ? new Posted.To(PathOf(id) + "#sessions", "The session is over. Its tokens are refused within a second.")
            : failure;

    private static async Task<Result<Posted>> EndAllAsync(AdminVisit visit, AppId id, OAuthParameters form)
    {
        if (!SignedInPages.IsConfirmed(form))
            return new Posted.Question("End all sessions?", ApplicationPage.EndAllQuestion, "End all sessions");
        return (await visit.SendAsync(HttpMethods.Delete, $"/applications/{id}/sessions", body: null, ApiJson.Default.SessionsRevokedBody)).TryGet(out var revoked, out var failure)
            ? new Posted.To(PathOf(id), revoked.DisconnectedCount == 1 ? "1 session was ended." : $"{revoked.DisconnectedCount} sessions were ended.")
            : failure;
    }

    private static async Task<Result<Posted>> ArchiveAsync(AdminVisit visit, AppId id, OAuthParameters form)
    {
        if (!SignedInPages.IsConfirmed(form))
            return new Posted.Question("Archive this application?", ApplicationPage.ArchiveQuestion, "Archive");
        return (await visit.SendAsync(HttpMethods.Delete, $"/applications/{id}")).TryGet(out _, out var failure)
            ? new Posted.To(Path, "The application is archived. It can do nothing any more.")
            : failure;
    }

    private static async Task<Result<Posted>> AgainAsync(AdminVisit visit, AppId id, Failure refused) =>
        (await ViewAsync(visit, id, FormState.Refused(visit.Context, refused))).TryGet(out var model, out var failure) ? AdminPages.Again<ApplicationPage>(model) : failure;

    private static Posted.Answer SecretOf(AdminVisit visit, AppId id, OAuthClientBody oauth, string secret, string title, string text, string? oldUntil = null) => new(PageResult.Of<SecretPage>(
        new SecretModel(visit.Frame, title, text, [("Client id", oauth.ClientId, false), ("Client secret", secret, true)], Path, PathOf(id), "Back to the application") { OldWorksUntil = Wired.Time(oldUntil) }));
}
