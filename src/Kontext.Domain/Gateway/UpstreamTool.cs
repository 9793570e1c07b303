using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Kontext.Domain.Gateway;

/// <summary>A tool as its server describes it. Everything but the name is kept byte for byte, so that no keyword of a schema is lost (MCP 2026-07-28).</summary>
/// <param name="Name">The server's name for it.</param>
/// <param name="Members">The other members of its description, raw, without braces.</param>
/// <param name="Description">Its description; null when it has none.</param>
/// <param name="InputSchema">Its input schema, raw; empty when it has none.</param>
/// <param name="Headers">Arguments to mirror into headers.</param>
public sealed record UpstreamTool(string Name, ReadOnlyMemory<byte> Members, string? Description, ReadOnlyMemory<byte> InputSchema, IReadOnlyList<HeaderParameter> Headers)
{
    /// <summary>It changed since it was accepted, and the integration holds changed tools back: not offered, not called.</summary>
    public bool Quarantined { get; init; }

    /// <summary>Reads a description; null for one that must not be offered: without a name, or with header declarations that break the rules.</summary>
    public static UpstreamTool? Read(JsonElement tool)
    {
        if (tool.ValueKind != JsonValueKind.Object || !tool.TryGetProperty("name", out var name) || name.ValueKind != JsonValueKind.String || name.GetString() is not { Length: > 0 } text)
            return null;
        var schema = tool.TryGetProperty("inputSchema", out var input) ? input : default;
        if (!HeaderParameter.TryScan(schema, out var headers))
            return null;
        return new UpstreamTool(
            text,
            MembersOf(tool, "name"),
            tool.TryGetProperty("description", out var description) && description.ValueKind == JsonValueKind.String ? description.GetString() : null,
            schema.ValueKind == JsonValueKind.Undefined ? default(ReadOnlyMemory<byte>) : JsonMarshal.GetRawUtf8Value(schema).ToArray(),
            headers);
    }

    /// <summary>The members of an object as raw bytes between its braces, without those named.</summary>
    public static ReadOnlyMemory<byte> MembersOf(JsonElement element, params ReadOnlySpan<string> except)
    {
        if (element.ValueKind != JsonValueKind.Object)
            return default;
        var members = new ArrayBufferWriter<byte>();
        foreach (var member in element.EnumerateObject())
        {
            if (except.Contains(member.Name))
                continue;
            if (members.WrittenCount > 0)
                members.Write(","u8);
            members.Write("\""u8);
            members.Write(JsonMarshal.GetRawUtf8PropertyName(member));
            members.Write("\":"u8);
            members.Write(JsonMarshal.GetRawUtf8Value(member.Value));
        }
        return members.WrittenMemory;
    }
}
