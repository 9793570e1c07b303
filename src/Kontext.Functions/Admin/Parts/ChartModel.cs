using System.Globalization;

namespace Kontext.Functions.Admin.Parts;

/// <summary>A line or a part of the bars of a chart.</summary>
/// <param name="Name">What it counts.</param>
/// <param name="Style">Its style: <c>good</c>, <c>warn</c>, <c>bad</c> or <c>plain</c>.</param>
/// <param name="Values">One value for each span; null where there is none.</param>
public sealed record ChartSeries(string Name, string Style, IReadOnlyList<double?> Values);

/// <summary>Figures over time.</summary>
/// <param name="Id">Names its parts in the page.</param>
/// <param name="Title">What it shows.</param>
/// <param name="Unit">What the values are, such as <c>ms</c>; empty for counts.</param>
/// <param name="Starts">When each span begins.</param>
/// <param name="Hourly">Spans are hours; else days.</param>
/// <param name="Series">What is shown; bars stand on top of each other in this order.</param>
/// <param name="Bars">Bars on top of each other; else lines.</param>
public sealed record ChartModel(string Id, string Title, string Unit, IReadOnlyList<DateTimeOffset> Starts, bool Hourly, IReadOnlyList<ChartSeries> Series, bool Bars)
{
    private static readonly double[] Steps = [1, 2, 4, 5, 8, 10];

    /// <summary>The height of the drawing.</summary>
    public const int Height = 100;

    /// <summary>The width of a span in the drawing.</summary>
    public const int Span = 20;

    /// <summary>The width of the drawing.</summary>
    public int Width => Math.Max(1, Starts.Count) * Span;

    /// <summary>The largest value that is drawn, a round number.</summary>
    public double Top => Rounded(Bars
        ? Enumerable.Range(0, Starts.Count).Select(at => Series.Sum(series => series.Values[at] ?? 0)).DefaultIfEmpty().Max()
        : Series.SelectMany(series => series.Values).Select(value => value ?? 0).DefaultIfEmpty().Max());

    /// <summary>There is something to draw.</summary>
    public bool HasValues => Series.Any(series => series.Values.Any(value => value > 0));

    /// <summary>The chart in a sentence, for those who do not see it.</summary>
    public string Description => string.Create(CultureInfo.InvariantCulture,
        $"{Starts.Count} {(Hourly ? "hours" : "days")}. {string.Join(", ", Series.Select(series => Bars ? $"{series.Name}: {series.Values.Sum(value => value ?? 0):0}" : $"{series.Name}: at most {series.Values.Max() ?? 0:0.##} {Unit}"))}.");

    /// <summary>A value as people read it.</summary>
    public string Words(double? value) => value is { } there ? there.ToString(there >= 10 || there == Math.Floor(there) ? "#,0" : "0.##", CultureInfo.InvariantCulture) + (Unit.Length > 0 ? " " + Unit : "") : "–";

    /// <summary>The corners of a line, broken where there is no value.</summary>
    internal IEnumerable<string> Lines(ChartSeries series)
    {
        var corners = new List<string>();
        for (var at = 0; at <= Starts.Count; at++)
        {
            if (at < Starts.Count && series.Values[at] is { } value)
                corners.Add(string.Create(CultureInfo.InvariantCulture, $"{(at * Span) + (Span / 2)},{Height - (value / Top * Height):0.##}"));
            else if (corners.Count > 0)
            {
                // A line of one point is a short stroke, else nothing of it would be seen.
                yield return corners.Count > 1 ? string.Join(' ', corners) : string.Create(CultureInfo.InvariantCulture, $"{corners[0]} {((at - 1) * Span) + (Span / 2) + 4},{corners[0].Split(',')[1]}");
                corners.Clear();
            }
        }
    }

    private static double Rounded(double most)
    {
        if (most <= 4)
            return 4;
        var unit = Math.Pow(10, Math.Floor(Math.Log10(most)));
        return Steps.Select(times => times * unit).First(top => top >= most);
    }
}
