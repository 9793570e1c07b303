using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Kontext.Domain.Gateway;

/// <summary>An argument that a tool wants mirrored into a header, declared by <c>x-mcp-header</c> in its schema (MCP 2026-07-28, Streamable HTTP, schema extension).</summary>
/// <param name="Header">The header's name, <c>Mcp-Param-</c> included.</param>
/// <param name="Path">Where in the arguments the value is.</param>
public sealed record HeaderParameter(string Header, IReadOnlyList<string> Path)
{
    private const string Keyword = "x-mcp-header";
    private const int MaxDepth = 16;

    /// <summary>Finds the declarations of a schema; false when one of them breaks the rules, in which case the tool must not be offered.</summary>
    public static bool TryScan(JsonElement schema, out List<HeaderParameter> parameters)
    {
        parameters = [];
        return Visit(schema, [], reachable: true, parameters)
            && parameters.DistinctBy(parameter => parameter.Header, StringComparer.OrdinalIgnoreCase).Count() == parameters.Count;
    }

    /// <summary>The headers for one call. A value that is absent or null has none.</summary>
    public static List<KeyValuePair<string, string>> Of(IReadOnlyList<HeaderParameter> parameters, JsonElement arguments)
    {
        var headers = new List<KeyValuePair<string, string>>(parameters.Count);
        foreach (var parameter in parameters)
        {
            if (parameter.ValueIn(arguments) is { } value)
                headers.Add(new(parameter.Header, HeaderText.Encode(value)));
        }
        return headers;
    }

    /// <summary>The value in the arguments as a header says it; null when there is none.</summary>
    public string? ValueIn(JsonElement arguments)
    {
        foreach (var name in Path)
        {
            if (arguments.ValueKind != JsonValueKind.Object || !arguments.TryGetProperty(name, out arguments))
                return null;
        }
        return arguments.ValueKind switch
        {
            JsonValueKind.String => arguments.GetString(),
            JsonValueKind.True => "true",
            JsonValueKind.False => "false",
            JsonValueKind.Number when arguments.TryGetInt64(out var number) => number.ToString(CultureInfo.InvariantCulture),
            JsonValueKind.Number => arguments.GetRawText(),
            _ => null,
        };
    }

    private static bool Visit(JsonElement node, List<string> path, bool reachable, List<HeaderParameter> found)
    {
        if (node.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in node.EnumerateArray())
            {
                if (!Visit(item, path, reachable: false, found))
                    return false;
            }
            return true;
        }
        if (node.ValueKind != JsonValueKind.Object)
            return true;
        if (path.Count > MaxDepth)
            return false;
        if (node.TryGetProperty(Keyword, out var declared))
        {
            if (!reachable || path.Count == 0 || declared.ValueKind != JsonValueKind.String || !HeaderText.IsToken(declared.GetString()!)
                || !node.TryGetProperty("type", out var type) || type.ValueKind != JsonValueKind.String || type.GetString() is not ("string" or "integer" or "boolean"))
                return false;
            found.Add(new HeaderParameter("Mcp-Param-" + declared.GetString(), [.. path]));
        }
        foreach (var member in node.EnumerateObject())
        {
            // Values of these are data, not schemas.
            if (member.Name is "const" or "enum" or "default" or "examples" or Keyword)
                continue;
            if (member.Name == "properties" && member.Value.ValueKind == JsonValueKind.Object)
            {
                foreach (var property in member.Value.EnumerateObject())
                {
                    if (!Visit(property.Value, [.. path, property.Name], reachable, found))
                        return false;
                }
            }
            else if (!(member.Name is "$defs" or "definitions" or "patternProperties" or "dependentSchemas"
                ? VisitNamed(member.Value, path, found)
                : Visit(member.Value, [.. path, member.Name], reachable: false, found)))
            {
                return false;
            }
        }
        return true;
    }

    private static bool VisitNamed(JsonElement schemas, List<string> path, List<HeaderParameter> found) =>
        schemas.ValueKind != JsonValueKind.Object || schemas.EnumerateObject().All(schema => Visit(schema.Value, [.. path, schema.Name], reachable: false, found));
}

/// <summary>Values in MCP headers: as they are where a header can hold them, otherwise as <c>=?base64?…?=</c> (MCP 2026-07-28, Streamable HTTP).</summary>
public static class HeaderText
{
    private const string Prefix = "=?base64?";
    private const string Suffix = "?=";

    /// <summary>Whether the text is a token of RFC 9110 section 5.6.2.</summary>
    public static bool IsToken(string text) =>
        text.Length > 0 && text.All(character => char.IsAsciiLetterOrDigit(character) || "!#$%&'*+-.^_`|~".Contains(character, StringComparison.Ordinal));

    /// <summary>Writes a value.</summary>
    public static string Encode(string value) =>
        value.All(character => character is >= ' ' and <= '~') && value.Trim().Length == value.Length && !(value.StartsWith(Prefix, StringComparison.Ordinal) && value.EndsWith(Suffix, StringComparison.Ordinal))
            ? value
            : Prefix + Convert.ToBase64String(Encoding.UTF8.GetBytes(value)) + Suffix;

    /// <summary>Reads a value; null when its encoding is broken.</summary>
    public static string? Decode(string header)
    {
        if (!header.StartsWith(Prefix, StringComparison.Ordinal) || !header.EndsWith(Suffix, StringComparison.Ordinal) || header.Length < Prefix.Length + Suffix.Length)
            return header;
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(Convert.FromBase64String(header[Prefix.Length..^Suffix.Length]));
        }
        catch (Exception broken) when (broken is FormatException or ArgumentException)
        {
            return null;
        }
    }
}
