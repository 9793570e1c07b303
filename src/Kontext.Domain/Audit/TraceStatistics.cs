using System.Collections.Immutable;

namespace Kontext.Domain.Audit;

/// <summary>How often a tool was called.</summary>
/// <param name="Calls">All calls.</param>
/// <param name="Errors">Those that ended with an error.</param>
public sealed record ToolCount(long Calls, long Errors);

/// <summary>The figures of a span of time, for an organization or a person (contract 1.15). Figures of neighbouring spans add up.</summary>
public sealed class TraceStatistics
{
    // Of names that callers choose only so many are told apart; what comes after counts in the totals.
    private const int MaxTools = 500;
    private const int MaxErrors = 100;

    private readonly Dictionary<string, long> statuses = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> errors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ToolCount> tools = new(StringComparer.Ordinal);

    /// <summary>The traces.</summary>
    public DistinctCount Traces { get; init; } = new();

    /// <summary>How long calls took.</summary>
    public LatencyHistogram Latency { get; init; } = new();

    /// <summary>Events per status.</summary>
    public IReadOnlyDictionary<string, long> Statuses => statuses;

    /// <summary>Events per kind of error.</summary>
    public IReadOnlyDictionary<string, long> Errors => errors;

    /// <summary>Calls per tool, by <c>integration:operation</c>.</summary>
    public IReadOnlyDictionary<string, ToolCount> Tools => tools;

    /// <summary>Bytes sent to integrations.</summary>
    public long BytesIn { get; private set; }

    /// <summary>Bytes of their answers.</summary>
    public long BytesOut { get; private set; }

    /// <summary>All events.</summary>
    public long Events => statuses.Values.Sum();

    /// <summary>Reads figures that were stored.</summary>
    public static TraceStatistics Of(StoredStatistics stored)
    {
        var statistics = new TraceStatistics { Traces = DistinctCount.Of(Convert.FromBase64String(stored.Traces)), Latency = LatencyHistogram.Of(stored.Latency) };
        Add(statistics.statuses, stored.Statuses, int.MaxValue);
        Add(statistics.errors, stored.Errors, int.MaxValue);
        foreach (var (tool, count) in stored.Tools)
            statistics.tools[tool] = count;
        (statistics.BytesIn, statistics.BytesOut) = (stored.BytesIn, stored.BytesOut);
        return statistics;
    }

    /// <summary>Adds an event.</summary>
    public void Add(AuditEvent happened)
    {
        if (happened.TraceId is { } trace)
            Traces.Add(trace);
        Count(statuses, happened.Status, 1, int.MaxValue);
        var failed = TracePart.IsError(happened.Status);
        if (failed)
            Count(errors, happened.ErrorType ?? happened.Status, 1, MaxErrors);
        if (happened.Type != AuditTypes.ApiCall)
            return;
        if (happened.DurationMs is { } duration)
            Latency.Add(duration);
        BytesIn += happened.BytesIn ?? 0;
        BytesOut += happened.BytesOut ?? 0;
        if (happened.Capability is { } tool)
            Count(tool, new ToolCount(1, failed ? 1 : 0));
    }

    /// <summary>Adds the figures of another span.</summary>
    public void Add(TraceStatistics other)
    {
        Traces.Add(other.Traces);
        Latency.Add(other.Latency);
        Add(statuses, other.statuses, int.MaxValue);
        Add(errors, other.errors, MaxErrors);
        foreach (var (tool, count) in other.tools)
            Count(tool, count);
        BytesIn += other.BytesIn;
        BytesOut += other.BytesOut;
    }

    /// <summary>The figures, for storing.</summary>
    public StoredStatistics ToStored() => new()
    {
        Traces = Convert.ToBase64String(Traces.ToBytes()),
        Latency = Latency.Buckets.ToImmutableDictionary(),
        Statuses = statuses.ToImmutableDictionary(),
        Errors = errors.ToImmutableDictionary(),
        Tools = tools.ToImmutableDictionary(),
        BytesIn = BytesIn,
        BytesOut = BytesOut,
    };

    private void Count(string tool, ToolCount more)
    {
        if (tools.TryGetValue(tool, out var count))
            tools[tool] = new ToolCount(count.Calls + more.Calls, count.Errors + more.Errors);
        else if (tools.Count < MaxTools)
            tools[tool] = more;
    }

    private static void Add(Dictionary<string, long> counts, IEnumerable<KeyValuePair<string, long>> others, int max)
    {
        foreach (var (name, count) in others)
            Count(counts, name, count, max);
    }

    private static void Count(Dictionary<string, long> counts, string name, long more, int max)
    {
        if (counts.ContainsKey(name) || counts.Count < max)
            counts[name] = counts.GetValueOrDefault(name) + more;
    }
}

/// <summary>Figures as they are stored.</summary>
public sealed record StoredStatistics
{
    /// <summary>The sketch of the traces, base64.</summary>
    public string Traces { get; init; } = "";

    /// <summary>Calls per bucket of time.</summary>
    public ImmutableDictionary<int, long> Latency { get; init; } = ImmutableDictionary<int, long>.Empty;

    /// <summary>Events per status.</summary>
    public ImmutableDictionary<string, long> Statuses { get; init; } = ImmutableDictionary<string, long>.Empty;

    /// <summary>Events per kind of error.</summary>
    public ImmutableDictionary<string, long> Errors { get; init; } = ImmutableDictionary<string, long>.Empty;

    /// <summary>Calls per tool.</summary>
    public ImmutableDictionary<string, ToolCount> Tools { get; init; } = ImmutableDictionary<string, ToolCount>.Empty;

    /// <summary>Bytes sent to integrations.</summary>
    public long BytesIn { get; init; }

    /// <summary>Bytes of their answers.</summary>
    public long BytesOut { get; init; }
}
