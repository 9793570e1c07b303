using System.Globalization;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Account;
using Kontext.Functions.Admin.Parts;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Integrations;

/// <summary>One integration: its settings, credentials, tools and connections.</summary>
internal static class IntegrationEndpoints
{
    private const string Path = IntegrationListEndpoints.Path;

    public static void Map(RouteGroupBuilder integrations)
    {
        var one = integrations.MapGroup("/{id}");
        one.MapGet("", (IntegrationId id, HttpContext context, AdminPages pages) => pages.ShowAsync<IntegrationPage>(context, visit => ViewAsync(visit, id, FormState.Empty)));
        Map(one, "/settings", SaveAsync);
        Map(one, "/proxy", SaveProxyAsync);
        Map(one, "/oauth", SaveOAuthAsync);
        Map(one, "/credentials", SaveCredentialsAsync);
        Map(one, "/credentials/remove", RemoveCredentialsAsync);
        Map(one, "/validate", ValidateAsync);
        Map(one, "/tools/accept", AcceptAsync);
        Map(one, "/connections/end", EndAsync);
        Map(one, "/archive", ArchiveAsync);
    }

    private static void Map(RouteGroupBuilder one, string path, Func<AdminVisit, IntegrationId, OAuthParameters, Task<Result<Posted>>> act) =>
        one.MapPost(path, (IntegrationId id, HttpContext context, AdminPages pages) => pages.PostAsync(context, PathOf(id), (visit, form) => act(visit, id, form)));

    private static string PathOf(IntegrationId id) => $"{Path}/{id}";

    private static async Task<Result<AdminModel>> ViewAsync(AdminVisit visit, IntegrationId id, FormState form)
    {
        var cursor = visit.Query("cursor") is { } next ? "&cursor=" + Uri.EscapeDataString(next) : "";
        if (!(await visit.GetAsync($"/integrations/{id}", ApiJson.Default.IntegrationEnvelope)).TryGet(out var integration, out var failure)
            || !(await IntegrationListEndpoints.ProviderAsync(visit, integration.Integration.Oauth?.Provider)).TryGet(out var provider, out failure)
            || !(await visit.GetAsync($"/integrations/{id}/tools", ApiJson.Default.PinnedToolListBody)).TryGet(out var tools, out failure)
            || !(await visit.GetAsync($"/integrations/{id}/connections?limit=50{cursor}", ApiJson.Default.PersonConnectionListBody)).TryGet(out var connections, out failure))
            return failure;
        IReadOnlyList<CatalogScopeBody> scopes = [];
        if (provider is not null)
        {
            if (!(await visit.GetAsync($"/provider-catalog/{Uri.EscapeDataString(provider.Key)}/scopes", ApiJson.Default.CatalogScopeListBody)).TryGet(out var known, out failure))
                return failure;
            scopes = known.Items;
        }
        return new IntegrationModel(visit.Frame, integration.Integration, provider, scopes, tools.Items, connections.Items, connections.NextCursor, form);
    }

    private static async Task<Result<Posted>> SaveAsync(AdminVisit visit, IntegrationId id, OAuthParameters form)
    {
        if (!(await visit.GetAsync($"/integrations/{id}", ApiJson.Default.IntegrationEnvelope)).TryGet(out var current, out var failure))
            return failure;
        if (form["authMode"] != current.Integration.AuthMode && !SignedInPages.IsConfirmed(form))
            return new Posted.Question($"Change how people connect {current.Integration.Name}?", "Every person's connection to it ends at once, and is revoked at the provider where that is possible.", "Change and end connections");
        if (!IntegrationForm.InputOf(form, visit.Context.Request.Form, changed: true).TryGet(out var input, out failure)
            || !(await visit.SendAsync(HttpMethods.Patch, $"/integrations/{id}", input, ApiJson.Default.IntegrationInput, ApiJson.Default.IntegrationEnvelope)).TryGet(out var saved, out failure))
            return await AgainAsync(visit, id, failure);
        return new Posted.To(PathOf(id), $"{saved.Integration.Name} is saved" + saved.ConnectionsCleared switch { null => ".", 1 => "; 1 connection was ended.", var cleared => $"; {cleared} connections were ended." });
    }

    private static async Task<Result<Posted>> SaveProxyAsync(AdminVisit visit, IntegrationId id, OAuthParameters form) =>
        (await visit.SendAsync(HttpMethods.Patch, $"/integrations/{id}", IntegrationForm.ProxyOf(form), ApiJson.Default.IntegrationInput, ApiJson.Default.IntegrationEnvelope)).TryGet(out var saved, out var failure)
            ? new Posted.To(PathOf(id) + "#proxy", saved.Integration.Proxy is null ? "The settings are saved; the proxy does not serve this integration." : "The settings are saved; the proxy serves this integration.")
            : await AgainAsync(visit, id, failure);

    private static async Task<Result<Posted>> SaveOAuthAsync(AdminVisit visit, IntegrationId id, OAuthParameters form) =>
        await PutOAuthAsync(visit, id, IntegrationForm.OAuthOf(form, visit.Context.Request.Form) with { ClientId = null, ClientSecret = null }, "The OAuth settings are saved. People are asked for these permissions when they connect again.");

