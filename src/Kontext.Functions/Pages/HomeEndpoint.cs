using Kontext.Functions.Account;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Pages;

/// <summary>The front page: what this is, where agents connect, who is signed in.</summary>
internal static class HomeEndpoint
{
    public static void Map(IEndpointRouteBuilder app) =>
        app.MapGet("/", ShowAsync).WithMetadata(new Surface(Authenticate: null, PageErrors.Of));

    private static async Task<IResult> ShowAsync(HttpContext context, BrowserSessions browser, SignedInPages pages, SignInOrganizations organizations, KontextSettings settings)
    {
        var person = await browser.CurrentAsync(context) is { } user ? await pages.PersonAsync(context, user) : null;
        var organization = person?.Organization ?? organizations.Find(slug: null)?.Name ?? settings.PublicUrl.Host;
        return PageResult.Of<HomePage>(new HomeModel(organization, person, settings.GatewayResource, settings.Issuer));
    }
}
