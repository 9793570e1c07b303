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

/// <summary>Sessions of an application.</summary>
internal sealed record SessionListBody(IReadOnlyList<SessionBody> Items);

/// <summary>What revoking all sessions did (contract 2.3).</summary>
internal sealed record SessionsRevokedBody(bool Success, int DisconnectedCount);

/// <summary>Makes session bodies.</summary>
internal static class SessionBodies
{
    private static readonly TimeSpan IdleAfter = TimeSpan.FromMinutes(5);

    /// <summary>disconnected when revoked, expired when its time is over, otherwise active or idle by when it was last seen (contract 1.12).</summary>
    public static string Derived(Session session, DateTimeOffset now) =>
        session.RevokedAt is not null ? "disconnected"
        : now >= session.ExpiresAt ? "expired"
        : now - (session.LastActiveAt ?? session.CreatedAt) < IdleAfter ? "active" : "idle";

    /// <summary>The counts an application shows.</summary>
    public static SessionCountsBody Count(IReadOnlyList<Session> sessions, DateTimeOffset now)
    {
        var active = sessions.Count(session => Derived(session, now) == "active");
        var idle = sessions.Count(session => Derived(session, now) == "idle");
        return new SessionCountsBody(active, idle, active + idle, sessions.Count);
    }

    /// <summary>The body.</summary>
    public static SessionBody Of(OrgId org, Session session, DateTimeOffset now)
    {
        var derived = Derived(session, now);
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
    private const int MaxListed = 1000;

    // The newest come first and none lives longer than hours: this many hold every live one.
    private const int MaxRevoked = 100_000;

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
        var org = ApiCaller.Of(context).Org;
        var now = time.GetUtcNow();
        var all = await sessions.ListAsync(org, application.Id, MaxListed, context.RequestAborted);
        return Api.Ok(new SessionListBody([.. all.Where(session => status == "all" || session.IsLive(now) == (status == "active")).Take(limit).Select(session => SessionBodies.Of(org, session, now))]), ApiJson.Default.SessionListBody);
    }

    private async Task<IResult> ReadAsync(HttpContext context, AppId id, SessionId session) =>
        await FindAsync(context, id) is { } application && await sessions.FindAsync(ApiCaller.Of(context).Org, application.Id, session, context.RequestAborted) is { } found
            ? Api.Ok(new SessionEnvelope(SessionBodies.Of(ApiCaller.Of(context).Org, found.Value, time.GetUtcNow())), ApiJson.Default.SessionEnvelope)
            : ApiErrors.Of(context, Api.NotFound("session"));

    private async Task<IResult> RevokeAllAsync(HttpContext context, AppId id)
    {
        if (await FindAsync(context, id) is not { } application)
            return ApiErrors.Of(context, Api.NotFound("application"));
        var caller = ApiCaller.Of(context);
        var count = 0;
        foreach (var session in await sessions.ListAsync(caller.Org, id, MaxRevoked, context.RequestAborted))
        {
            if (session.IsLive(time.GetUtcNow()) && await revocation.RunAsync(caller.Org, application, session.Id, $"revoked by {caller.Actor.Name}", context.RequestAborted))
                count++;
        }
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
        return await applications.CurrentAsync(caller.Org, id, context.RequestAborted) is { } application && caller.MaySee(application) ? application : null;
    }
}
