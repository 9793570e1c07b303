using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.OAuth;
using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Account;

/// <summary>The page on which a person sees the agents acting for them and ends that.</summary>
internal static class SessionsEndpoints
{
    private const string Path = "/sessions";

    public static void Map(IEndpointRouteBuilder app)
    {
        var group = app.MapGroup(Path).WithMetadata(new Surface(Authenticate: null, PageErrors.Of));
        group.MapGet("", ShowAsync);
        group.MapPost("/end", (HttpContext context, BrowserSessions browser, OwnSessions own) => PostAsync(context, browser, async (person, form) =>
        {
            if (!SessionId.TryParse(form["session"], null, out var id) || await own.EndAsync(person.Org, person.User, id, context.RequestAborted) is not { } ended)
                return new Failure(FailureCode.NotFound, "There is no such session. Go back and reload the page.");
            return $"{Path}?ended={ended.Session.Id}";
        }));
        group.MapPost("/end-all", (HttpContext context, BrowserSessions browser, OwnSessions own) => PostAsync(context, browser, async (person, _) =>
        {
            await own.EndAllAsync(person.Org, person.User, context.RequestAborted);
            return $"{Path}?ended=all";
        }));
    }

    private static async Task<IResult> ShowAsync(HttpContext context, BrowserSessions browser, OwnSessions own, SessionsView view)
    {
        if (await browser.CurrentAsync(context) is not { } person)
            return SignInEndpoints.Redirect(Path);
        var sessions = await own.ListAsync(person.Org, person.User.Id, context.RequestAborted);
        return PageResult.Of<SessionsPage>(await view.OfAsync(person, sessions, context.Request.Query["ended"], context.RequestAborted));
    }

    private static async Task<IResult> PostAsync(HttpContext context, BrowserSessions browser, Func<BrowserUser, OAuthParameters, Task<Result<string>>> act)
    {
        if (!(await FormFields.ReadAsync(context.Request, context.RequestAborted)).TryGet(out var form, out var failure))
            return PageErrors.Of(context, failure);
        if (await browser.CurrentAsync(context) is not { } person)
            return SignInEndpoints.Redirect(Path);
        if (!browser.IsCsrf(context, person, form["csrf"]))
            return PageErrors.Of(context, new Failure(FailureCode.InvalidRequest, "The form is out of date, or came from another page. Go back, reload the page and try again."));
        return (await act(person, form)).TryGet(out var next, out failure) ? SeeOther.To(next) : PageErrors.Of(context, failure);
    }
}
