using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Mcp;

/// <summary>Notes in the session what MCP client uses it: its <c>clientInfo</c>, user agent and host name, as it tells them (contract 1.12).</summary>
internal sealed class ClientSightings(SessionActivity activity, ILogger<ClientSightings> log)
{
    /// <summary>The header in which a client tells the name of the computer it runs on; MCP has no place for it.</summary>
    private const string HostnameHeader = "X-Kontext-Hostname";

    /// <summary>Notes what the request tells. No call fails for it.</summary>
    public async Task NoteAsync(HttpContext context, AgentCaller caller, JsonRpcRequest request)
    {
        try
        {
            await activity.SeenAsync(caller.Org, caller.Session, new ClientReport(context.Request.Headers[HostnameHeader], context.Request.Headers.UserAgent, ClientInfoOf(request)), context.RequestAborted);
        }
        catch (StorageUnavailableException unavailable)
        {
            Log.StorageUnavailable(log, unavailable);
        }
    }

    /// <summary>With <c>initialize</c> in the older revisions, with every request in 2026-07-28.</summary>
    private static ClientInfo? ClientInfoOf(JsonRpcRequest request)
    {
        var info = request.Meta.ValueKind == JsonValueKind.Object && request.Meta.TryGetProperty(McpProtocol.MetaClientInfo, out var modern) ? modern
            : request.Method == "initialize" && request.Params.ValueKind == JsonValueKind.Object && request.Params.TryGetProperty("clientInfo", out var legacy) ? legacy
            : default;
        return info.ValueKind == JsonValueKind.Object ? new ClientInfo(JsonRpcRequest.TextOf(info, "name"), JsonRpcRequest.TextOf(info, "title"), JsonRpcRequest.TextOf(info, "version")) : null;
    }
}
