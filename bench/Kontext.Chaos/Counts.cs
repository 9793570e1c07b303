namespace Kontext.Chaos;

/// <summary>The figures of a run.</summary>
internal static class Counts
{
    /// <summary>What was counted while it went, and what follows from the journal.</summary>
    public static IReadOnlyList<KeyValuePair<string, int>> Of(Site site, Journal journal)
    {
        var counts = journal.Counts.ToDictionary();
        foreach (var group in journal.Attempts.GroupBy(attempt => (attempt.AskedFor, attempt.Verdict)))
        {
            var asked = group.Key.AskedFor == AskedFor.Credential ? "exchanges" : "tool calls";
            var told = group.Key.Verdict switch
            {
                Verdict.Served => "that succeeded",
                Verdict.Later => "that were told to come back",
                Verdict.NotConnected => "that were told the person has to connect",
                Verdict.Refused => "that were refused",
                Verdict.Gone => "whose instance went away",
                _ => "with an answer nobody documented",
            };
            counts[$"{asked} {told}"] = group.Count();
        }
        counts["exchanges"] = journal.Attempts.Count(attempt => attempt.AskedFor == AskedFor.Credential);
        counts["tool calls"] = journal.Attempts.Count(attempt => attempt.AskedFor == AskedFor.ToolCall);
        counts["kills"] = journal.Kills.Count;
        counts["epoch rows cut off"] = journal.EpochCuts.Count;
        counts["refreshes"] = journal.Presentations.Values.Sum(seen => seen.Count(presented => presented.Status == 200));
        counts["refresh tokens presented twice, with reason"] = journal.Presentations.Values.Count(seen => seen.Count > 1);
        counts["instances"] = site.Instances.Count;
        return [.. counts.OrderBy(count => count.Key, StringComparer.Ordinal)];
    }
}
