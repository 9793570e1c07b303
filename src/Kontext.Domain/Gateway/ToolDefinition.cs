using System.Buffers;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Kontext.Domain.Gateway;

/// <summary>What a model reads of a tool and acts upon: its name, description and schemas. Icons and <c>_meta</c> are not part of it.</summary>
/// <param name="Text">The definition as JSON with members in the order of their names, so that the same definition is the same text.</param>
public sealed record ToolDefinition(string Text)
{
    private static readonly string[] NotRead = ["name", "_meta", "icons"];

    /// <summary>Names this definition among all others: SHA-256, base64url.</summary>
    public string Fingerprint { get; } = System.Buffers.Text.Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(Text)));

    /// <summary>The definition of a tool.</summary>
    public static ToolDefinition Of(UpstreamTool tool)
    {
        using var document = JsonDocument.Parse((byte[])[(byte)'{', .. tool.Members.Span, (byte)'}']);
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("name"u8, tool.Name);
            WriteMembers(writer, document.RootElement, NotRead);
            writer.WriteEndObject();
        }
        return new ToolDefinition(Encoding.UTF8.GetString(buffer.WrittenSpan));
    }

    private static void Write(Utf8JsonWriter writer, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                WriteMembers(writer, element, []);
                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in element.EnumerateArray())
                    Write(writer, item);
                writer.WriteEndArray();
                break;
            case JsonValueKind.String:
                writer.WriteStringValue(element.GetString());
                break;
            default:
                writer.WriteRawValue(JsonMarshal.GetRawUtf8Value(element), skipInputValidation: true);
                break;
        }
    }

    private static void WriteMembers(Utf8JsonWriter writer, JsonElement element, string[] except)
    {
        foreach (var member in element.EnumerateObject().Where(member => !except.Contains(member.Name)).OrderBy(member => member.Name, StringComparer.Ordinal))
        {
            writer.WritePropertyName(member.Name);
            Write(writer, member.Value);
        }
    }
}
