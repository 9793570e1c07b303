using System.Buffers.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kontext.Domain;

/// <summary>Parses JSON that others wrote. JSON can spell half a character (<c>"\ud800"</c>), which is text to the parser and to nobody who reads it later (RFC 7493 section 2.1): here it is malformed like anything else that is.</summary>
public static class JsonText
{
    private const int EscapeLength = 6;

    /// <summary>For what is mostly passed on: nested as deeply as services may answer.</summary>
    public static readonly JsonDocumentOptions Deep = new() { MaxDepth = 513 };

    /// <summary>Is it UTF-8, and does every escape in it spell a whole character?</summary>
    public static bool IsUnicode(ReadOnlySpan<byte> json)
    {
        if (!System.Text.Unicode.Utf8.IsValid(json))
            return false;
        while (json.IndexOf((byte)'\\') is >= 0 and var at)
        {
            json = json[at..];
            if (!TryUnit(json, out var unit))
            {
                // Another escape; what it stands for is the parser's matter.
                json = json[Math.Min(2, json.Length)..];
                continue;
            }
            json = json[EscapeLength..];
            if (!char.IsSurrogate(unit))
                continue;
            if (!char.IsHighSurrogate(unit) || !TryUnit(json, out var low) || !char.IsLowSurrogate(low))
                return false;
            json = json[EscapeLength..];
        }
        return true;
    }

    /// <summary>The document. Its texts can be read without further care.</summary>
    /// <exception cref="JsonException">It is not JSON, or not Unicode.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> json, JsonDocumentOptions options = default)
    {
        Demand(json.Span);
        return JsonDocument.Parse(json, options);
    }

    /// <summary>The same as nodes.</summary>
    /// <exception cref="JsonException">It is not JSON, or not Unicode.</exception>
    public static JsonNode? ParseNode(ReadOnlySpan<byte> json, JsonDocumentOptions options = default)
    {
        Demand(json);
        return JsonNode.Parse(json, documentOptions: options);
    }

    /// <summary>Refuses what is not Unicode, before something else parses it.</summary>
    /// <exception cref="JsonException">It is not Unicode.</exception>
    public static void Demand(ReadOnlySpan<byte> json)
    {
        if (!IsUnicode(json))
            throw new JsonException("A text is not Unicode.");
    }

    private static bool TryUnit(ReadOnlySpan<byte> escape, out char unit)
    {
        unit = default;
        if (escape.Length < EscapeLength || escape[0] != '\\' || escape[1] != 'u'
            || !Utf8Parser.TryParse(escape[2..EscapeLength], out ushort value, out var read, 'x') || read != 4)
            return false;
        unit = (char)value;
        return true;
    }
}
