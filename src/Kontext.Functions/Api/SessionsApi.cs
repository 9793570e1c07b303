using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Api;

/// <summary>A session on the wire (contract 1.12).</summary>
internal sealed record SessionBody(string Id, string Name, string Status, string DerivedStatus, string? TokenExpiresAt, string? LastActiveAt, string? ConnectedAt, string? DisconnectedAt, string CreatedAt, string AgentId, string OrganizationId, string UserId, string? Hostname, string? UserAgent, IReadOnlyList<string> Scopes)
{
    public ClientInfoBody? ClientInfo { get; init; }
}

/// <summary>What the MCP client says it is.</summary>
internal sealed record ClientInfoBody(string? Name, string? Title, string? Version);

/// <summary>One session.</summary>
internal sealed record SessionEnvelope(SessionBody Session);

/// <summary>Sessions, newest first.</summary>
internal sealed record SessionListBody(IReadOnlyList<SessionBody> Items, string? NextCursor = null);

/// <summary>What revoking all sessions did (contract 2.3).</summary>
internal sealed record SessionsRevokedBody(bool Success, int DisconnectedCount);

/// <summary>Makes session bodies.</summary>
internal static class SessionBodies
{
    private static readonly TimeSpan IdleAfter = TimeSpan.FromMinutes(5);

    /// <summary>The agent can act with it: neither has ended, nor was the agent cut off.</summary>
    public static bool IsLive(Application application, Session session, DateTimeOffset now) => session.IsLive(now) && application is { Archived: false, Suspended: false };

    /// <summary>The counts an application shows, of at most so many of its sessions.</summary>
    public static SessionCountsBody Count(Application application, IReadOnlyList<Session> sessions, int most, DateTimeOffset now)
    {
        var derived = sessions.Take(most).Select(session => Derived(application, session, now)).ToList();
        var (active, idle) = (derived.Count(status => status == "active"), derived.Count(status => status == "idle"));
        return new SessionCountsBody(active, idle, active + idle, derived.Count) { AtLeast = sessions.Count > most ? true : null };
    }

    // disconnected when it was revoked or its agent cut off, expired when its time is over, otherwise active or idle by when it was last seen (contract 1.12).
    private static string Derived(Application application, Session session, DateTimeOffset now) =>
        session.RevokedAt is not null ? "disconnected"
        : now >= session.ExpiresAt ? "expired"
        : !IsLive(application, session, now) ? "disconnected"
        : now - (session.LastActiveAt ?? session.CreatedAt) < IdleAfter ? "active" : "idle";

    /// <summary>The body.</summary>
    public static SessionBody Of(OrgId org, Application application, Session session, DateTimeOffset now)
    {
        var derived = Derived(application, session, now);
        return new SessionBody(
            session.Id.ToString(), session.Name, derived is "active" or "idle" ? "active" : "disconnected", derived,
            Wire.Time(session.TokenExpiresAt), Wire.Time(session.LastActiveAt), Wire.Time(session.CreatedAt), Wire.Time(session.RevokedAt), Wire.Time(session.CreatedAt),
            session.Application.ToString(), org.ToString(), session.User.ToString(), session.Hostname, session.UserAgent, session.Scopes)
        {
            ClientInfo = session.ClientInfo is { } client ? new ClientInfoBody(client.Name, client.Title, client.Version) : null,
        };
    }
}

/// <summary>Agent sessions of an application (contract 2.3).</summary>
internal sealed class SessionsApi(IApplicationStore applications, ISessionStore sessions, SessionRevocation revocation, TimeProvider time)
{
    private const int PageSize = 500;

