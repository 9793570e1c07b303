using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Pages;

namespace Kontext.Functions.Account;

/// <summary>The page on which a person sees the agents acting for them and ends that.</summary>
internal static class SessionsEndpoints
{
    private const string Path = "/sessions";

    public static void Map(IEndpointRouteBuilder app)
    {
        var group = app.MapGroup(Path).WithMetadata(new Surface(Authenticate: null, (context, failure) => LoadErrors.Of(context, failure, "agents", Path)));
        group.MapGet("", (HttpContext context, SignedInPages pages, OwnSessions own, SessionsView view) => pages.ShowAsync(context, async (user, person) =>
        {
            var sessions = await own.ListAsync(user.Org, user.User.Id, context.RequestAborted);
            return PageResult.Of<SessionsPage>(await view.OfAsync(user, person, sessions, context.RequestAborted));
        }));
        group.MapPost("/end", (HttpContext context, SignedInPages pages, OwnSessions own) => pages.PostAsync(context, Path, async (user, form) =>
            SessionId.TryParse(form["session"], null, out var id) && await own.EndAsync(user.Org, user.User, id, context.RequestAborted) is { } ended
                ? new Posted.To(Path, $"{ended.Application.Name} can no longer act for you with this session.")
                : new Posted.Answer(PageErrors.Of(context, new Failure(FailureCode.NotFound, "There is no such session. Go back and reload the page.")))));
        group.MapPost("/end-all", (HttpContext context, SignedInPages pages, OwnSessions own) => pages.PostAsync(context, Path, async (user, form) =>
        {
            if (!SignedInPages.IsConfirmed(form))
                return new Posted.Question("End all sessions?", SessionsPage.EndAllQuestion, "End all sessions");
            await own.EndAllAsync(user.Org, user.User, context.RequestAborted);
            return new Posted.To(Path, "Every agent's session was ended. None can act for you until you approve it again.");
        }));
    }
}
