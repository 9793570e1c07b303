using System.Collections.Concurrent;
using System.Diagnostics;

namespace Kontext.Chaos;

/// <summary>What happened in a run, by one clock. The checks read nothing else of the driver's.</summary>
internal sealed class Journal
{
    private readonly long begun = Stopwatch.GetTimestamp();
    private readonly ConcurrentDictionary<string, int> tallies = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> instances = new(StringComparer.Ordinal);

    /// <summary>The time since the beginning.</summary>
    public TimeSpan Now => Stopwatch.GetElapsedTime(begun);

    /// <summary>What agents asked, with the answers.</summary>
    public ConcurrentQueue<Attempt> Attempts { get; } = [];

    /// <summary>What was revoked.</summary>
    public ConcurrentQueue<Revocation> Revocations { get; } = [];

    /// <summary>What was killed.</summary>
    public ConcurrentQueue<Kill> Kills { get; } = [];

    /// <summary>When instances were away: from just before the kill until they answered again.</summary>
    public ConcurrentQueue<EpochCut> Absences { get; } = [];

    /// <summary>When instances could not read the epoch row.</summary>
    public ConcurrentQueue<EpochCut> EpochCuts { get; } = [];

    /// <summary>What providers saw, by refresh token.</summary>
    public ConcurrentDictionary<string, ConcurrentQueue<Presentation>> Presentations { get; } = new(StringComparer.Ordinal);

    /// <summary>Accounts whose grants were withdrawn at the provider.</summary>
    public ConcurrentDictionary<string, bool> Withdrawn { get; } = new(StringComparer.Ordinal);

    /// <summary>What was wrong as soon as it was seen: an answer of 500 to an administrator, another person's credential at a tool.</summary>
    public ConcurrentQueue<Breach> Breaches { get; } = [];

    /// <summary>Counts something for the summary.</summary>
    public void Count(string what, int times = 1) => tallies.AddOrUpdate(what, times, (_, before) => before + times);

    /// <summary>How often it was counted.</summary>
    public int CountOf(string what) => tallies.GetValueOrDefault(what);

    /// <summary>Everything that was counted.</summary>
    public IReadOnlyList<KeyValuePair<string, int>> Counts => [.. tallies.OrderBy(tally => tally.Key, StringComparer.Ordinal)];

    /// <summary>Notes which instance a trace was sent to.</summary>
    public void Sent(string trace, int instance) => instances[trace] = instance;

    /// <summary>Which instance a trace was sent to; null when it is none of an agent's.</summary>
    public int? InstanceOf(string? traceParent) =>
        traceParent?.Split('-') is [_, var trace, ..] && instances.TryGetValue(trace, out var instance) ? instance : null;
}
