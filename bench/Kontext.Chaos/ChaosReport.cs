using System.Globalization;
using System.Text;

namespace Kontext.Chaos;

/// <summary>What a run came to.</summary>
/// <param name="Options">What was asked for.</param>
/// <param name="Took">How long things went wrong, in fact.</param>
/// <param name="Counts">What happened, how often.</param>
/// <param name="Invariants">What must hold.</param>
public sealed record ChaosReport(ChaosOptions Options, TimeSpan Took, IReadOnlyList<KeyValuePair<string, int>> Counts, IReadOnlyList<Invariant> Invariants)
{
    private const int MostShown = 25;

    /// <summary>Everything that must hold held.</summary>
    public bool Holds => Invariants.All(invariant => invariant.Holds);

    /// <summary>How often something happened.</summary>
    public int CountOf(string what) => Counts.FirstOrDefault(count => count.Key == what).Value;

    /// <summary>As a page.</summary>
    public string ToMarkdown()
    {
        var page = new StringBuilder();
        page.AppendLine(CultureInfo.InvariantCulture, $"# Chaos: {(Holds ? "everything held" : "something did not hold")}");
        page.AppendLine();
        page.AppendLine(CultureInfo.InvariantCulture, $"{Options.Connections} connections, {Took.TotalSeconds:0} s, seed {Options.Seed}.");
        page.AppendLine();
        page.AppendLine("| what must hold | checked | violations |").AppendLine("|---|---|---|");
        foreach (var invariant in Invariants)
            page.AppendLine(CultureInfo.InvariantCulture, $"| {invariant.Name} | {invariant.Checked} | {invariant.Violations.Count} |");
        page.AppendLine().AppendLine("| what happened | times |").AppendLine("|---|---|");
        foreach (var (what, times) in Counts)
            page.AppendLine(CultureInfo.InvariantCulture, $"| {what} | {times} |");
        foreach (var broken in Invariants.Where(invariant => !invariant.Holds))
        {
            page.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"## {broken.Name}").AppendLine();
            foreach (var violation in broken.Violations.Take(MostShown))
                page.AppendLine(CultureInfo.InvariantCulture, $"- {violation}");
            if (broken.Violations.Count > MostShown)
                page.AppendLine(CultureInfo.InvariantCulture, $"- and {broken.Violations.Count - MostShown} more");
        }
        return page.ToString();
    }
}
