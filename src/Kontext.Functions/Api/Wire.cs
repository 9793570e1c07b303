using System.Globalization;

namespace Kontext.Functions.Api;

/// <summary>Forms of values on the wire (contract 1.1).</summary>
internal static class Wire
{
    /// <summary>ISO 8601, UTC, milliseconds.</summary>
    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <summary>Likewise; null stays null.</summary>
    public static string? Time(DateTimeOffset? time) => time is { } there ? Time(there) : null;
}
