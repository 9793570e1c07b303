using System.Globalization;
using Kontext.Functions.Admin.Parts;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Audit;

/// <summary>A step of a trace in the drawing of it.</summary>
/// <param name="Text">What it was.</param>
/// <param name="Took">How long; null for a moment.</param>
/// <param name="Style">Its outcome: <c>ok</c>, <c>warn</c> or <c>bad</c>.</param>
/// <param name="X">Where it begins.</param>
/// <param name="Width">How wide it is.</param>
public sealed record TimelineStep(string Text, string? Took, string Style, double X, double Width);

/// <summary>Places the steps of a trace beside each other in time. An entry is written when its step is over.</summary>
internal static class Timeline
{
    /// <summary>Where the steps' own part of the drawing begins.</summary>
    public const int Left = 250;

    /// <summary>The width of the drawing.</summary>
    public const int Width = 900;

    /// <summary>The height of a step's line.</summary>
    public const int Line = 26;

    /// <summary>The most steps that are drawn.</summary>
    public const int Most = 100;

    private const double Thin = 3;

    /// <summary>The steps.</summary>
    public static IReadOnlyList<TimelineStep> Of(IReadOnlyList<AuditEventBody> events)
    {
        var steps = events.Take(Most).Select(entry => (Entry: entry, End: Wired.Moment(entry.Timestamp), Length: TimeSpan.FromMilliseconds(entry.DurationMs ?? 0))).ToList();
        if (steps.Count == 0)
            return [];
        var first = steps.Min(step => step.End - step.Length);
        var whole = Math.Max(1, (steps.Max(step => step.End) - first).TotalMilliseconds);
        double Place(DateTimeOffset at) => (at - first).TotalMilliseconds / whole * (Width - Left - 70);
        return [.. steps.Select(step => new TimelineStep(
            TextOf(step.Entry),
            step.Entry.DurationMs is null ? null : Length(step.Length),
            step.Entry.Status switch { "ok" => "ok", "warn" => "warn", _ => "bad" },
            Left + Place(step.End - step.Length),
            Math.Max(Thin, Place(step.End) - Place(step.End - step.Length))))];
    }

    /// <summary>A length of time as people read it.</summary>
    public static string Length(TimeSpan length) => length.TotalSeconds < 1
        ? length.TotalMilliseconds.ToString(length.TotalMilliseconds < 10 ? "0.#" : "0", CultureInfo.InvariantCulture) + " ms"
        : length.TotalMinutes < 2 ? length.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture) + " s" : length.TotalMinutes.ToString("0", CultureInfo.InvariantCulture) + " min";

    private static string TextOf(AuditEventBody entry)
    {
        var text = Words.About(entry) is { Length: > 0 } about ? $"{entry.Type}  {about}" : entry.Type;
        return text.Length <= 38 ? text : text[..37] + "…";
    }
}
