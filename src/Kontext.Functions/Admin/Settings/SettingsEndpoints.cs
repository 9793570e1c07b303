using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Account;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Settings;

/// <summary>The organization's settings, and what the installation says of itself.</summary>
internal static class SettingsEndpoints
{
    /// <summary>Where they are.</summary>
    public const string Path = AdminEndpoints.Path + "/settings";

    public static void Map(RouteGroupBuilder console)
    {
        var group = console.MapGroup("/settings");
        group.MapGet("", (HttpContext context, AdminPages pages, InstallationFacts facts) => pages.ShowAsync<SettingsPage>(context, visit => ViewAsync(visit, facts, FormState.Empty)));
        group.MapPost("/organization", (HttpContext context, AdminPages pages, InstallationFacts facts) => pages.PostAsync(context, Path, (visit, form) => SaveAsync(visit, facts, form)));
        group.MapPost("/keys", (HttpContext context, AdminPages pages) => pages.PostAsync(context, Path, RotateAsync));
        group.MapPost("/data-key", (HttpContext context, AdminPages pages) => pages.PostAsync(context, Path, RotateDataKeyAsync));
        WebhooksEndpoints.Map(console);
    }

    private static async Task<Result<AdminModel>> ViewAsync(AdminVisit visit, InstallationFacts facts, FormState form)
    {
        if (!(await visit.GetAsync("/organization", ApiJson.Default.OrganizationEnvelope)).TryGet(out var organization, out var failure)
            || !(await visit.GetAsync("/data-key", ApiJson.Default.DataKeyBody)).TryGet(out var dataKey, out failure))
            return failure;
        IReadOnlyList<SigningKeyBody>? keys = null;
        // The keys belong to the whole installation: administrators of its other organizations do not see them.
        if ((await visit.GetAsync("/signing-keys", ApiJson.Default.SigningKeyListBody)).TryGet(out var list, out failure))
            keys = list.Items;
        else if (failure.Code != FailureCode.Forbidden)
            return failure;
        return new SettingsModel(visit.Frame, organization.Organization, form, facts.SignInOf(organization.Organization.Slug), facts.Retention, dataKey, keys);
    }

    private static async Task<Result<Posted>> SaveAsync(AdminVisit visit, InstallationFacts facts, OAuthParameters form)
    {
        var change = new OrganizationChange(form["name"] ?? "", form["dynamicRegistration"] == "yes");
        if ((await visit.SendAsync(HttpMethods.Patch, "/organization", change, ApiJson.Default.OrganizationChange, ApiJson.Default.OrganizationEnvelope)).TryGet(out _, out var refused))
            return new Posted.To(Path, "The settings are saved.");
        return (await ViewAsync(visit, facts, FormState.Refused(visit.Context, refused))).TryGet(out var model, out var failure) ? AdminPages.Again<SettingsPage>(model) : failure;
    }

    private static async Task<Result<Posted>> RotateAsync(AdminVisit visit, OAuthParameters form)
    {
        var input = new SigningKeyRotationInput { Emergency = form["emergency"] == "yes", Kid = form["kid"] };
        if (!SignedInPages.IsConfirmed(form))
        {
            return input.Emergency
                ? new Posted.Question("Revoke this key?", SettingsPage.RevokeKeyQuestion, "Revoke the key")
                : new Posted.Question("Rotate the signing key?", SettingsPage.RotateQuestion, "Rotate");
        }
        return (await visit.SendAsync(HttpMethods.Post, "/signing-keys/rotate", input, ApiJson.Default.SigningKeyRotationInput, ApiJson.Default.SigningKeyListBody)).TryGet(out _, out var failure)
            ? new Posted.To(Path, input.Emergency ? "The key is revoked. Tokens signed with it are refused." : "A new key is published; it signs once every cached key set has it.")
            : failure;
    }

    private static async Task<Result<Posted>> RotateDataKeyAsync(AdminVisit visit, OAuthParameters form)
    {
        if (!SignedInPages.IsConfirmed(form))
            return new Posted.Question("Rotate the data key?", SettingsPage.RotateDataKeyQuestion, "Rotate");
        return (await visit.SendAsync(HttpMethods.Post, "/data-key/rotate", body: null, ApiJson.Default.DataKeyBody)).TryGet(out _, out var failure)
            ? new Posted.To(Path + "#data-key", "A new data key encrypts from now on. What the one before encrypted is encrypted anew in the background.")
            : failure;
    }
}
