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

    /// <summary>It is as MCP demands. One that is not must not be offered, but is held against what it was before like any other.</summary>
    public bool Fits { get; private init; }

    /// <summary>What clients of 2026-07-28 are told of it, like <see cref="Members"/>.</summary>
    public ReadOnlyMemory<byte> Told { get; private init; }

    /// <summary>What clients of the older revisions are told of it; null when they cannot read it.</summary>
    public ReadOnlyMemory<byte>? ToldOlder { get; private init; }

    /// <summary>How much memory it takes.</summary>
    public long Bytes => Members.Length + InputSchema.Length + (Told.Equals(Members) ? 0 : Told.Length) + (ToldOlder is not { } older || older.Equals(Told) ? 0 : older.Length);

    /// <summary>Reads a description; null for one without a name.</summary>
    public static UpstreamTool? Read(JsonElement tool)
    {
        if (tool.ValueKind != JsonValueKind.Object || !tool.TryGetProperty("name", out var name) || name.ValueKind != JsonValueKind.String || name.GetString() is not { Length: > 0 } text)
            return null;
        var schema = tool.TryGetProperty("inputSchema", out var input) ? input : default;
        var fits = HeaderParameter.TryScan(schema, out var headers) && ToolShape.Fits(tool);
        var members = MembersOf(tool, "name");
        var told = ToldOf(tool, members, ToolShape.Silent(tool, older: false));
        return new UpstreamTool(
            text,
            members,
            tool.TryGetProperty("description", out var description) && description.ValueKind == JsonValueKind.String ? description.GetString() : null,
            schema.ValueKind == JsonValueKind.Undefined ? default(ReadOnlyMemory<byte>) : JsonMarshal.GetRawUtf8Value(schema).ToArray(),
            headers)
        {
            Fits = fits,
            Told = told,
            ToldOlder = fits && ToolShape.FitsOlder(tool) ? ToldOf(tool, told, ToolShape.Silent(tool, older: true)) : default(ReadOnlyMemory<byte>?),
        };
    }

    private static ReadOnlyMemory<byte> ToldOf(JsonElement tool, ReadOnlyMemory<byte> unlessLess, string[] silent) => silent.Length == 0 ? unlessLess : MembersOf(tool, ["name", .. silent]);

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
