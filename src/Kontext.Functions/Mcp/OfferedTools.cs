using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Mcp;

/// <summary>A tool under the name this agent calls it by.</summary>
internal sealed record OfferedTool(string Name, Integration Integration, UpstreamTool Tool);

/// <summary>An integration whose tools are missing from a list, and why.</summary>
internal sealed record UnavailableIntegration(Integration Integration, string Reason, string Message);

/// <summary>The tools one agent may call for its person, over all its integrations. A slow or broken integration is reported instead of waited for.</summary>
internal sealed class OfferedTools(AttachedIntegrations attached, ToolCatalog catalog, CredentialBroker broker)
{
    /// <summary>Tools in the order of their names, and the integrations that are missing.</summary>
    public async Task<(List<OfferedTool> Tools, List<UnavailableIntegration> Unavailable)> OfAsync(AgentCaller caller, CancellationToken cancellationToken)
    {
        var proxied = await attached.ProxiedAsync(caller, cancellationToken);
        var handles = new IntegrationHandles(proxied);
        var lists = await Task.WhenAll(proxied
            .Where(integration => caller.Session.Covers(integration.Id))
            .Select(async integration => (integration, list: await catalog.OfAsync(caller, integration, cancellationToken))));
        var tools = new List<OfferedTool>();
        var unavailable = new List<UnavailableIntegration>();
        foreach (var (integration, list) in lists)
        {
            if (!list.TryGet(out var found, out var failure))
                unavailable.Add(new UnavailableIntegration(integration, ReasonOf(failure.Code), failure.Message));
            else
            {
                foreach (var tool in await AllowedAsync(caller, integration, found, cancellationToken))
                    tools.Add(new OfferedTool(ToolId.Format(handles.HandleOf(integration), tool.Name), integration, tool));
            }
        }
        tools.Sort((left, right) => string.CompareOrdinal(left.Name, right.Name));
        return (tools, unavailable);
    }

    /// <summary>The tools of one integration under their own names.</summary>
    public async Task<Result<List<OfferedTool>>> OfAsync(AgentCaller caller, Integration integration, CancellationToken cancellationToken)
    {
        if (!(await catalog.OfAsync(caller, integration, cancellationToken)).TryGet(out var found, out var failure))
            return failure;
        var tools = (await AllowedAsync(caller, integration, found, cancellationToken)).ConvertAll(tool => new OfferedTool(tool.Name, integration, tool));
        tools.Sort((left, right) => string.CompareOrdinal(left.Name, right.Name));
        return tools;
    }

    /// <summary>Writes the reasons for absences, for <c>_meta</c>.</summary>
    public static void WriteUnavailable(Utf8JsonWriter writer, List<UnavailableIntegration> unavailable)
    {
        writer.WriteStartArray("kontext/unavailable"u8);
        foreach (var missing in unavailable)
        {
            writer.WriteStartObject();
            writer.WriteString("integrationId"u8, missing.Integration.Id.ToString());
            writer.WriteString("integration"u8, missing.Integration.Name);
            writer.WriteString("reason"u8, missing.Reason);
            writer.WriteString("message"u8, missing.Message);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private async ValueTask<List<UpstreamTool>> AllowedAsync(AgentCaller caller, Integration integration, IReadOnlyList<UpstreamTool> tools, CancellationToken cancellationToken)
    {
        var allowed = new List<UpstreamTool>(tools.Count);
        foreach (var tool in tools)
        {
            if (!tool.Quarantined && await broker.DecideAsync(AccessRequest.Of(caller, integration, AccessKind.Operation, tool.Name), cancellationToken) is { Passes: true } or { Asks: true })
                allowed.Add(tool);
        }
        return allowed;
    }

    private static string ReasonOf(FailureCode code) => code switch
    {
        FailureCode.NotConnected => "not_connected",
        FailureCode.PolicyDenied => "policy_denied",
        FailureCode.InvalidTarget or FailureCode.Misconfigured => "misconfigured",
        _ => "unavailable",
    };
}