    // What one answer may cost; the rest is for the next page.
    private const int MaxExamined = 10_000;

    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/applications/{id}/sessions");
        group.MapGet("", (AppId id, HttpContext context, SessionsApi self) => self.ListAsync(context, id));
        group.MapGet("/{session}", (AppId id, SessionId session, HttpContext context, SessionsApi self) => self.ReadAsync(context, id, session));
        group.MapDelete("", (AppId id, HttpContext context, SessionsApi self) => self.RevokeAllAsync(context, id));
        group.MapDelete("/{session}", (AppId id, SessionId session, HttpContext context, SessionsApi self) => self.RevokeAsync(context, id, session));
    }

    private async Task<IResult> ListAsync(HttpContext context, AppId id)
    {
        if (await FindAsync(context, id) is not { } application)
            return ApiErrors.Of(context, Api.NotFound("application"));
        var query = context.Request.Query;
        var limit = 100;
        if (query["limit"].ToString() is { Length: > 0 } text && (!int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out limit) || limit is < 1 or > 200))
            return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { ["limit"] = "Has to be a number from 1 to 200." }));
        var status = query["status"].ToString() is { Length: > 0 } given ? given : query["includeInactive"] == "true" ? "all" : "active";
        if (status is not ("active" or "inactive" or "all"))
            return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { ["status"] = "Has to be active, inactive or all." }));
        SessionId last = default;
        if (query["cursor"].ToString() is { Length: > 0 } cursor && !SessionId.TryParse(cursor, null, out last))
            return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { ["cursor"] = "Is not one this list gave." }));
        SessionId? after = last == default ? null : last;
        var org = ApiCaller.Of(context).Org;
        var now = time.GetUtcNow();
        var (items, next) = await FindAsync(org, application, session => status == "all" || SessionBodies.IsLive(application, session, now) == (status == "active"), after, limit, context.RequestAborted);
        return Api.Ok(new SessionListBody([.. items.Select(session => SessionBodies.Of(org, application, session, now))], next?.ToString()), ApiJson.Default.SessionListBody);
    }

    /// <summary>The sessions that match, from the newest or after one; with the last that was looked at, null when no other is left.</summary>
    private async Task<(List<Session> Items, SessionId? Next)> FindAsync(OrgId org, Application application, Func<Session, bool> matches, SessionId? after, int limit, CancellationToken cancellationToken)
    {
        var items = new List<Session>();
        for (var examined = 0; examined < MaxExamined; examined += PageSize)
        {
            var page = await sessions.ListAsync(org, application.Id, after, PageSize, cancellationToken);
            for (var at = 0; at < page.Count; at++)
            {
                after = page[at].Id;
                if (matches(page[at]))
                    items.Add(page[at]);
                if (items.Count == limit)
                    return (items, at + 1 == page.Count && page.Count < PageSize ? null : after);
            }
            if (page.Count < PageSize)
                return (items, null);
        }
        return (items, after);
    }

    private async Task<IResult> ReadAsync(HttpContext context, AppId id, SessionId session) =>
        await FindAsync(context, id) is { } application && await sessions.FindAsync(ApiCaller.Of(context).Org, application.Id, session, context.RequestAborted) is { } found
            ? Api.Ok(new SessionEnvelope(SessionBodies.Of(ApiCaller.Of(context).Org, application, found.Value, time.GetUtcNow())), ApiJson.Default.SessionEnvelope)
            : ApiErrors.Of(context, Api.NotFound("session"));

    private async Task<IResult> RevokeAllAsync(HttpContext context, AppId id)
    {
        if (await FindAsync(context, id) is not { } application)
            return ApiErrors.Of(context, Api.NotFound("application"));
        var caller = ApiCaller.Of(context);
        var count = 0;
        IReadOnlyList<Session> page = [];
        // To the oldest: some live for a year, and what was not reached is not said to be revoked.
        do
        {
            page = await sessions.ListAsync(caller.Org, application.Id, page.Count > 0 ? page[^1].Id : null, PageSize, context.RequestAborted);
            foreach (var session in page)
            {
                if ((session.IsLive(time.GetUtcNow()) || session.RevocationUnrecorded) && await revocation.RunAsync(caller.Org, application, session.Id, $"revoked by {caller.Actor.Name}", context.RequestAborted))
                    count++;
            }
        }
        while (page.Count == PageSize);
        return Api.Ok(new SessionsRevokedBody(true, count), ApiJson.Default.SessionsRevokedBody);
    }

    private async Task<IResult> RevokeAsync(HttpContext context, AppId id, SessionId session)
    {
        var caller = ApiCaller.Of(context);
        if (await FindAsync(context, id) is not { } application || await sessions.FindAsync(caller.Org, id, session, context.RequestAborted) is null)
            return ApiErrors.Of(context, Api.NotFound("session"));
        await revocation.RunAsync(caller.Org, application, session, $"revoked by {caller.Actor.Name}", context.RequestAborted);
        return Results.NoContent();
    }

    private async Task<Application?> FindAsync(HttpContext context, AppId id)
    {
        var caller = ApiCaller.Of(context);
        return await applications.FindAsync(caller.Org, id, context.RequestAborted) is { Value: { Archived: false } application } && caller.MaySee(application) ? application : null;
    }
}
