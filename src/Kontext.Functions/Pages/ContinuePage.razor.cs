namespace Kontext.Functions.Pages;

/// <summary>Leads on from a form to a sign-in provider. Browsers hold redirects after a form against the page's <c>form-action</c>; a page that goes on by itself ends that chain.</summary>
public sealed partial class ContinuePage
{
    /// <summary>The page.</summary>
    internal static IResult To(string target, string title, string message, string linkText) => new Onward(target, PageResult.Of<ContinuePage>(new ContinueModel(title, message, linkText, target)));

    private sealed class Onward(string target, IResult page) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.Headers["Refresh"] = "0; url=" + target;
            return page.ExecuteAsync(httpContext);
        }
    }
}
