namespace Kontext.Functions.Admin;

/// <summary>Texts with one value a line, as people enter them.</summary>
internal static class Lines
{
    /// <summary>The values; none for nothing.</summary>
    public static IReadOnlyList<string> Of(string? text) => text?.Split(['\n', '\r'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    /// <summary>The values in a text.</summary>
    public static string Text(IEnumerable<string> values) => string.Join('\n', values);
}
