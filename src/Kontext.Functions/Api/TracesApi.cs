using System.Globalization;
using System.Text;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;
using Microsoft.AspNetCore.WebUtilities;

namespace Kontext.Functions.Api;

/// <summary>Traces and their figures (contract 2.6): everything for those who may see the organization's, for other people what was done in their name.</summary>
internal sealed class TracesApi(ITraces traces, IUserStore users, ISessionStore sessions, TimeProvider time)
{
    private const int MaxOffset = 10_000;

    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/traces");
        group.MapGet("", (HttpContext context, TracesApi self) => self.ListAsync(context));
        group.MapGet("/stats", (HttpContext context, TracesApi self) => self.StatisticsAsync(context));
        group.MapGet("/{traceId}", (string traceId, HttpContext context, TracesApi self) => self.ReadAsync(context, traceId));
    }

    private async Task<IResult> ListAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (!Api.Paging(context).TryGet(out var paging, out var failure) || !Start(context, paging.Cursor).TryGet(out var start, out failure) || !Filter(context, caller).TryGet(out var filter, out failure))
            return ApiErrors.Of(context, failure);
        if (filter is null)
            return Api.Ok(new TraceListBody([], null), ApiJson.Default.TraceListBody);
        // One more than asked for tells whether there is a next page.
        var found = await traces.ListAsync(caller.Org, filter, start.Until, start.Offset, paging.Limit + 1, context.RequestAborted);
        var page = found.Traces.Take(paging.Limit).ToList();
        var items = await Task.WhenAll(page.Select(trace => BodyOfAsync(caller.Org, trace, context.RequestAborted)));
        var (more, ends) = (found.Traces.Count > paging.Limit, start.Offset + paging.Limit > MaxOffset);
        var next = more && !ends
            ? WebEncoders.Base64UrlEncode(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{start.Until.UtcTicks}.{start.Offset + paging.Limit}"))) : null;
        // Where the pages end although there is more, it has an event that is no younger than those of any trace here.
        var lookedBackTo = !more ? found.LookedBackTo : ends ? page.Min(trace => trace.Last) : null;
        return Api.Ok(new TraceListBody(items, next, lookedBackTo is { } moment ? Wire.Time(moment.AddTicks(TimeSpan.TicksPerMillisecond - 1)) : null), ApiJson.Default.TraceListBody);
    }

    private async Task<IResult> StatisticsAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        var period = context.Request.Query["period"].ToString() is { Length: > 0 } given ? given : "1d";
        if (period switch { "1d" or "24h" => 1, "7d" => 7, "30d" => 30, _ => 0 } is not (> 0 and var days))
            return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { ["period"] = "Has to be 1d, 24h, 7d or 30d." }));
        if (!Person(context, caller).TryGet(out var person, out var failure))
            return ApiErrors.Of(context, failure);
        var since = time.GetUtcNow().AddDays(-days);
        var series = person.Nobody ? [] : await traces.SeriesAsync(caller.Org, person.User, since, hourly: days == 1, context.RequestAborted);
        return Api.Ok(TraceStatisticsBody.Of(period, since, series), ApiJson.Default.TraceStatisticsBody);
    }

    private async Task<IResult> ReadAsync(HttpContext context, string traceId)
    {
        var caller = ApiCaller.Of(context);
        if (!TracePart.IsTraceId(traceId) || await traces.FindAsync(caller.Org, traceId, caller.Privileged ? null : caller.User, context.RequestAborted) is not { } found)
            return ApiErrors.Of(context, Api.NotFound("trace"));
        return Api.Ok(new TraceEnvelope(await BodyOfAsync(caller.Org, found.Trace, context.RequestAborted), [.. found.Entries.Select(AuditEventBody.Of)], found.More ? true : null), ApiJson.Default.TraceEnvelope);
    }

    private async Task<TraceBody> BodyOfAsync(OrgId org, Trace trace, CancellationToken cancellationToken)
    {
        var newest = trace.Parts[0];
        var owner = UserId.TryParse(newest.User?.Id, null, out var user) ? await users.CurrentAsync(org, user, cancellationToken) : null;
        var session = SessionId.TryParse(newest.Session, null, out var id) && AppId.TryParse(newest.Agent.Id, null, out var agent) ? await sessions.CurrentAsync(org, agent, id, cancellationToken) : null;
        return TraceBody.Of(trace, owner?.Email, session?.Name, time.GetUtcNow());
    }

    /// <summary>Where the page begins: by cursor, or by offset from the newest, or the newest up to a moment.</summary>
    private Result<(DateTimeOffset Until, int Offset)> Start(HttpContext context, string? cursor)
    {
        if (cursor is not null)
            return ReadCursor(cursor) ?? throw new ArgumentException("The cursor is not one this list gave.", nameof(cursor));
        var (text, end) = (context.Request.Query["offset"].ToString(), context.Request.Query["until"].ToString());
        var (until, offset) = (time.GetUtcNow(), 0);
        if (text.Length > 0 && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out offset) || offset > MaxOffset))
            return Api.Invalid(new Dictionary<string, string> { ["offset"] = $"Has to be a number from 0 to {MaxOffset}." });
        if (end.Length > 0 && !DateTimeOffset.TryParse(end, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out until))
            return Api.Invalid(new Dictionary<string, string> { ["until"] = "Has to be a point in time, ISO 8601." });
        return (until, offset);
    }

    private static (DateTimeOffset Until, int Offset)? ReadCursor(string cursor)
    {
        try
        {
            var parts = Encoding.ASCII.GetString(WebEncoders.Base64UrlDecode(cursor)).Split('.');
            return parts.Length == 2 && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var ticks) && ticks <= DateTimeOffset.MaxValue.UtcTicks
                && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var offset) && offset <= MaxOffset
                ? (new DateTimeOffset(ticks, TimeSpan.Zero), offset) : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>Which traces are asked for; null when it can only be none.</summary>
    private static Result<TraceFilter?> Filter(HttpContext context, ApiCaller caller)
    {
        var query = context.Request.Query;
        if (!Person(context, caller).TryGet(out var person, out var failure))
            return failure;
        SessionId session = default;
        if (query["sessionId"].ToString() is { Length: > 0 } asked && !SessionId.TryParse(asked, null, out session))
            return Api.Invalid(new Dictionary<string, string> { ["sessionId"] = "Has to be a session's id." });
        AppId agent = default;
        if ((query["agentId"].ToString() is { Length: > 0 } named ? named : query["applicationId"].ToString()) is { Length: > 0 } application && !AppId.TryParse(application, null, out agent))
            return Api.Invalid(new Dictionary<string, string> { ["agentId"] = "Has to be an application's id." });
        return Result.Of(person.Nobody ? null : new TraceFilter(person.User, session == default ? null : session, agent == default ? null : agent));
    }

    /// <summary>Whose: anybody's that those ask for who see everything, one's own for others. Asking for somebody else's gives nothing, as if there were none.</summary>
    private static Result<(UserId? User, bool Nobody)> Person(HttpContext context, ApiCaller caller)
    {
        var query = context.Request.Query;
        UserId user = default;
        if ((query["userId"].ToString() is { Length: > 0 } named ? named : query["ownerUserId"].ToString()) is { Length: > 0 } asked && !UserId.TryParse(asked, null, out user))
            return Api.Invalid(new Dictionary<string, string> { ["userId"] = "Has to be a person's id." });
        UserId? wanted = user == default ? null : user;
        return caller.Privileged ? (wanted, false) : (caller.User, caller.User is null || (wanted is not null && wanted != caller.User));
    }
}
