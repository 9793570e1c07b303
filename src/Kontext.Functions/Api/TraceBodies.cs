using Kontext.Domain.Audit;

namespace Kontext.Functions.Api;

/// <summary>A trace on the wire (contract 1.13). Agent, person and session are those of its newest event; there may be more (<see cref="Parts"/>).</summary>
internal sealed record TraceBody
{
    // Nothing tells that a trace is over: one without events for this long is taken for ended.
    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(1);

    public required string TraceId { get; init; }

    public string? SessionId { get; init; }

    public required string StartedAt { get; init; }

    public required string LastEventAt { get; init; }

    public string? EndedAt { get; init; }

    public required int EventCount { get; init; }

    public required int OkCount { get; init; }

    public required int WarnCount { get; init; }

    public required int ErrorCount { get; init; }

    public required string AgentId { get; init; }

    public string? AgentName { get; init; }

    public string? OwnerUserId { get; init; }

    public string? OwnerEmail { get; init; }

    public string? OwnerName { get; init; }

    public string? AgentSessionId { get; init; }

    public string? AgentSessionName { get; init; }

    /// <summary>How many agents, people and sessions it has to do with, taken together.</summary>
    public required int Parts { get; init; }

    public static TraceBody Of(Trace trace, string? ownerEmail, string? sessionName, DateTimeOffset now)
    {
        var newest = trace.Parts[0];
        var (ok, warnings, errors) = (trace.Parts.Sum(part => part.Ok), trace.Parts.Sum(part => part.Warnings), trace.Parts.Sum(part => part.Errors));
        return new TraceBody
        {
            TraceId = trace.Id,
            SessionId = newest.Session,
            StartedAt = Wire.Time(trace.First),
            LastEventAt = Wire.Time(trace.Last),
            EndedAt = now - trace.Last >= Silence ? Wire.Time(trace.Last) : null,
            EventCount = ok + warnings + errors,
            OkCount = ok,
            WarnCount = warnings,
            ErrorCount = errors,
            AgentId = newest.Agent.Id,
            AgentName = newest.Agent.Name,
            OwnerUserId = newest.User?.Id,
            OwnerEmail = ownerEmail,
            OwnerName = newest.User?.Name,
            AgentSessionId = newest.Session,
            AgentSessionName = sessionName,
            Parts = trace.Parts.Count,
        };
    }
}

/// <summary>Traces, those with the newest event first.</summary>
/// <param name="Items">The traces.</param>
/// <param name="NextCursor">Where the next page begins; null at the end of the pages.</param>
/// <param name="LookedBackTo">The pages end here although there may be older traces: ask again with <c>until</c> this. Absent when there are none.</param>
internal sealed record TraceListBody(IReadOnlyList<TraceBody> Items, string? NextCursor, string? LookedBackTo = null);

/// <summary>A trace with its events, oldest first: at most 2,000 of them, while <c>eventCount</c> counts all.</summary>
/// <param name="Trace">The trace.</param>
/// <param name="Events">Its events.</param>
/// <param name="More">True when it has others, which are in the audit trail.</param>
internal sealed record TraceEnvelope(TraceBody Trace, IReadOnlyList<AuditEventBody> Events, bool? More = null);

/// <summary>The figures of a period (contract 1.15).</summary>
internal sealed record TraceStatisticsBody(
    string Period, string Since, long TotalTraces, long TotalEvents, IReadOnlyDictionary<string, long> EventCounts, double ErrorRate, LatencyBody Latency, BytesBody BytesTransferred,
    IReadOnlyList<ErrorCountBody> ErrorsByType, IReadOnlyList<ToolCountBody> TopTools, IReadOnlyList<TraceSpanBody> Series)
{
    private const int Top = 20;

    public static TraceStatisticsBody Of(string period, DateTimeOffset since, IReadOnlyList<(DateTimeOffset Start, TraceStatistics Figures)> series)
    {
        var figures = new TraceStatistics();
        foreach (var (_, span) in series)
            figures.Add(span);
        var errors = figures.Statuses.Where(status => TracePart.IsError(status.Key)).Sum(status => status.Value);
        return new TraceStatisticsBody(
            period,
            Wire.Time(since),
            figures.Traces.Value,
            figures.Events,
            figures.Statuses,
            figures.Events == 0 ? 0 : Math.Round(100.0 * errors / figures.Events, 2),
            new LatencyBody(figures.Latency.Percentile(0.5), figures.Latency.Percentile(0.9), figures.Latency.Percentile(0.95), figures.Latency.Percentile(0.99), figures.Latency.Count),
            new BytesBody(figures.BytesIn, figures.BytesOut),
            [.. figures.Errors.OrderByDescending(error => error.Value).ThenBy(error => error.Key, StringComparer.Ordinal).Take(Top).Select(error => new ErrorCountBody(error.Key, error.Value))],
            [.. figures.Tools.OrderByDescending(tool => tool.Value.Calls).ThenBy(tool => tool.Key, StringComparer.Ordinal).Take(Top).Select(tool => ToolCountBody.Of(tool.Key, tool.Value))],
            [.. series.Select(span => TraceSpanBody.Of(span.Start, span.Figures))]);
    }
}

/// <summary>The figures of an hour (period 1d) or a day (7d, 30d).</summary>
/// <param name="Start">When it begins.</param>
/// <param name="Events">All events.</param>
/// <param name="Calls">Calls that ended, well or not.</param>
/// <param name="FailedCalls">Those of them that ended with an error.</param>
/// <param name="Denied">What policy refused.</param>
/// <param name="Errors">All events that are errors, those refused by policy among them.</param>
/// <param name="P50">Milliseconds within which half the calls ended; absent without calls.</param>
/// <param name="P95">Likewise 95 of 100.</param>
internal sealed record TraceSpanBody(string Start, long Events, long Calls, long FailedCalls, long Denied, long Errors, double? P50, double? P95)
{
    public static TraceSpanBody Of(DateTimeOffset start, TraceStatistics figures) => new(
        Wire.Time(start), figures.Events, figures.Latency.Count, figures.Tools.Values.Sum(tool => tool.Errors), figures.Errors.GetValueOrDefault("kontext_policy_denied"),
        figures.Statuses.Where(status => TracePart.IsError(status.Key)).Sum(status => status.Value), figures.Latency.Percentile(0.5), figures.Latency.Percentile(0.95));
}

/// <summary>Milliseconds within which the given share of calls ended; absent without calls.</summary>
internal sealed record LatencyBody(double? P50, double? P90, double? P95, double? P99, long Count);

/// <summary>Bytes to and from integrations.</summary>
internal sealed record BytesBody(long In, long Out);

/// <summary>How often an error occurred.</summary>
internal sealed record ErrorCountBody(string Type, long Count);

/// <summary>How often a tool was called.</summary>
internal sealed record ToolCountBody(string Capability, string Integration, string ToolName, long Count, long ErrorCount)
{
    public static ToolCountBody Of(string capability, ToolCount count)
    {
        var colon = capability.IndexOf(':', StringComparison.Ordinal);
        return new ToolCountBody(capability, colon < 0 ? capability : capability[..colon], capability[(colon + 1)..], count.Calls, count.Errors);
    }
}
