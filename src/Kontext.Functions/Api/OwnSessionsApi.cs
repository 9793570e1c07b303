using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Api;

/// <summary>The signed-in person's own sessions, with whatever agent: <c>/me/sessions</c>. The nested resource of contract 2.3 shows those of an application to its owner.</summary>
internal sealed class OwnSessionsApi(OwnSessions own, TimeProvider time)
{
    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/me/sessions").WithMetadata(new OwnAffairs());
        group.MapGet("", (HttpContext context, OwnSessionsApi self) => self.ListAsync(context));
        group.MapDelete("", (HttpContext context, OwnSessionsApi self) => self.EndAllAsync(context));
        group.MapDelete("/{session}", (SessionId session, HttpContext context, OwnSessionsApi self) => self.EndAsync(context, session));
    }

    private async Task<IResult> ListAsync(HttpContext context)
    {
        if (!Person(context).TryGet(out var person, out var failure))
            return ApiErrors.Of(context, failure);
        var now = time.GetUtcNow();
        var sessions = await own.ListAsync(person.Org, person.User.Id, context.RequestAborted);
        return Api.Ok(new SessionListBody([.. sessions.Select(session => SessionBodies.Of(person.Org, session.Application, session.Session, now))]), ApiJson.Default.SessionListBody);
    }

    private async Task<IResult> EndAllAsync(HttpContext context) =>
        Person(context).TryGet(out var person, out var failure)
            ? Api.Ok(new SessionsRevokedBody(true, await own.EndAllAsync(person.Org, person.User, context.RequestAborted)), ApiJson.Default.SessionsRevokedBody)
            : ApiErrors.Of(context, failure);

    private async Task<IResult> EndAsync(HttpContext context, SessionId session)
    {
        if (!Person(context).TryGet(out var person, out var failure))
            return ApiErrors.Of(context, failure);
        return await own.EndAsync(person.Org, person.User, session, context.RequestAborted) is null
            ? ApiErrors.Of(context, Api.NotFound("session"))
            : Results.NoContent();
    }

    private static Result<(OrgId Org, User User)> Person(HttpContext context) => CallerOf.Request(context) is AgentCaller caller
        ? (caller.Org, caller.User)
        : new Failure(FailureCode.Forbidden, "A service account has no sessions of its own: this needs a person's token.");
}