    private static async Task<Result<Posted>> SaveCredentialsAsync(AdminVisit visit, IntegrationId id, OAuthParameters form) =>
        await PutOAuthAsync(visit, id, new IntegrationOAuthInput { ClientId = form["oauth.clientId"], ClientSecret = form["oauth.clientSecret"] }, "Kontext uses your own OAuth app from now on.");

    private static async Task<Result<Posted>> PutOAuthAsync(AdminVisit visit, IntegrationId id, IntegrationOAuthInput input, string done) =>
        (await visit.SendAsync(HttpMethods.Put, $"/integrations/{id}/oauth", input, ApiJson.Default.IntegrationOAuthInput, ApiJson.Default.IntegrationOAuthEnvelope)).TryGet(out _, out var failure)
            ? new Posted.To(PathOf(id), done)
            : await AgainAsync(visit, id, failure);

    private static async Task<Result<Posted>> RemoveCredentialsAsync(AdminVisit visit, IntegrationId id, OAuthParameters form)
    {
        if (!SignedInPages.IsConfirmed(form))
            return new Posted.Question("Remove your OAuth app?", IntegrationPage.RemoveCredentialsQuestion, "Remove");
        return (await visit.SendAsync(HttpMethods.Delete, $"/integrations/{id}/oauth")).TryGet(out _, out var failure)
            ? new Posted.To(PathOf(id), "Your OAuth app is removed.")
            : failure;
    }

    private static async Task<Result<Posted>> ValidateAsync(AdminVisit visit, IntegrationId id, OAuthParameters form)
    {
        if (!(await visit.SendAsync(HttpMethods.Post, $"/integrations/{id}/validate", body: null, ApiJson.Default.ValidationBody)).TryGet(out var found, out var failure))
            return failure;
        return found.Status == "valid" ? new Posted.To(PathOf(id), found.Message) : new Failure(FailureCode.Misconfigured, found.Message ?? "It is not valid.");
    }

    private static async Task<Result<Posted>> AcceptAsync(AdminVisit visit, IntegrationId id, OAuthParameters form) =>
        (await visit.SendAsync(HttpMethods.Post, $"/integrations/{id}/tools/accept", new ToolAcceptance(form["name"], form["fingerprint"]), ApiJson.Default.ToolAcceptance, ApiJson.Default.PinnedToolEnvelope)).TryGet(out var accepted, out var failure)
            ? new Posted.To(PathOf(id) + "#tools", $"The change of {accepted.Tool.Name} is accepted.")
            : failure;

    private static async Task<Result<Posted>> EndAsync(AdminVisit visit, IntegrationId id, OAuthParameters form)
    {
        if (!SignedInPages.IsConfirmed(form))
            return new Posted.Question("End this connection?", IntegrationPage.EndConnectionQuestion, "End the connection");
        return (await visit.SendAsync(HttpMethods.Delete, $"/integrations/{id}/connections/{Uri.EscapeDataString(form["user"] ?? "-")}", body: null, ApiJson.Default.RemovedConnectionBody)).TryGet(out var removed, out var failure)
            ? new Posted.To(PathOf(id) + "#connections", Words(removed.Revocation))
            : failure;
    }

    private static async Task<Result<Posted>> ArchiveAsync(AdminVisit visit, IntegrationId id, OAuthParameters form)
    {
        if (!SignedInPages.IsConfirmed(form))
            return new Posted.Question("Archive this integration?", IntegrationPage.ArchiveQuestion, "Archive");
        return (await visit.SendAsync(HttpMethods.Delete, $"/integrations/{id}")).TryGet(out _, out var failure)
            ? new Posted.To(Path, "The integration is archived, and everybody's connection to it is ended.")
            : failure;
    }

    /// <summary>What ending a connection came to.</summary>
    private static string Words(RemovalBody report)
    {
        var provider = report.Provider switch
        {
            "revoked" => "The provider revoked it.",
            "not_offered" => "The provider offers no revocation.",
            "failed" => "The provider could not be told.",
            _ => "There was nothing to revoke at the provider.",
        };
        var secrets = report.SecretsDeleted ? "What was stored is deleted." : "What was stored could not be deleted yet; it is tried again for a day.";
        var lives = report.LivesUntil is { } until ? string.Create(CultureInfo.InvariantCulture, $" An access token that is out works until {Wired.Moment(until).UtcDateTime:d MMM yyyy, HH:mm} UTC.") : "";
        return $"The connection is ended. {provider} {secrets}{lives}";
    }

    private static async Task<Result<Posted>> AgainAsync(AdminVisit visit, IntegrationId id, Failure refused) =>
        (await ViewAsync(visit, id, FormState.Refused(visit.Context, refused))).TryGet(out var model, out var failure) ? AdminPages.Again<IntegrationPage>(model) : failure;

    /// <summary>A part of a tool's definition as people read it.</summary>
    internal static string Text(JsonElement? part) => part switch
    {
        null => "",
        { ValueKind: JsonValueKind.String } text => text.GetString()!,
        { } other => other.GetRawText(),
    };
}
