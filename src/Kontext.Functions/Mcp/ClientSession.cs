using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;

namespace Kontext.Functions.Mcp;

/// <summary>The session of a client of the older revisions. All of it is in the <c>Mcp-Session-Id</c> the client was given, so that any instance can serve it.</summary>
/// <param name="Name">Tells it apart from all others.</param>
/// <param name="User">Whose it is. The token of each request says who that is; the session never does.</param>
/// <param name="Application">The agent's.</param>
/// <param name="Integration">The integration of the address it was opened at; null at <c>/mcp</c>.</param>
/// <param name="Capabilities">What the client can be asked: <c>elicitation</c>, <c>sampling</c> and <c>roots</c> of its capabilities, as JSON.</param>
/// <param name="Route">The session opened for it at the integration's server; null when there is none.</param>
/// <param name="ExpiresAt">When it ends.</param>
internal sealed record ClientSession(string Name, UserId User, AppId Application, IntegrationId? Integration, string Capabilities, string? Route, DateTimeOffset ExpiresAt)
{
    private const int MaxCapabilities = 1024;
    private static readonly string[] Askable = ["elicitation", "sampling", "roots"];

    /// <summary>The revision it was opened in; null in sessions from before that was kept.</summary>
    public string? Version { get; init; }

    /// <summary>What has changed since it was opened; null when nothing has.</summary>
    public McpSessionNote? Note { get; init; }

    /// <summary>Whether the client can be asked anything.</summary>
    [JsonIgnore]
    public bool CanBeAsked => Capabilities.Length > 2;

    /// <summary>Whether the client can have its person open a link.</summary>
    [JsonIgnore]
    public bool OpensLinks
    {
        get
        {
            using var declared = JsonDocument.Parse(Capabilities);
            return declared.RootElement.TryGetProperty("elicitation", out var elicitation) && elicitation.TryGetProperty("url", out var url) && url.ValueKind == JsonValueKind.Object;
        }
    }

    /// <summary>Whether the client can answer a request of this method.</summary>
    public bool Answers(string method)
    {
        using var declared = JsonDocument.Parse(Capabilities);
        return declared.RootElement.TryGetProperty(method.Split('/')[0], out _);
    }

    /// <summary>The session at the servers of integrations; null where the shared one serves.</summary>
    public McpClientSession? Upstream(Integration integration)
    {
        if (Integration is null ? !CanBeAsked : Integration != integration.Id)
            return null;
        return new McpClientSession(Name, Encoding.UTF8.GetBytes(Capabilities)) { Route = Route };
    }

    /// <summary>What of a client's capabilities servers can make use of; an object without members when there is nothing.</summary>
    public static string CapabilitiesOf(JsonElement declared)
    {
        var text = new ArrayBufferWriter<byte>();
        text.Write("{"u8);
        if (declared.ValueKind == JsonValueKind.Object)
        {
            foreach (var name in Askable)
            {
                if (!declared.TryGetProperty(name, out var value) || value.ValueKind != JsonValueKind.Object)
                    continue;
                text.Write(text.WrittenCount > 1 ? ",\""u8 : "\""u8);
                text.Write(Encoding.UTF8.GetBytes(name));
                text.Write("\":"u8);
                text.Write(JsonMarshal.GetRawUtf8Value(value));
            }
        }
        text.Write("}"u8);
        return text.WrittenCount <= MaxCapabilities ? Encoding.UTF8.GetString(text.WrittenSpan) : "{}";
    }
}
