using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Account;
using Kontext.Functions.Api;
using Kontext.Functions.Pages;

namespace Kontext.Functions.Admin.Applications;

/// <summary>Applications: their list, and making one.</summary>
internal static class ApplicationsEndpoints
{
    /// <summary>Where they are.</summary>
    public const string Path = AdminEndpoints.Path + "/applications";

    private const int MaxIntegrations = 1000;

    public static void Map(RouteGroupBuilder console)
    {
        var group = console.MapGroup("/applications");
        group.MapGet("", (HttpContext context, AdminPages pages) => pages.ShowAsync<ApplicationsPage>(context, ListAsync));
        group.MapGet("/new", (HttpContext context, AdminPages pages) => pages.ShowAsync<NewApplicationPage>(context, visit => NewAsync(visit, FormState.Of(("type", "public"), ("pkceRequired", "yes"), ("toolDiscovery", "list")))));
        group.MapPost("/new", (HttpContext context, AdminPages pages) => pages.PostAsync(context, Path + "/new", CreateAsync));
        ApplicationEndpoints.Map(group);
    }

    /// <summary>Everything there is to attach.</summary>
    public static Task<Result<List<IntegrationBody>>> IntegrationsAsync(AdminVisit visit) =>
        visit.AllAsync("/integrations", ApiJson.Default.IntegrationListBody, list => (list.Items, list.NextCursor), MaxIntegrations);

    private static async Task<Result<AdminModel>> ListAsync(AdminVisit visit)
    {
        var cursor = visit.Query("cursor") is { } next ? "&cursor=" + Uri.EscapeDataString(next) : "";
        return (await visit.GetAsync("/applications?limit=50" + cursor, ApiJson.Default.ApplicationListBody)).TryGet(out var list, out var failure)
            ? new ApplicationsModel(visit.Frame, list.Items, list.NextCursor)
            : failure;
    }

    private static async Task<Result<AdminModel>> NewAsync(AdminVisit visit, FormState form) =>
        (await IntegrationsAsync(visit)).TryGet(out var integrations, out var failure) ? new NewApplicationModel(visit.Frame, form, integrations) : failure;

    private static async Task<Result<Posted>> CreateAsync(AdminVisit visit, OAuthParameters form)
    {
        if (!ApplicationForm.OAuthOf(form, current: null).TryGet(out var oauth, out var failure))
            return await AgainAsync(visit, failure);
        var input = new NewApplication { Name = form["name"], Description = form["description"], ToolDiscovery = form["toolDiscovery"], Oauth = oauth };
        if (!(await visit.SendAsync(HttpMethods.Post, "/applications", input, ApiJson.Default.NewApplication, ApiJson.Default.CreatedApplicationBody)).TryGet(out var created, out failure))
            return await AgainAsync(visit, failure);
        var page = $"{Path}/{created.Application.Id}";
        var attached = form.All("integration") is not { Count: > 0 } chosen
            || (await visit.SendAsync(HttpMethods.Put, $"/applications/{created.Application.Id}/integrations", new AttachedBody([.. chosen]), ApiJson.Default.AttachedBody, ApiJson.Default.AttachedBody)).TryGet(out _, out failure);
        var outcome = attached ? $"{created.Application.Name} is registered." : $"{created.Application.Name} is registered, but nothing was attached to it: {failure!.Message}";
        return created.Oauth.ClientSecret is { } secret
            ? new Posted.Answer(PageResult.Of<SecretPage>(new SecretModel(visit.Frame, outcome, "Give these to the program that is this agent.",
                [("Client id", created.Oauth.ClientId, false), ("Client secret", secret, true)], Path, page, "To the application")))
            : new Posted.To(page, outcome);
    }

    private static async Task<Result<Posted>> AgainAsync(AdminVisit visit, Failure refused) =>
        (await NewAsync(visit, FormState.Refused(visit.Context, refused))).TryGet(out var again, out var failure) ? AdminPages.Again<NewApplicationPage>(again) : failure;
}
