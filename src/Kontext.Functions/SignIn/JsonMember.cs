using System.Text.Json;

namespace Kontext.Functions.SignIn;

/// <summary>Reads members of JSON objects that others wrote: what has another shape counts as absent.</summary>
internal static class JsonMember
{
    /// <summary>A text; null when there is none.</summary>
    public static string? Text(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? TextOf(value) : null;

    /// <summary>A text, or the texts of a list.</summary>
    public static string[] Texts(JsonElement element, string name) => !element.TryGetProperty(name, out var value) ? []
        : value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(TextOf).OfType<string>()]
        : TextOf(value) is { } text ? [text] : [];

    /// <summary>A number of seconds since 1970; null when there is none.</summary>
    public static DateTimeOffset? Time(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var seconds) && seconds is >= 0 and < 253_402_300_800
            ? DateTimeOffset.UnixEpoch.AddSeconds(Math.Floor(seconds)) : null;

    /// <summary>Is it true, or the text that some write instead?</summary>
    public static bool? Flag(JsonElement element, string name) => !element.TryGetProperty(name, out var value) ? null : value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => TextOf(value) is { } text && bool.TryParse(text, out var flag) ? flag : null,
    };

    private static string? TextOf(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String)
            return null;
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            // Text that is no Unicode shows only when it is read.
            return null;
        }
    }
}
