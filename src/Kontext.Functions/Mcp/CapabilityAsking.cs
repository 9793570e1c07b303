using System.Text.Json;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Mcp;

/// <summary><c>REQUEST_CAPABILITY</c>: a fresh link for what the person can connect themselves, and a request to an administrator for what they cannot (contract 4.5).</summary>
internal sealed class CapabilityAsking(AttachedIntegrations attached, ConnectionSources connections, CredentialBroker broker, CapabilityRequests requests, IConnectLinks links)
{
    /// <summary>Answers in words for the model, with a link.</summary>
    public async Task RunAsync(McpExchange exchange, JsonElement arguments)
    {
        var asked = JsonRpcRequest.TextOf(arguments, "capability_name")?.Trim();
        var has = await attached.OfAsync(exchange.Caller, exchange.Aborted);
        var disconnected = new List<Integration>();
        foreach (var integration in has.Where(integration => integration.NeedsConnection))
        {
            if (!(await connections.FindAsync(exchange.Caller.Org, exchange.Caller.User.Id, integration, exchange.Aborted)).State.Connected)
                disconnected.Add(integration);
        }
        var named = asked is null ? null : disconnected.Find(integration => IsNamed(integration, asked));
        var missing = named is null && asked is not null && asked.Any(char.IsLetterOrDigit) && !await HasAsync(exchange, has, asked)
            ? await requests.AskAsync(exchange.Caller, asked, JsonRpcRequest.TextOf(arguments, "reason"), exchange.TraceId, exchange.Aborted) is { } request ? WordsOf(request) : $"{asked} is not available to this agent, and too many requests are waiting for an administrator already. "
            : "";
        var link = await links.CreateAsync(exchange.Caller, named?.Id, returnUrl: null, exchange.Aborted);
        var what = named is not null ? $"{named.Name} is not connected. Open this address to connect it: "
            : disconnected.Count == 0 ? "Every integration of this agent is connected. Connections are managed here: "
            : $"Not connected: {string.Join(", ", disconnected.Select(integration => integration.Name))}. Open this address to connect: ";
        await exchange.ResultAsync(writer => ConnectOffer.WriteText(writer, missing + what + link.Url.AbsoluteUri));
    }

    /// <summary>Whether the agent has it: an integration by name, or a tool of one that policy lets it call.</summary>
    private async Task<bool> HasAsync(McpExchange exchange, List<Integration> has, string asked)
    {
        if (has.Exists(integration => IsNamed(integration, asked)))
            return true;
        return new IntegrationHandles(has).TryResolve(asked, out var integration, out var tool)
            && await broker.DecideAsync(AccessRequest.Of(exchange.Caller, integration, AccessKind.Operation, tool), exchange.Aborted) is { Passes: true } or { Asks: true };
    }

    private static bool IsNamed(Integration integration, string asked) =>
        string.Equals(integration.Name, asked, StringComparison.OrdinalIgnoreCase) || string.Equals(integration.Id.ToString(), asked, StringComparison.OrdinalIgnoreCase);

    private static string WordsOf(CapabilityRequest request)
    {
        var note = request.Note is { Length: > 0 } said ? $" They say: {said}." : "";
        return request.Status switch
        {
            CapabilityRequestStatus.Open => $"{request.Capability} is not available to this agent. An administrator has been asked for it; do not ask again. ",
            CapabilityRequestStatus.Granted => $"An administrator granted {request.Capability}; if it is still missing, it is about to be set up.{note} ",
            CapabilityRequestStatus.Declined => $"An administrator declined {request.Capability}.{note} Do without it. ",
        };
    }
}
