using Kontext.Functions.SignIn;

namespace Kontext.Functions.Pages;

/// <summary>Leads on from a form to a provider. Browsers hold every redirect after a form, also those from there to wherever its people sign in, against the page's <c>form-action</c>; a page that goes on by itself ends that chain.</summary>
public sealed partial class ContinuePage
{
    /// <summary>The page.</summary>
    internal static IResult To(string target, string title, string message, string linkText) => new Onward(target, PageResult.Of<ContinuePage>(new ContinueModel(title, message, linkText, target)));

    /// <summary>The page between a form that came too late and signing in again. Not a redirect: the browser would hold the provider's address against the <c>form-action</c> of the page the form is on.</summary>
    internal static IResult ToSignIn(string returnTo) => To(SignInEndpoints.PathOf(returnTo), "Your sign-in has ended", "It was too long ago. Sign in again to go on.", "Sign in");

    /// <summary>Did a page of ours begin this, in a browser that says so? Then its <c>form-action</c>, and the <c>connect-src</c> for its scripts, hold for every further redirect. Others follow a plain one.</summary>
    internal static bool IsNeeded(HttpContext context) => context.Request.Headers["Sec-Fetch-Site"] == "same-origin";

    /// <summary>The page between ours and a service at which a person allows access.</summary>
    internal static IResult ToService(string name, Uri target) =>
        To(target.AbsoluteUri, $"On to {name}", "Allow the access there, and you come back here.", $"Continue to {WebLink.HostOf(target.AbsoluteUri)}");

    private sealed class Onward(string target, IResult page) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.Headers["Refresh"] = "0; url=" + target;
            return page.ExecuteAsync(httpContext);
        }
    }
}
