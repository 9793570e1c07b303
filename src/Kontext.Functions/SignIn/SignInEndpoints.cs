using Kontext.Domain;
using Kontext.Functions.OAuth;
using Kontext.Functions.Pages;

namespace Kontext.Functions.SignIn;

/// <summary>Sign-in and sign-out of people.</summary>
internal static class SignInEndpoints
{
    public static void Map(IEndpointRouteBuilder app, KontextSettings settings)
    {
        var group = app.MapGroup("/login").WithMetadata(new Surface(Authenticate: null, PageErrors.Of));
        if (settings.Development)
        {
            group.MapGet("", (HttpContext context, DevelopmentSignIn signIn, string? return_to) => signIn.Show(context, return_to, error: null));
            group.MapPost("", (HttpContext context, DevelopmentSignIn signIn) => signIn.SubmitAsync(context));
        }
        else
        {
            group.MapGet("", (HttpContext context) => PageErrors.Of(context, new Failure(FailureCode.Misconfigured, "No sign-in provider is configured for this organization.")));
        }
        group.MapPost("/out", SignOutAsync);
    }

    /// <summary>Where to send somebody who has to sign in first.</summary>
    public static IResult Redirect(string returnTo) => SeeOther.To($"/login?return_to={Uri.EscapeDataString(returnTo)}");

    /// <summary>A path of ours, or the home page when it is anything else: an open redirect would lend our name to others.</summary>
    public static string LocalPath(string? returnTo) =>
        returnTo is ['/', ..] && returnTo.Length <= 8000 && !(returnTo.Length > 1 && returnTo[1] is '/' or '\\') && !returnTo.Any(char.IsControl) ? returnTo : "/";

    private static async Task<IResult> SignOutAsync(HttpContext context, BrowserSessions browser)
    {
        if (!(await FormFields.ReadAsync(context.Request, context.RequestAborted)).TryGet(out var form, out var unreadable))
            return PageErrors.Of(context, unreadable);
        if (await browser.CurrentAsync(context) is { } user && !browser.IsCsrf(context, user, form["csrf"]))
            return PageErrors.Of(context, new Failure(FailureCode.InvalidRequest, "The form is out of date. Go back, reload the page and try again."));
        await browser.SignOutAsync(context);
        return SeeOther.To("/");
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
