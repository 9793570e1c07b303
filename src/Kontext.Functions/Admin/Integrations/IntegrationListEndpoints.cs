using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Account;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Integrations;

/// <summary>Integrations: their list, the catalog, and adding one.</summary>
internal static class IntegrationListEndpoints
{
    /// <summary>Where they are.</summary>
    public const string Path = AdminEndpoints.Path + "/integrations";

    public static void Map(RouteGroupBuilder console)
    {
        var group = console.MapGroup("/integrations");
        group.MapGet("", (HttpContext context, AdminPages pages) => pages.ShowAsync<IntegrationListPage>(context, ListAsync));
        group.MapGet("/new", (HttpContext context, AdminPages pages) => pages.ShowAsync<CatalogPage>(context, CatalogAsync));
        group.MapGet("/new/form", (HttpContext context, AdminPages pages) => pages.ShowAsync<NewIntegrationPage>(context, NewAsync));
        group.MapPost("/new/form", (HttpContext context, AdminPages pages) => pages.PostAsync(context, Path + "/new", CreateAsync));
        IntegrationEndpoints.Map(group);
    }

    /// <summary>The entry of the catalog; null when there is no such provider.</summary>
    public static async Task<Result<CatalogProviderBody?>> ProviderAsync(AdminVisit visit, string? key)
    {
        if (key is null)
            return Result.Of<CatalogProviderBody?>(null);
        if ((await visit.GetAsync($"/provider-catalog/{Uri.EscapeDataString(key)}", ApiJson.Default.CatalogProviderEnvelope)).TryGet(out var found, out var failure))
            return found.Provider;
        return failure.Code == FailureCode.NotFound ? Result.Of<CatalogProviderBody?>(null) : failure;
    }

    private static async Task<Result<AdminModel>> ListAsync(AdminVisit visit)
    {
        var cursor = visit.Query("cursor") is { } next ? "&cursor=" + Uri.EscapeDataString(next) : "";
        return (await visit.GetAsync("/integrations?limit=50" + cursor, ApiJson.Default.IntegrationListBody)).TryGet(out var list, out var failure)
            ? new IntegrationListModel(visit.Frame, list.Items, list.NextCursor)
            : failure;
    }

    private static async Task<Result<AdminModel>> CatalogAsync(AdminVisit visit)
    {
        var search = visit.Query("q");
        return (await visit.GetAsync("/provider-catalog" + (search is null ? "" : "?q=" + Uri.EscapeDataString(search)), ApiJson.Default.CatalogProviderListBody)).TryGet(out var list, out var failure)
            ? new CatalogModel(visit.Frame, list.Items, search)
            : failure;
    }

    private static async Task<Result<AdminModel>> NewAsync(AdminVisit visit)
    {
        if (!(await ProviderAsync(visit, visit.Query("provider"))).TryGet(out var provider, out var failure))
            return failure;
        var form = provider is null
            ? FormState.Of(("category", "gateway_remote_mcp"), ("authMode", "oauth"), ("url", visit.Query("url")))
            : FormState.Of(
                ("name", provider.Key), ("url", provider.McpEndpoint ?? "https://"), ("category", provider.McpEndpoint is null ? "internal_mcp_credentials" : "gateway_remote_mcp"),
                ("authMode", "oauth"), ("oauth.provider", provider.Key), ("oauth.scopes", Lines.Text(provider.DefaultScopes)));
        return new NewIntegrationModel(visit.Frame, provider, form);
    }

    private static async Task<Result<Posted>> CreateAsync(AdminVisit visit, OAuthParameters form)
    {
        if (!IntegrationForm.InputOf(form, visit.Context.Request.Form, changed: false).TryGet(out var input, out var refused)
            || !(await visit.SendAsync(HttpMethods.Post, "/integrations", input, ApiJson.Default.IntegrationInput, ApiJson.Default.IntegrationEnvelope)).TryGet(out var created, out refused))
        {
            return (await ProviderAsync(visit, form["oauth.provider"])).TryGet(out var provider, out var failure)
                ? AdminPages.Again<NewIntegrationPage>(new NewIntegrationModel(visit.Frame, provider, FormState.Refused(visit.Context, refused)))
                : failure;
        }
        return new Posted.To($"{Path}/{created.Integration.Id}", $"{created.Integration.Name} is added. Validate it to see whether it answers, and attach it to the applications that may reach it.");
    }
}
