using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Account;
using Kontext.Functions.Admin.Parts;
using Kontext.Functions.Api;
using Kontext.Functions.Pages;

namespace Kontext.Functions.Admin.ServiceAccounts;

/// <summary>Service accounts: made, held back, given a new secret, revoked.</summary>
internal static class ServiceAccountsEndpoints
{
    /// <summary>Where they are.</summary>
    public const string Path = AdminEndpoints.Path + "/service-accounts";

    public static void Map(RouteGroupBuilder console)
    {
        var group = console.MapGroup("/service-accounts");
        group.MapGet("", (HttpContext context, AdminPages pages) => pages.ShowAsync<ServiceAccountsPage>(context, visit => ViewAsync(visit, FormState.Empty)));
        group.MapPost("", (HttpContext context, AdminPages pages) => pages.PostAsync(context, Path, CreateAsync));
        group.MapPost("/{id}/state", (ServiceAccountId id, HttpContext context, AdminPages pages) => pages.PostAsync(context, Path, (visit, form) => ChangeAsync(visit, id, form)));
        group.MapPost("/{id}/rotate", (ServiceAccountId id, HttpContext context, AdminPages pages) => pages.PostAsync(context, Path, (visit, form) => RotateAsync(visit, id, form)));
        group.MapPost("/{id}/revoke", (ServiceAccountId id, HttpContext context, AdminPages pages) => pages.PostAsync(context, Path, (visit, form) => RevokeAsync(visit, id, form)));
    }

    private static async Task<Result<AdminModel>> ViewAsync(AdminVisit visit, FormState form)
    {
        var cursor = visit.Query("cursor") is { } next ? "&cursor=" + Uri.EscapeDataString(next) : "";
        return (await visit.GetAsync("/service-accounts?limit=50" + cursor, ApiJson.Default.ServiceAccountListBody)).TryGet(out var list, out var failure)
            ? new ServiceAccountsModel(visit.Frame, list.Items, list.NextCursor, form)
            : failure;
    }

    private static async Task<Result<Posted>> CreateAsync(AdminVisit visit, OAuthParameters form)
    {
        var input = new NewServiceAccount { Name = form["name"], Description = form["description"] };
        if ((await visit.SendAsync(HttpMethods.Post, "/service-accounts", input, ApiJson.Default.NewServiceAccount, ApiJson.Default.ServiceAccountEnvelope)).TryGet(out var created, out var refused))
            return SecretOf(visit, created, $"{created.ServiceAccount.Name} is made", "Programs get a token with these at /oauth2/token (client credentials).");
        return (await ViewAsync(visit, FormState.Refused(visit.Context, refused))).TryGet(out var model, out var failure) ? AdminPages.Again<ServiceAccountsPage>(model) : failure;
    }

    private static async Task<Result<Posted>> ChangeAsync(AdminVisit visit, ServiceAccountId id, OAuthParameters form)
    {
        var change = new ServiceAccountChange { Disabled = form["disabled"] == "yes" };
        return (await visit.SendAsync(HttpMethods.Patch, $"/service-accounts/{id}", change, ApiJson.Default.ServiceAccountChange, ApiJson.Default.ServiceAccountEnvelope)).TryGet(out var changed, out var failure)
            ? new Posted.To(Path, changed.ServiceAccount.Disabled ? $"{changed.ServiceAccount.Name} is disabled: its secret and its tokens are refused." : $"{changed.ServiceAccount.Name} is enabled again.")
            : failure;
    }

    private static async Task<Result<Posted>> RotateAsync(AdminVisit visit, ServiceAccountId id, OAuthParameters form) =>
        SecretOverlap.Read(form).TryGet(out var overlap, out var failure)
        && (await visit.SendAsync(HttpMethods.Post, $"/service-accounts/{id}/rotate-secret", overlap, ApiJson.Default.SecretRotationInput, ApiJson.Default.ServiceAccountEnvelope)).TryGet(out var rotated, out failure)
            ? SecretOf(visit, rotated, "New client secret", SecretOverlap.Words(rotated.Credentials?.PreviousSecretExpiresAt), rotated.Credentials?.PreviousSecretExpiresAt)
            : failure;

    private static async Task<Result<Posted>> RevokeAsync(AdminVisit visit, ServiceAccountId id, OAuthParameters form)
    {
        if (!SignedInPages.IsConfirmed(form))
            return new Posted.Question("Revoke this service account?", ServiceAccountsPage.RevokeQuestion, "Revoke");
        return (await visit.SendAsync(HttpMethods.Delete, $"/service-accounts/{id}")).TryGet(out _, out var failure) ? new Posted.To(Path, "The service account is revoked.") : failure;
    }

    private static Posted.Answer SecretOf(AdminVisit visit, ServiceAccountEnvelope account, string title, string text, string? oldUntil = null) => new(PageResult.Of<SecretPage>(new SecretModel(
        visit.Frame, title, text, [("Client id", account.Credentials!.ClientId, false), ("Client secret", account.Credentials.ClientSecret, true)], Path, Path, "Back to the service accounts")
        { OldWorksUntil = Wired.Time(oldUntil) }));
}
