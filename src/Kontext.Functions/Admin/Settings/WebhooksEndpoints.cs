using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Account;
using Kontext.Functions.Admin.Parts;
using Kontext.Functions.Api;
using Kontext.Functions.Pages;

namespace Kontext.Functions.Admin.Settings;

/// <summary>Webhooks and what they were sent.</summary>
internal static class WebhooksEndpoints
{
    /// <summary>Where they are.</summary>
    public const string Path = AdminEndpoints.Path + "/webhooks";

    private const string Signs = "Receivers verify the signature of every message with it.";

    public static void Map(RouteGroupBuilder console)
    {
        var group = console.MapGroup("/webhooks");
        group.MapGet("", (HttpContext context, AdminPages pages) => pages.ShowAsync<WebhooksPage>(context, visit => ListAsync(visit, FormState.Empty)));
        group.MapPost("", (HttpContext context, AdminPages pages) => pages.PostAsync(context, Path, CreateAsync));
        group.MapGet("/{id}", (WebhookId id, HttpContext context, AdminPages pages) => pages.ShowAsync<WebhookPage>(context, visit => ViewAsync(visit, id, FormState.Empty)));
        Map(group, "", SaveAsync);
        Map(group, "/state", SwitchAsync);
        Map(group, "/rotate", RotateAsync);
        Map(group, "/test", TestAsync);
        Map(group, "/retry", RetryAsync);
        Map(group, "/delete", DeleteAsync);
    }

    private static void Map(RouteGroupBuilder group, string path, Func<AdminVisit, WebhookId, OAuthParameters, Task<Result<Posted>>> act) =>
        group.MapPost("/{id}" + path, (WebhookId id, HttpContext context, AdminPages pages) => pages.PostAsync(context, $"{Path}/{id}", (visit, form) => act(visit, id, form)));

    private static async Task<Result<AdminModel>> ListAsync(AdminVisit visit, FormState form) =>
        (await visit.GetAsync("/webhooks", ApiJson.Default.WebhookListBody)).TryGet(out var list, out var failure) ? new WebhooksModel(visit.Frame, list.Items, list.EventTypes, form) : failure;

    private static async Task<Result<AdminModel>> ViewAsync(AdminVisit visit, WebhookId id, FormState form)
    {
        var cursor = visit.Query("cursor") is { } next ? "&cursor=" + Uri.EscapeDataString(next) : "";
        if (!(await visit.GetAsync("/webhooks", ApiJson.Default.WebhookListBody)).TryGet(out var all, out var failure)
            || !(await visit.GetAsync($"/webhooks/{id}", ApiJson.Default.WebhookEnvelope)).TryGet(out var webhook, out failure)
            || !(await visit.GetAsync($"/webhooks/{id}/deliveries?limit=25{cursor}", ApiJson.Default.WebhookDeliveryListBody)).TryGet(out var deliveries, out failure))
            return failure;
        return new WebhookModel(visit.Frame, webhook.Webhook, all.EventTypes, deliveries.Items, deliveries.NextCursor, form);
    }

    private static async Task<Result<Posted>> CreateAsync(AdminVisit visit, OAuthParameters form)
    {
        var input = new NewWebhook { Url = form["url"], Description = form["description"], Events = form.All("events") };
        if ((await visit.SendAsync(HttpMethods.Post, "/webhooks", input, ApiJson.Default.NewWebhook, ApiJson.Default.WebhookEnvelope)).TryGet(out var created, out var refused))
            return SecretOf(visit, created, "The webhook is made", Signs);
        return (await ListAsync(visit, FormState.Refused(visit.Context, refused))).TryGet(out var model, out var failure) ? AdminPages.Again<WebhooksPage>(model) : failure;
    }

    private static async Task<Result<Posted>> SaveAsync(AdminVisit visit, WebhookId id, OAuthParameters form)
    {
        var change = new WebhookChange { Url = form["url"] ?? "", Description = form["description"] ?? "", Events = form.All("events") };
        if ((await visit.SendAsync(HttpMethods.Patch, $"/webhooks/{id}", change, ApiJson.Default.WebhookChange, ApiJson.Default.WebhookEnvelope)).TryGet(out _, out var refused))
            return new Posted.To($"{Path}/{id}", "The webhook is saved.");
        return (await ViewAsync(visit, id, FormState.Refused(visit.Context, refused))).TryGet(out var model, out var failure) ? AdminPages.Again<WebhookPage>(model) : failure;
    }

    private static async Task<Result<Posted>> SwitchAsync(AdminVisit visit, WebhookId id, OAuthParameters form) =>
        (await visit.SendAsync(HttpMethods.Patch, $"/webhooks/{id}", new WebhookChange { Disabled = form["disabled"] == "yes" }, ApiJson.Default.WebhookChange, ApiJson.Default.WebhookEnvelope)).TryGet(out var changed, out var failure)
            ? new Posted.To($"{Path}/{id}", changed.Webhook.Disabled ? "The webhook is disabled." : "The webhook is enabled.")
            : failure;

    private static async Task<Result<Posted>> RotateAsync(AdminVisit visit, WebhookId id, OAuthParameters form) =>
        SecretOverlap.Read(form).TryGet(out var overlap, out var failure)
        && (await visit.SendAsync(HttpMethods.Post, $"/webhooks/{id}/rotate-secret", overlap, ApiJson.Default.SecretRotationInput, ApiJson.Default.WebhookEnvelope)).TryGet(out var rotated, out failure)
            ? SecretOf(visit, rotated, "New signing secret", $"{Signs} {SecretOverlap.Words(rotated.PreviousSecretExpiresAt)}")
            : failure;

    private static async Task<Result<Posted>> TestAsync(AdminVisit visit, WebhookId id, OAuthParameters form) =>
        (await visit.SendAsync(HttpMethods.Post, $"/webhooks/{id}/test", body: null, ApiJson.Default.WebhookDeliveryEnvelope)).TryGet(out _, out var failure)
            ? new Posted.To($"{Path}/{id}", "A test message is on its way.")
            : failure;

    private static async Task<Result<Posted>> RetryAsync(AdminVisit visit, WebhookId id, OAuthParameters form) =>
        (await visit.SendAsync(HttpMethods.Post, $"/webhooks/{id}/deliveries/{Uri.EscapeDataString(form["delivery"] ?? "-")}/retry", body: null, ApiJson.Default.WebhookDeliveryEnvelope)).TryGet(out _, out var failure)
            ? new Posted.To($"{Path}/{id}", "It is sent again.")
            : failure;

    private static async Task<Result<Posted>> DeleteAsync(AdminVisit visit, WebhookId id, OAuthParameters form)
    {
        if (!SignedInPages.IsConfirmed(form))
            return new Posted.Question("Delete this webhook?", WebhookPage.DeleteQuestion, "Delete");
        return (await visit.SendAsync(HttpMethods.Delete, $"/webhooks/{id}")).TryGet(out _, out var failure) ? new Posted.To(Path, "The webhook is deleted.") : failure;
    }

    private static Posted.Answer SecretOf(AdminVisit visit, WebhookEnvelope webhook, string title, string text) => new(PageResult.Of<SecretPage>(new SecretModel(
        visit.Frame, title, text, [("Address", webhook.Webhook.Url, false), ("Signing secret", webhook.Secret!, true)], Path, $"{Path}/{webhook.Webhook.Id}", "To the webhook")
        { OldWorksUntil = Wired.Time(webhook.PreviousSecretExpiresAt), Kept = "Kontext keeps it in the vault to sign with, and shows it to nobody again." }));
}
