using Kontext.Domain;
using Kontext.Functions.Limits;
using Kontext.Functions.Pages;

namespace Kontext.Functions.SignIn;

/// <summary>Sign-in and sign-out of people.</summary>
internal static class SignInEndpoints
{
    public static void Map(IEndpointRouteBuilder app, KontextSettings settings)
    {
        var group = app.MapGroup("/login").WithMetadata(new Surface(Authenticate: null, PageErrors.Of));
        if (settings.SignIn is not null)
        {
            group.MapGet("", (HttpContext context, SignInStart start, SignInOrganizations organizations, string? organization, string? return_to, string? fresh, string? max_age, string? login_hint) =>
            {
                // Text, because handlers give no answer at all for an optional number that is none.
                if (!SignInWish.AgeOf(max_age).TryGet(out var age, out var failure))
                    return Task.FromResult(PageErrors.Of(context, failure));
                var wish = new SignInWish(LocalPath(return_to), fresh == "1", age, login_hint);
                return organizations.Find(organization) is { SignIn: { } provider } chosen ? start.RunAsync(context, chosen, provider, wish) : Task.FromResult(SignInOrganizations.Ask(wish, organization));
            }).LimitCreations();
            group.MapGet("/callback", (HttpContext context, SignInCallback callback) => callback.RunAsync(context));
        }
        else
        {
            group.MapGet("", (HttpContext context, DevelopmentSignIn signIn, SignInOrganizations organizations, string? organization, string? return_to, string? login_hint) => organizations.Find(organization) is { } chosen
                ? signIn.Show(context, chosen, return_to, login_hint, error: null)
                : SignInOrganizations.Ask(new SignInWish(LocalPath(return_to), Fresh: false, MaxAgeSeconds: null, login_hint), organization));
            group.MapPost("", (HttpContext context, DevelopmentSignIn signIn) => signIn.SubmitAsync(context)).LimitCreations();
        }
        var logout = app.MapGroup("/logout").WithMetadata(new Surface(Authenticate: null, PageErrors.Of));
        // The button is on the front page: a link somebody else made signs nobody out.
        logout.MapGet("", () => SeeOther.To("/"));
        logout.MapPost("", (HttpContext context, SignOut signOut) => signOut.RunAsync(context));
    }

    /// <summary>Where to send somebody who has to sign in first.</summary>
    /// <param name="returnTo">Where they go afterwards.</param>
    /// <param name="fresh">They have to sign in again, even when the provider knows them.</param>
    /// <param name="maxAge">Oldest acceptable proof of who they are; null when any will do.</param>
    /// <param name="loginHint">Whom the agent expects; null when it did not say.</param>
    /// <param name="organization">Where to: the agent's organization; null for any of the person's.</param>
    public static IResult Redirect(string returnTo, bool fresh = false, TimeSpan? maxAge = null, string? loginHint = null, string? organization = null) =>
        SeeOther.To($"{PathOf(returnTo)}{(fresh ? "&fresh=1" : "")}{(maxAge is { } age ? $"&max_age={(int)age.TotalSeconds}" : "")}{(loginHint is null ? "" : $"&login_hint={Uri.EscapeDataString(loginHint)}")}{(organization is null ? "" : $"&organization={Uri.EscapeDataString(organization)}")}");

    /// <summary>Where somebody signs in who goes to <paramref name="returnTo"/> afterwards.</summary>
    public static string PathOf(string returnTo) => $"/login?return_to={Uri.EscapeDataString(returnTo)}";

    /// <summary>A path of ours, or the home page when it is anything else: an open redirect would lend our name to others.</summary>
    public static string LocalPath(string? returnTo) =>
        returnTo is ['/', ..] && returnTo.Length <= 8000 && !(returnTo.Length > 1 && returnTo[1] is '/' or '\\') && !returnTo.Any(character => character is < '!' or > '~') ? returnTo : "/";
}

/// <summary>Redirects after a form with 303, so that the browser fetches the target with GET and never sends the form on (RFC 9700 section 4.12).</summary>
internal static class SeeOther
{
    /// <summary>The redirect.</summary>
    public static IResult To(string location) => new SeeOtherResult(location);

    private sealed class SeeOtherResult(string location) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.StatusCode = StatusCodes.Status303SeeOther;
            httpContext.Response.Headers.Location = location;
            httpContext.Response.Headers.CacheControl = "no-store";
            httpContext.Response.Headers["Referrer-Policy"] = "no-referrer";
            return Task.CompletedTask;
        }
    }
}
