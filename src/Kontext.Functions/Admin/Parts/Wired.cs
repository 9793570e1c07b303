using System.Globalization;

namespace Kontext.Functions.Admin.Parts;

/// <summary>Reads points in time as the API writes them.</summary>
internal static class Wired
{
    /// <summary>The point in time; null for none.</summary>
    public static DateTimeOffset? Time(string? text) => text is null ? null : Moment(text);

    /// <summary>The point in time.</summary>
    public static DateTimeOffset Moment(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
}
