using System.Globalization;
using System.Text;

namespace Kontext.Load.Report;

/// <summary>A target and what became of it.</summary>
/// <param name="What">The target in words.</param>
/// <param name="Measured">What was measured.</param>
/// <param name="Reached">Whether it was reached.</param>
/// <param name="Reason">What stands between, if it was not.</param>
public sealed record Target(string What, string Measured, bool Reached, string Reason);

/// <summary>The report: Markdown, and charts beside it.</summary>
public sealed class Document(string folder)
{
    private readonly StringBuilder text = new();
    private readonly List<Target> targets = [];

    /// <summary>A heading, which others can link to by its words.</summary>
    public void Heading(string words) => text.Append(CultureInfo.InvariantCulture, $"## {words}\n\n");

    /// <summary>A paragraph.</summary>
    public void Paragraph(string words) => text.Append(CultureInfo.InvariantCulture, $"{words}\n\n");

    /// <summary>A table.</summary>
    public void Rows(IEnumerable<string> head, IEnumerable<string> rows)
    {
        foreach (var line in head.Concat(rows))
            text.Append(line).Append('\n');
        text.Append('\n');
    }

    /// <summary>A chart, in a file of its own.</summary>
    public void Picture(string file, string alternative, string svg)
    {
        File.WriteAllText(Path.Combine(folder, file), svg);
        text.Append(CultureInfo.InvariantCulture, $"![{alternative}]({file})\n\n");
    }

    /// <summary>Notes a target's outcome for the table at the beginning.</summary>
    public void Against(string what, string measured, bool reached, string reason = "") => targets.Add(new Target(what, measured, reached, reached ? "" : reason));

    /// <summary>What was written so far.</summary>
    public override string ToString() => text.ToString().Trim();

    /// <summary>Writes it.</summary>
    public void Save(string machine)
    {
        var whole = new StringBuilder("# What was measured\n\nMade by `bench/run`, which makes it anew.\n\n");
        whole.Append(machine).Append("\n\nEach table is one run: its rows' passes alternate, the median pass is shown, and the rate of the worst.\n");
        whole.Append("\n## Targets\n\n| target | measured | reached | what stands between |\n|---|---|---|---|\n");
        foreach (var target in targets)
            whole.Append(CultureInfo.InvariantCulture, $"| {target.What} | {target.Measured} | {(target.Reached ? "yes" : "no")} | {target.Reason} |\n");
        whole.Append('\n').Append(text);
        File.WriteAllText(Path.Combine(folder, "README.md"), whole.ToString().TrimEnd() + "\n");
    }
}
