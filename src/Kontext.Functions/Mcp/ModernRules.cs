using System.Text.Json;
using Kontext.Domain.Gateway;

namespace Kontext.Functions.Mcp;

/// <summary>Which era a request belongs to, and what 2026-07-28 demands of one (protocols 1.4, 1.5).</summary>
internal static class ModernRules
{
    /// <summary>A request that carries its own metadata, or names the modern revision or a later one, is modern; everything else is of the older revisions.</summary>
    public static bool IsModern(HttpRequest http, JsonRpcRequest request) =>
        HasVersion(request) || (string.CompareOrdinal(http.Headers["MCP-Protocol-Version"].ToString(), McpProtocol.Modern) >= 0 && request.Method != "initialize");

    /// <summary>What an older request has wrong; null when nothing.</summary>
    public static McpError? LegacyFault(HttpRequest http, JsonRpcRequest request)
    {
        var version = http.Headers["MCP-Protocol-Version"].ToString();
        return version.Length == 0 || McpProtocol.IsLegacy(version) || request.Method == "initialize" ? null : Unsupported(version);
    }

    /// <summary>What a modern request has wrong; null when nothing. Each mirrored header has to be there and to agree with the body.</summary>
    public static McpError? Fault(HttpRequest http, JsonRpcRequest request)
    {
        var version = http.Headers["MCP-Protocol-Version"].ToString();
        if (version.Length == 0)
            return Mismatch("The header MCP-Protocol-Version is missing.");
        if (request.Meta.ValueKind != JsonValueKind.Object || JsonRpcRequest.TextOf(request.Meta, McpProtocol.MetaVersion) is not { } claimed)
            return version == McpProtocol.Modern ? Missing(McpProtocol.MetaVersion) : Unsupported(version);
        if (claimed != version)
            return Mismatch("The header MCP-Protocol-Version does not agree with _meta.");
        if (version != McpProtocol.Modern)
            return Unsupported(version);
        if (Read(http, "Mcp-Method") != request.Method)
            return Mismatch("The header Mcp-Method is missing or does not agree with the body.");
        var name = request.Method switch
        {
            "tools/call" or "prompts/get" => "name",
            "resources/read" => "uri",
            "tasks/get" or "tasks/update" or "tasks/cancel" => "taskId",
            _ => null,
        };
        if (name is not null && request.Text(name) is { } value && Read(http, "Mcp-Name") != value)
            return Mismatch($"The header Mcp-Name is missing or does not agree with params.{name}.");
        return !request.Meta.TryGetProperty(McpProtocol.MetaCapabilities, out var capabilities) || capabilities.ValueKind != JsonValueKind.Object
            ? Missing(McpProtocol.MetaCapabilities)
            : null;
    }

    /// <summary>A revision that is not served, with those that are.</summary>
    public static McpError Unsupported(string version) => new(400, McpProtocol.UnsupportedVersion, "This protocol version is not supported.")
    {
        Data = writer =>
        {
            writer.WriteStartArray("supported"u8);
            foreach (var supported in McpProtocol.Versions)
                writer.WriteStringValue(supported);
            writer.WriteEndArray();
            writer.WriteString("requested"u8, version);
        },
    };

    private static bool HasVersion(JsonRpcRequest request) => request.Meta.ValueKind == JsonValueKind.Object && request.Meta.TryGetProperty(McpProtocol.MetaVersion, out _);

    private static string? Read(HttpRequest http, string name) => http.Headers[name] is { Count: 1 } values ? HeaderText.Decode(values.ToString()) : null;

    private static McpError Mismatch(string message) => new(400, McpProtocol.HeaderMismatch, message);

    private static McpError Missing(string member) => new(400, McpProtocol.InvalidParams, $"params._meta has to contain {member}.");
}
