using System.Text.Json.Serialization;
using Kontext.Domain.Audit;
using Kontext.Domain.Policies;

namespace Kontext.Functions.Api;

/// <summary>A set of rules to hold against the decisions of a period.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record PolicyReplayInput
{
    public IReadOnlyList<PolicyRuleInput?>? Rules { get; init; }

    /// <summary>Beginning of the period, ISO 8601.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Its end, which does not belong to it; left out: now.</summary>
    public DateTimeOffset? To { get; init; }

    /// <summary>Its length up to its end, instead of <see cref="From"/>.</summary>
    public int? Hours { get; init; }

    /// <summary>The most entries of an answer.</summary>
    public int? Limit { get; init; }

    public string? Cursor { get; init; }

    /// <summary>Lists the decisions as well of which nothing can be said.</summary>
    public bool IncludeUndecidable { get; init; }
}

/// <summary>Where the next page of a replay begins.</summary>
/// <param name="Rules">Hash of the rules it is about.</param>
/// <param name="From">Beginning of the period.</param>
/// <param name="To">Its end.</param>
/// <param name="Day">The day that was being read.</param>
/// <param name="Chain">The chain of the last entry that was examined.</param>
/// <param name="Sequence">Its number.</param>
/// <param name="Segment">The segment of the chain it is in.</param>
/// <param name="Block">The block of the segment it is in.</param>
internal sealed record PolicyReplayCursor(string Rules, DateTimeOffset From, DateTimeOffset To, DateOnly Day, string Chain, long Sequence, int Segment, int Block);

/// <summary>A recorded decision that would come out otherwise.</summary>
internal sealed record ReplayedDecisionBody
{
    /// <summary>The audit entry.</summary>
    public required string EntryId { get; init; }

    public required string Timestamp { get; init; }

    /// <summary><c>changed</c> or <c>undecidable</c>.</summary>
    public required string Outcome { get; init; }

    public AuditPartyBody? Agent { get; init; }

    public AuditPartyBody? User { get; init; }

    public AuditPartyBody? Integration { get; init; }

    public string? Capability { get; init; }

    public string? Target { get; init; }

    /// <summary>What was decided then.</summary>
    public required ReplayedSideBody Before { get; init; }

    /// <summary>What the rules given would decide; null when nothing can be said.</summary>
    public ReplayedSideBody? After { get; init; }

    public static ReplayedDecisionBody Of(AuditEntry entry, ReplayedDecision replayed) => new()
    {
        EntryId = entry.Id,
        Timestamp = Wire.Time(entry.Event.At),
        Outcome = replayed.Outcome == ReplayOutcome.Changed ? "changed" : "undecidable",
        Agent = AuditPartyBody.Of(entry.Event.Agent),
        User = AuditPartyBody.Of(entry.Event.User),
        Integration = AuditPartyBody.Of(entry.Event.Integration),
        Capability = entry.Event.Capability,
        Target = entry.Event.Target,
        Before = new ReplayedSideBody(entry.Event.Policy!.Allowed, entry.Event.Policy.Enforced, entry.Event.Policy.Layers.Length == 3 ? PolicyLayersBody.Of(entry.Event.Policy.Layers) : null),
        After = replayed.Layers.Length == 3 ? new ReplayedSideBody(replayed.Allowed, null, PolicyLayersBody.Of(replayed.Layers)) : null,
    };
}

/// <summary>A decision before or after.</summary>
/// <param name="Allowed">The outcome; null when it cannot be said.</param>
/// <param name="Enforced">False when it was made in observe mode; null for what was not made.</param>
/// <param name="Layers">Why.</param>
internal sealed record ReplayedSideBody(bool? Allowed, bool? Enforced, PolicyLayersBody? Layers);

/// <summary>How many decisions of this page came out how.</summary>
internal sealed record ReplayCountsBody(int Examined, int Unchanged, int Changed, int Undecidable, UndecidableBody UndecidableBecause);

/// <summary>Why nothing can be said of some.</summary>
/// <param name="ArgumentsNotRecorded">A rule that would decide looks at arguments with a condition no rule had then.</param>
/// <param name="FactsNotRecorded">The entry is from before the facts of decisions were recorded, or they were too long for it.</param>
internal sealed record UndecidableBody(int ArgumentsNotRecorded, int FactsNotRecorded);

/// <summary>A page of a replay. Counts are of the page; the whole is their sum over all pages.</summary>
internal sealed record PolicyReplayBody(string From, string To, ReplayCountsBody Counts, IReadOnlyList<ReplayedDecisionBody> Items, string? NextCursor)
{
    /// <summary>What the period has in the archive, where no replay looks; null when storage has it all.</summary>
    public AuditArchivedBody? Archived { get; init; }
}
