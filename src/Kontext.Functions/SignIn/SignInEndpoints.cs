using Kontext.Domain;
using Kontext.Functions.Limits;
using Kontext.Functions.OAuth;
using Kontext.Functions.Pages;

namespace Kontext.Functions.SignIn;

/// <summary>Sign-in and sign-out of people.</summary>
internal static class SignInEndpoints
{
    public static void Map(IEndpointRouteBuilder app, KontextSettings settings)
    {
        var group = app.MapGroup("/login").WithMetadata(new Surface(Authenticate: null, PageErrors.Of));
        if (settings.SignIn is { } provider)
        {
            group.MapGet("", (HttpContext context, SignInStart start, string? return_to, string? fresh, int? max_age) => start.RunAsync(context, provider, LocalPath(return_to), fresh == "1", max_age)).LimitCreations();
            group.MapGet("/callback", (HttpContext context, SignInCallback callback) => callback.RunAsync(context, provider));
            group.MapPost("/out", (HttpContext context, BrowserSessions browser, SignOut signOut) => SignOutAsync(context, browser, () => signOut.AfterAsync(provider, context.RequestAborted)));
        }
        else
        {
            group.MapGet("", (HttpContext context, DevelopmentSignIn signIn, string? return_to) => signIn.Show(context, return_to, error: null));
            group.MapPost("", (HttpContext context, DevelopmentSignIn signIn) => signIn.SubmitAsync(context)).LimitCreations();
            group.MapPost("/out", (HttpContext context, BrowserSessions browser) => SignOutAsync(context, browser, () => Task.FromResult(SeeOther.To("/"))));
        }
    }

    /// <summary>Where to send somebody who has to sign in first.</summary>
    /// <param name="returnTo">Where they go afterwards.</param>
    /// <param name="fresh">They have to sign in again, even when the provider knows them.</param>
    /// <param name="maxAge">Oldest acceptable proof of who they are; null when any will do.</param>
    public static IResult Redirect(string returnTo, bool fresh = false, TimeSpan? maxAge = null) =>
        SeeOther.To($"/login?return_to={Uri.EscapeDataString(returnTo)}{(fresh ? "&fresh=1" : "")}{(maxAge is { } age ? $"&max_age={(int)age.TotalSeconds}" : "")}");

    /// <summary>A path of ours, or the home page when it is anything else: an open redirect would lend our name to others.</summary>
    public static string LocalPath(string? returnTo) =>
        returnTo is ['/', ..] && returnTo.Length <= 8000 && !(returnTo.Length > 1 && returnTo[1] is '/' or '\\') && !returnTo.Any(character => character is < '!' or > '~') ? returnTo : "/";

    private static async Task<IResult> SignOutAsync(HttpContext context, BrowserSessions browser, Func<Task<IResult>> afterwards)
    {
        if (!(await FormFields.ReadAsync(context.Request, context.RequestAborted)).TryGet(out var form, out var unreadable))
            return PageErrors.Of(context, unreadable);
        var user = await browser.CurrentAsync(context);
        if (user is not null && !browser.IsCsrf(context, user, form["csrf"]))
            return PageErrors.Of(context, new Failure(FailureCode.InvalidRequest, "The form is out of date. Go back, reload the page and try again."));
        await browser.SignOutAsync(context);
        // Nobody is signed out of the provider by a form that did not have to be ours.
        return user is null ? SeeOther.To("/") : await afterwards();
    }
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
