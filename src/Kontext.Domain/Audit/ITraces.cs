namespace Kontext.Domain.Audit;

/// <summary>A trace: everything recorded under one W3C trace id, as far as the reader may see it.</summary>
/// <param name="Id">The trace id.</param>
/// <param name="Parts">Its parts, the one with the newest event first.</param>
public sealed record Trace(string Id, IReadOnlyList<TracePart> Parts)
{
    /// <summary>Its oldest event.</summary>
    public DateTimeOffset First => Parts.Min(part => part.First);

    /// <summary>Its newest event.</summary>
    public DateTimeOffset Last => Parts.Max(part => part.Last);
}

/// <summary>Which traces.</summary>
/// <param name="User">Only what was done for this person; null for everybody.</param>
/// <param name="Session">Only what was done in this session; null for all.</param>
/// <param name="Agent">Only what this agent did; null for all.</param>
public sealed record TraceFilter(UserId? User, SessionId? Session, AppId? Agent)
{
    /// <summary>Does it let the part through?</summary>
    public bool Allows(TracePart part) =>
        (User is not { } user || part.User?.Id == user.ToString())
        && (Session is not { } session || part.Session == session.ToString())
        && (Agent is not { } agent || part.Agent.Id == agent.ToString());
}

/// <summary>Traces that were looked for.</summary>
/// <param name="Traces">Those found, the one with the newest event first.</param>
/// <param name="LookedBackTo">Not everything was looked at, only what is younger than this; null when nothing older was asked for or needed.</param>
public sealed record TraceList(IReadOnlyList<Trace> Traces, DateTimeOffset? LookedBackTo = null);

/// <summary>A trace with what was recorded of it.</summary>
/// <param name="Trace">The trace.</param>
/// <param name="Entries">Its entries, oldest first.</param>
/// <param name="More">It has others: those of the largest traces are not all read.</param>
public sealed record TraceRecord(Trace Trace, IReadOnlyList<AuditEntry> Entries, bool More);

/// <summary>Reads traces and their figures from the audit trail (contract 2.6). What the last days hold is found without reading them through.</summary>
public interface ITraces
{
    /// <summary>Traces with an event at or before <paramref name="until"/>, those with the newest event first: <paramref name="limit"/> of them after the first <paramref name="offset"/>. Whoever wants to see further than was looked asks for those until <see cref="TraceList.LookedBackTo"/>.</summary>
    Task<TraceList> ListAsync(OrgId org, TraceFilter filter, DateTimeOffset until, int offset, int limit, CancellationToken cancellationToken);

    /// <summary>A trace with its entries, oldest first; null when nothing of it is visible to <paramref name="user"/> (null: to somebody who sees everything).</summary>
    Task<TraceRecord?> FindAsync(OrgId org, string traceId, UserId? user, CancellationToken cancellationToken);

    /// <summary>The figures since a moment, to the hour.</summary>
    Task<TraceStatistics> StatisticsAsync(OrgId org, UserId? user, DateTimeOffset since, CancellationToken cancellationToken);

    /// <summary>The same figures span by span, oldest first: by UTC hours where that is asked for, else by UTC days. Spans without events are left out.</summary>
    Task<IReadOnlyList<(DateTimeOffset Start, TraceStatistics Figures)>> SeriesAsync(OrgId org, UserId? user, DateTimeOffset since, bool hourly, CancellationToken cancellationToken);
}
