using System.Globalization;
using Kontext.Domain.Audit;

namespace Kontext.Functions.Api;

/// <summary>An audit entry on the wire (contract 1.14, seed 002).</summary>
internal sealed record AuditEventBody
{
    public required string Id { get; init; }

    public required string Timestamp { get; init; }

    public required string Type { get; init; }

    public required string Status { get; init; }

    public AuditPartyBody? Agent { get; init; }

    public AuditPartyBody? User { get; init; }

    public AuditPartyBody? Actor { get; init; }

    public IReadOnlyList<string>? Act { get; init; }

    public string? AgentId { get; init; }

    public string? OwnerUserId { get; init; }

    public string? Integration { get; init; }

    public string? IntegrationId { get; init; }

    public string? IntegrationName { get; init; }

    public string? ToolName { get; init; }

    public string? Capability { get; init; }

    public IReadOnlyList<string>? Scopes { get; init; }

    public string? Target { get; init; }

    public string? ExpiresIn { get; init; }

    public string? Decision { get; init; }

    public RecordedDecisionBody? PolicyEvaluation { get; init; }

    public string? SessionId { get; init; }

    public string? TraceId { get; init; }

    public string? ErrorType { get; init; }

    public string? ErrorMessage { get; init; }

    public double? DurationMs { get; init; }

    public long? BytesIn { get; init; }

    public long? BytesOut { get; init; }

    public required string Hash { get; init; }

    public static AuditEventBody Of(AuditEntry entry)
    {
        var happened = entry.Event;
        return new AuditEventBody
        {
            Id = entry.Id,
            Timestamp = Wire.Time(happened.At),
            Type = happened.Type,
            Status = happened.Status,
            Agent = AuditPartyBody.Of(happened.Agent),
            User = AuditPartyBody.Of(happened.User),
            Actor = AuditPartyBody.Of(happened.Actor),
            Act = happened.Act,
            AgentId = happened.Agent?.Id,
            OwnerUserId = happened.User?.Id,
            Integration = happened.Integration?.Name,
            IntegrationName = happened.Integration?.Name,
            ToolName = happened.Agent is not null && happened.Capability is { } capability ? capability[(capability.IndexOf(':', StringComparison.Ordinal) + 1)..] : null,
            IntegrationId = happened.Integration?.Id,
            Capability = happened.Capability,
            Scopes = happened.Scopes.IsDefaultOrEmpty ? null : happened.Scopes,
            Target = happened.Target,
            ExpiresIn = happened.ExpiresIn,
            Decision = happened.Decision,
            PolicyEvaluation = happened.Policy is null ? null : RecordedDecisionBody.Of(happened.Policy),
            SessionId = happened.SessionId,
            TraceId = happened.TraceId,
            ErrorType = happened.ErrorType,
            ErrorMessage = happened.ErrorMessage,
            DurationMs = happened.DurationMs,
            BytesIn = happened.BytesIn,
            BytesOut = happened.BytesOut,
            Hash = entry.Hash,
        };
    }
}

/// <summary>An id and the name it had at the time.</summary>
internal sealed record AuditPartyBody(string Id, string? Name)
{
    public static AuditPartyBody? Of(AuditParty? party) => party is null ? null : new AuditPartyBody(party.Id, party.Name);
}

/// <summary>Entries, newest first.</summary>
/// <param name="Items">The entries.</param>
/// <param name="Archived">What else there was in the hours asked for; null when storage has it all.</param>
/// <param name="LookedBackTo">So many entries had to be looked at that only what is younger than this was: ask again with <c>until</c> this. Absent when all of the hours asked for were.</param>
internal sealed record AuditEventListBody(IReadOnlyList<AuditEventBody> Items, AuditArchivedBody? Archived, string? LookedBackTo = null);

/// <summary>Older entries, which are in the archive.</summary>
/// <param name="Through">The last UTC day that is.</param>
/// <param name="Place">Where its files are; null for whom that does not concern.</param>
internal sealed record AuditArchivedBody(string Through, string? Place)
{
    public static AuditArchivedBody Of(AuditArchived archived, bool withPlace) => new(archived.Through.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), withPlace ? archived.Place : null);
}

/// <summary>The audit trail: everything for owners and admins, for other people what was done in their name.</summary>
internal sealed class AuditApi(IAuditLog audit, IAuditExport trail, TimeProvider time)
{
    private const int MaxHours = 24 * 30;

    public static void Map(RouteGroupBuilder api)
    {
        api.MapGet("/audit/events", (HttpContext context, AuditApi self) => self.ListAsync(context, own: false));
        api.MapGet("/mcp-events", (HttpContext context, AuditApi self) => self.ListAsync(context, own: true));
    }

    // mcp-events are what agents did for the caller, never what the caller administers (contract 2.6); audit/events is the organization's whole trail.
    private async Task<IResult> ListAsync(HttpContext context, bool own)
    {
        var caller = ApiCaller.Of(context);
        if (!Api.Paging(context).TryGet(out var paging, out var failure))
            return ApiErrors.Of(context, failure);
        var query = context.Request.Query;
        var hours = 24;
        if (query["hours"].ToString() is { Length: > 0 } text && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out hours) || hours is < 1 or > MaxHours))
            return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { ["hours"] = $"Has to be a number from 1 to {MaxHours}." }));
        var person = own || !caller.Privileged ? caller.User?.ToString() ?? "" : null;
        var type = query["type"].ToString();
        var application = query["applicationId"].ToString();
        var (status, user, integration) = (query["status"].ToString(), query["userId"].ToString(), query["integrationId"].ToString());
        var until = DateTimeOffset.MaxValue;
        if (query["until"].ToString() is { Length: > 0 } end && !DateTimeOffset.TryParse(end, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out until))
            return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { ["until"] = "Has to be a point in time, ISO 8601." }));
        // Answers say times to the millisecond: what is asked for up to one is meant with all of it.
        until = until < DateTimeOffset.MaxValue.AddDays(-1) ? until.AddMilliseconds(1) : until;
        var since = time.GetUtcNow().AddHours(-hours);
        var found = await audit.LatestAsync(caller.Org, new AuditTime(since, until), paging.Limit, happened =>
            (own ? IsCall(happened) && happened.User?.Id == person : person is null || happened.User?.Id == person || happened.Actor?.Id == person)
            && (type.Length == 0 || happened.Type == type)
            && (status.Length == 0 || happened.Status == status)
            && (user.Length == 0 || happened.User?.Id == user || happened.Actor?.Id == user)
            && (integration.Length == 0 || happened.Integration?.Id == integration)
            && (application.Length == 0 || happened.Agent?.Id == application || "app_" + happened.Agent?.Id == application), context.RequestAborted);
        var older = await trail.ArchivedAsync(caller.Org, context.RequestAborted) is { } archived && archived.Through >= DateOnly.FromDateTime(since.UtcDateTime)
            ? AuditArchivedBody.Of(archived, caller.Privileged)
            : null;
        // Rounded up, so that what is asked for next begins where this ended.
        var lookedBackTo = found.LookedBackTo is { } moment ? Wire.Time(moment.AddTicks(TimeSpan.TicksPerMillisecond - 1)) : null;
        return Api.Ok(new AuditEventListBody([.. found.Entries.Select(AuditEventBody.Of)], older, lookedBackTo), ApiJson.Default.AuditEventListBody);
    }

    private static bool IsCall(AuditEvent happened) => happened.Type is AuditTypes.ApiCall or AuditTypes.CredentialIssued or AuditTypes.CredentialInjected or AuditTypes.CredentialExpired;
}
