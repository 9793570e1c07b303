using System.Globalization;
using System.Net;
using System.Text;

namespace Kontext.Load.Report;

/// <summary>A bar of a chart.</summary>
/// <param name="Label">Whose it is.</param>
/// <param name="Value">How long it is.</param>
/// <param name="Own">It is the product's, which is shown in another colour.</param>
public sealed record Bar(string Label, double Value, bool Own);

/// <summary>A line of a chart.</summary>
/// <param name="Label">What it shows.</param>
/// <param name="Points">Its points.</param>
public sealed record Line(string Label, IReadOnlyList<(double X, double Y)> Points);

/// <summary>Draws charts as SVG, readable on light and dark grounds.</summary>
public static class Chart
{
    private const int Width = 760;
    private const int BarHeight = 26;
    private const int LabelWidth = 270;
    private const int PlotHeight = 260;
    private const int Left = 70;
    private const int Bottom = 40;
    private static readonly string[] Colours = ["#2563eb", "#d97706", "#059669", "#9333ea"];

    /// <summary>Bars beside each other; <paramref name="unit"/> stands behind each value.</summary>
    public static string Bars(string title, string unit, IReadOnlyList<Bar> bars)
    {
        var longest = bars.Max(bar => bar.Value);
        var height = 50 + (bars.Count * BarHeight) + 10;
        var svg = Begin(title, height);
        for (var i = 0; i < bars.Count; i++)
        {
            var y = 44 + (i * BarHeight);
            var length = Math.Max(1, bars[i].Value / longest * (Width - LabelWidth - 130));
            Text(svg, LabelWidth - 10, y + 15, bars[i].Label, "end");
            svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{LabelWidth}\" y=\"{y + 2}\" width=\"{length:0.#}\" height=\"{BarHeight - 8}\" rx=\"2\" fill=\"{(bars[i].Own ? Colours[0] : "#94a3b8")}\"/>");
            Text(svg, LabelWidth + length + 8, y + 15, string.Create(CultureInfo.InvariantCulture, $"{bars[i].Value:#,0.##} {unit}"), "start");
        }
        return End(svg);
    }

    /// <summary>Lines over a common axis from zero. With <paramref name="logarithmic"/> both axes are, and all values have to be above zero.</summary>
    public static string Lines(string title, string across, string up, IReadOnlyList<Line> lines, bool logarithmic = false)
    {
        double Scale(double value) => logarithmic ? Math.Log10(value) : value;
        var points = lines.SelectMany(line => line.Points).ToList();
        var (left, right) = (logarithmic ? Scale(points.Min(point => point.X)) : 0, Scale(points.Max(point => point.X)));
        var (low, high) = (logarithmic ? Math.Floor(Scale(points.Min(point => point.Y))) : 0, logarithmic ? Math.Ceiling(Scale(points.Max(point => point.Y))) : points.Max(point => point.Y) * 1.1);
        double X(double value) => Left + ((Scale(value) - left) / Math.Max(right - left, 1e-9) * (Width - Left - 20));
        double Y(double value) => 40 + PlotHeight - ((Scale(value) - low) / Math.Max(high - low, 1e-9) * PlotHeight);
        var svg = Begin(title, 40 + PlotHeight + Bottom + 10 + (lines.Count * 20));
        for (var tick = 0; tick <= 4; tick++)
        {
            var value = low + ((high - low) * tick / 4);
            var shown = logarithmic ? Math.Pow(10, value) : value;
            svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{Left}\" x2=\"{Width - 20}\" y1=\"{Y(shown):0.#}\" y2=\"{Y(shown):0.#}\" stroke=\"#94a3b8\" stroke-width=\"0.5\"/>");
            Text(svg, Left - 6, Y(shown) + 4, string.Create(CultureInfo.InvariantCulture, $"{shown:#,0.##}"), "end");
            var at = left + ((right - left) * tick / 4);
            Text(svg, X(logarithmic ? Math.Pow(10, at) : at), 40 + PlotHeight + 16, string.Create(CultureInfo.InvariantCulture, $"{(logarithmic ? Math.Pow(10, at) : at):#,0}"), "middle");
        }
        Text(svg, Left, 34, up, "start");
        Text(svg, Width - 20, 40 + PlotHeight + 32, across, "end");
        for (var i = 0; i < lines.Count; i++)
        {
            var path = string.Join(' ', lines[i].Points.Select(point => string.Create(CultureInfo.InvariantCulture, $"{X(point.X):0.#},{Y(point.Y):0.#}")));
            svg.Append(CultureInfo.InvariantCulture, $"<polyline points=\"{path}\" fill=\"none\" stroke=\"{Colours[i % Colours.Length]}\" stroke-width=\"2\"/>");
            var y = 40 + PlotHeight + Bottom + 8 + (i * 20);
            svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{Left}\" y=\"{y - 9}\" width=\"18\" height=\"4\" fill=\"{Colours[i % Colours.Length]}\"/>");
            Text(svg, Left + 26, y - 3, lines[i].Label, "start");
        }
        return End(svg);
    }

    private static StringBuilder Begin(string title, int height)
    {
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {height}\" width=\"{Width}\" height=\"{height}\" role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"12\">");
        svg.Append("<style>text{fill:#334155}@media(prefers-color-scheme:dark){text{fill:#cbd5e1}}</style>");
        svg.Append(CultureInfo.InvariantCulture, $"<title>{WebUtility.HtmlEncode(title)}</title><text x=\"10\" y=\"18\" font-size=\"14\" font-weight=\"600\">{WebUtility.HtmlEncode(title)}</text>");
        return svg;
    }

    private static void Text(StringBuilder svg, double x, double y, string text, string anchor) =>
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x:0.#}\" y=\"{y:0.#}\" text-anchor=\"{anchor}\">{WebUtility.HtmlEncode(text)}</text>");

    private static string End(StringBuilder svg) => svg.Append("</svg>\n").ToString();
}
