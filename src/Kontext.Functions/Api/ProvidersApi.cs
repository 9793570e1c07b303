using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Api;

/// <summary>The provider catalog, for whoever sets up integrations.</summary>
internal sealed class ProvidersApi(ProviderCatalog catalog, IPlatformProviderApps platform)
{
    private const int MaxSearch = 200;

    public static void Map(IEndpointRouteBuilder api)
    {
        var group = api.MapGroup("/provider-catalog");
        group.MapGet("", (HttpContext context, ProvidersApi self) => self.List(context));
        group.MapGet("/{key}", (string key, HttpContext context, ProvidersApi self) => self.Read(context, key));
        group.MapGet("/{key}/scopes", (string key, HttpContext context, ProvidersApi self) => self.ListScopes(context, key));
        // The catalog was at /providers first. An organization's own have ids, so that entries can still be read there.
        api.MapGet("/providers/{key}/scopes", (string key, HttpContext context, ProvidersApi self) => self.ListScopes(context, key));
    }

    public IResult List(HttpContext context)
    {
        if (ApiCaller.Of(context).DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!Search(context).TryGet(out var words, out var failure))
            return ApiErrors.Of(context, failure);
        var found = catalog.All.Where(provider => words.All(word => Matches(word, [provider.Key, provider.Name, provider.Description, .. provider.Aliases])));
        return Api.Ok(new CatalogProviderListBody([.. found.Select(BodyOf)]), ApiJson.Default.CatalogProviderListBody);
    }

    public IResult Read(HttpContext context, string key)
    {
        if (ApiCaller.Of(context).DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        return catalog.TryFind(key, out var provider)
            ? Api.Ok(new CatalogProviderEnvelope(BodyOf(provider)), ApiJson.Default.CatalogProviderEnvelope)
            : ApiErrors.Of(context, Api.NotFound("provider"));
    }

    private IResult ListScopes(HttpContext context, string key)
    {
        if (ApiCaller.Of(context).DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!Search(context).TryGet(out var words, out var failure))
            return ApiErrors.Of(context, failure);
        if (!catalog.TryFind(key, out var provider))
            return ApiErrors.Of(context, Api.NotFound("provider"));
        var found = provider.Scopes.Where(scope => words.All(word => Matches(word, [scope.Name, scope.Explanation])));
        return Api.Ok(
            new CatalogScopeListBody([.. found.Select(scope => new CatalogScopeBody(scope.Name, scope.Explanation, provider.DefaultScopes.Contains(scope.Name)))]),
            ApiJson.Default.CatalogScopeListBody);
    }

    private CatalogProviderBody BodyOf(CatalogProvider provider) => CatalogProviderBody.Of(
        provider, platform.Find(provider.SettingsKey) is { } app && (app.ClientSecret is not null || provider.ClientAuthentication == ClientAuthentication.None));

    /// <summary>The words of the parameter <c>q</c>; none when it is absent, which everything matches.</summary>
    private static Result<string[]> Search(HttpContext context)
    {
        var text = context.Request.Query["q"].ToString();
        return text.Length <= MaxSearch
            ? text.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            : Api.Invalid(new Dictionary<string, string> { ["q"] = $"At most {MaxSearch} characters." });
    }

    private static bool Matches(string word, ReadOnlySpan<string> texts)
    {
        foreach (var text in texts)
        {
            if (text.Contains(word, StringComparison.OrdinalIgnoreCase))
                return true;
        }
        return false;
    }
}
