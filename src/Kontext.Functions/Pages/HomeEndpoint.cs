using Kontext.Functions.SignIn;

namespace Kontext.Functions.Pages;

/// <summary>The front page: what this is, where agents connect, who is signed in.</summary>
internal static class HomeEndpoint
{
    public static void Map(IEndpointRouteBuilder app) =>
        app.MapGet("/", ShowAsync).WithMetadata(new Surface(Authenticate: null, PageErrors.Of));

    private static async Task<IResult> ShowAsync(HttpContext context, BrowserSessions browser, SignInOrganizations organizations, KontextSettings settings)
    {
        var user = await browser.CurrentAsync(context);
        var organization = user is null ? organizations.Find(slug: null) : await organizations.OfAsync(user.Org, context.RequestAborted);
        return PageResult.Of<HomePage>(new HomeModel(organization?.Name ?? settings.PublicUrl.Host, user?.User.DisplayName, settings.GatewayResource, settings.Issuer, user?.CsrfToken ?? browser.VisitorCsrf(context)));
    }
}
