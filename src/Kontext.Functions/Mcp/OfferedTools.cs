using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Mcp;

/// <summary>A tool under the name this agent calls it by.</summary>
/// <param name="Name">That name.</param>
/// <param name="Integration">Whose it is.</param>
/// <param name="Tool">The tool.</param>
/// <param name="Denied">Policy does not let this agent call it; only in lists that ask for such tools.</param>
internal sealed record OfferedTool(string Name, Integration Integration, UpstreamTool Tool, bool Denied = false);

/// <summary>An integration whose tools are missing from a list, and why.</summary>
internal sealed record UnavailableIntegration(Integration Integration, string Reason, string Message)
{
    private const int MaxNames = 10;
    private const int MaxName = 128;

    /// <summary>Only some of its tools are missing, and will be the next time as well.</summary>
    public bool Partly { get; private init; }

    /// <summary>Some of its tools are left out.</summary>
    public static UnavailableIntegration Unreadable(Integration integration, IReadOnlyList<string> names, string why) =>
        new(integration, "unreadable_tools", $"Left out of the tools of {integration.Name}: {string.Join(", ", names.Take(MaxNames).Select(name => name[..Math.Min(name.Length, MaxName)]))}{(names.Count > MaxNames ? $" and {names.Count - MaxNames} more" : "")}. {why}") { Partly = true };

    /// <summary>Its list was read to a certain length only.</summary>
    public static UnavailableIntegration TooLong(Integration integration, int read) =>
        new(integration, "list_cut", $"{integration.Name} lists more tools than are read: those after the first {read} are left out.") { Partly = true };
}

/// <summary>The tools one agent may call for its person, over all its integrations. A slow or broken integration is reported instead of waited for.</summary>
internal sealed class OfferedTools(AttachedIntegrations attached, ToolCatalog catalog, CredentialBroker broker, TimeProvider time, ILogger<OfferedTools> log)
{
    /// <summary>How long the whole list waits for one integration.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    /// <summary>Tools in the order of their names, and the integrations that are missing. Tools that policy denies are among them only if asked for.</summary>
    public async Task<(List<OfferedTool> Tools, List<UnavailableIntegration> Unavailable)> OfAsync(AgentCaller caller, bool includeDenied, CancellationToken cancellationToken)
    {
        var proxied = await attached.ProxiedAsync(caller, cancellationToken);
        var handles = new IntegrationHandles(proxied);
        var lists = await Task.WhenAll(proxied
            .Where(integration => caller.Session.Covers(integration.Id))
            .Select(async integration => (integration, list: await InTimeAsync(caller, integration, cancellationToken))));
        var tools = new List<OfferedTool>();
        var unavailable = new List<UnavailableIntegration>();
        foreach (var (integration, list) in lists)
        {
            if (!list.TryGet(out var found, out var failure))
                unavailable.Add(new UnavailableIntegration(integration, ReasonOf(failure.Code), failure.Message));
            else
            {
                unavailable.AddRange(MissingOf(integration, found));
                foreach (var (tool, denied) in await DecidedAsync(caller, integration, found.Offered, cancellationToken))
                {
                    if (includeDenied || !denied)
                        tools.Add(new OfferedTool(ToolId.Format(handles.HandleOf(integration), tool.Name), integration, tool, denied));
                }
            }
        }
        tools.Sort((left, right) => string.CompareOrdinal(left.Name, right.Name));
        return (tools, unavailable);
    }

    /// <summary>The tools of one integration under their own names, and what is missing from them.</summary>
    public async Task<Result<(List<OfferedTool> Tools, List<UnavailableIntegration> Unavailable)>> OfAsync(AgentCaller caller, Integration integration, CancellationToken cancellationToken)
    {
        if (!(await catalog.OfAsync(caller, integration, cancellationToken)).TryGet(out var found, out var failure))
            return failure;
        var tools = (await DecidedAsync(caller, integration, found.Offered, cancellationToken)).FindAll(decided => !decided.Denied).ConvertAll(decided => new OfferedTool(decided.Tool.Name, integration, decided.Tool));
        tools.Sort((left, right) => string.CompareOrdinal(left.Name, right.Name));
        return (tools, MissingOf(integration, found));
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

    private static List<UnavailableIntegration> MissingOf(Integration integration, UpstreamTools found)
    {
        var missing = new List<UnavailableIntegration>();
        if (found.Unfit.Count > 0)
            missing.Add(UnavailableIntegration.Unreadable(integration, found.Unfit, "Its server does not describe them as MCP demands."));
        if (found.Cut)
            missing.Add(UnavailableIntegration.TooLong(integration, found.Offered.Count + found.Unfit.Count));
        return missing;
    }

    private async Task<Result<UpstreamTools>> InTimeAsync(AgentCaller caller, Integration integration, CancellationToken cancellationToken)
    {
        try
        {
            return await catalog.OfAsync(caller, integration, cancellationToken).WaitAsync(Patience, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            // The catalog goes on asking: when it is answered, the next list has the tools.
            return new Failure(FailureCode.Unavailable, $"{integration.Name} has not listed its tools within {Patience.TotalSeconds:0} seconds. List again shortly.");
        }
        catch (Exception broken) when (!cancellationToken.IsCancellationRequested)
        {
            // Whatever it is: the other integrations have nothing to do with it.
            Log.ToolsNotListed(log, integration.Name, broken);
            return new Failure(FailureCode.Unavailable, $"The tools of {integration.Name} cannot be listed now. List again shortly.");
        }
    }

    /// <summary>The tools that are not held back, each with what policy says as long as no arguments are known.</summary>
    private async ValueTask<List<(UpstreamTool Tool, bool Denied)>> DecidedAsync(AgentCaller caller, Integration integration, IReadOnlyList<UpstreamTool> tools, CancellationToken cancellationToken)
    {
        var decided = new List<(UpstreamTool, bool)>(tools.Count);
        foreach (var tool in tools)
        {
            if (!tool.Quarantined)
                decided.Add((tool, await broker.DecideAsync(AccessRequest.Of(caller, integration, AccessKind.Operation, tool.Name), cancellationToken) is not ({ Passes: true } or { Asks: true })));
        }
        return decided;
    }

    private static string ReasonOf(FailureCode code) => code switch
    {
        FailureCode.NotConnected => "not_connected",
        FailureCode.PolicyDenied => "policy_denied",
        FailureCode.InvalidTarget or FailureCode.Misconfigured => "misconfigured",
        _ => "unavailable",
    };
}
