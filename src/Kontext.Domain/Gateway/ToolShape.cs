using System.Text.Json;

namespace Kontext.Domain.Gateway;

/// <summary>Whether a tool has the form that MCP gives it. Clients read a list as a whole, and some refuse all of it for one tool that has another.</summary>
internal static class ToolShape
{
    private static readonly string[] Optional = ["title", "description", "outputSchema", "annotations", "icons", "execution", "_meta"];
    private static readonly string[] Hints = ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"];

    /// <summary>Whether clients of 2026-07-28 can read it.</summary>
    public static bool Fits(JsonElement tool) =>
        tool.TryGetProperty("inputSchema", out var input) && IsOfObjects(input)
        && IsText(tool, "title") && IsText(tool, "description") && IsObject(tool, "outputSchema") && IsObject(tool, "_meta")
        && FitsAnnotations(tool) && FitsIcons(tool) && FitsExecution(tool);

    /// <summary>Whether clients of the older revisions can read it as well, which know no schema in place of a property but objects.</summary>
    public static bool FitsOlder(JsonElement tool) => HasPlainProperties(tool.GetProperty("inputSchema"));

    /// <summary>The members that clients are better not told: those that say nothing, which is not the same to all of them as their absence, and, to clients of the older revisions, the schema of results that are no objects.</summary>
    public static string[] Silent(JsonElement tool, bool older) =>
        [.. Optional.Where(name => tool.TryGetProperty(name, out var value)
            && (value.ValueKind == JsonValueKind.Null || (older && name == "outputSchema" && !(IsOfObjects(value) && HasPlainProperties(value)))))];

    private static bool IsOfObjects(JsonElement schema) =>
        schema.ValueKind == JsonValueKind.Object
        && schema.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String && type.ValueEquals("object"u8)
        && (!schema.TryGetProperty("properties", out var properties) || properties.ValueKind == JsonValueKind.Object)
        && (!schema.TryGetProperty("required", out var required) || AreTexts(required));

    private static bool HasPlainProperties(JsonElement schema) =>
        !schema.TryGetProperty("properties", out var properties) || properties.EnumerateObject().All(property => property.Value.ValueKind is JsonValueKind.Object or JsonValueKind.Array);

    private static bool FitsAnnotations(JsonElement tool) =>
        Said(tool, "annotations") is not { } annotations
        || (annotations.ValueKind == JsonValueKind.Object
            && (!annotations.TryGetProperty("title", out var title) || title.ValueKind == JsonValueKind.String)
            && Hints.All(name => !annotations.TryGetProperty(name, out var hint) || hint.ValueKind is JsonValueKind.True or JsonValueKind.False));

    private static bool FitsIcons(JsonElement tool) =>
        Said(tool, "icons") is not { } icons
        || (icons.ValueKind == JsonValueKind.Array && icons.EnumerateArray().All(icon =>
            icon.ValueKind == JsonValueKind.Object
            && icon.TryGetProperty("src", out var source) && source.ValueKind == JsonValueKind.String
            && (!icon.TryGetProperty("mimeType", out var type) || type.ValueKind == JsonValueKind.String)
            && (!icon.TryGetProperty("sizes", out var sizes) || AreTexts(sizes))
            && (!icon.TryGetProperty("theme", out var theme) || (theme.ValueKind == JsonValueKind.String && theme.GetString() is "light" or "dark"))));

    private static bool FitsExecution(JsonElement tool) =>
        Said(tool, "execution") is not { } execution
        || (execution.ValueKind == JsonValueKind.Object
            && (!execution.TryGetProperty("taskSupport", out var support) || (support.ValueKind == JsonValueKind.String && support.GetString() is "required" or "optional" or "forbidden")));

    private static bool AreTexts(JsonElement list) => list.ValueKind == JsonValueKind.Array && list.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String);

    private static bool IsText(JsonElement tool, string name) => Said(tool, name) is not { } value || value.ValueKind == JsonValueKind.String;

    private static bool IsObject(JsonElement tool, string name) => Said(tool, name) is not { } value || value.ValueKind == JsonValueKind.Object;

    private static JsonElement? Said(JsonElement tool, string name) => tool.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
}
