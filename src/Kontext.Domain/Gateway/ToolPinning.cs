using System.Collections.Immutable;
using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Gateway;

/// <summary>Holds every list of tools that a server gives against what it gave before.</summary>
public sealed class ToolPinning(IToolPinStore pins, IIntegrationStore integrations, IAuditLog audit, TimeProvider time)
{
    private const int MaxAccepted = 20;

    /// <summary>The tools, those marked that changed and have to wait for somebody's decision. Tools never seen before are pinned as they are; changes are recorded.</summary>
    public async Task<IReadOnlyList<UpstreamTool>> CheckAsync(OrgId org, Integration integration, IReadOnlyList<UpstreamTool> tools, CancellationToken cancellationToken)
    {
        var known = (await pins.ListAsync(org, integration.Id, cancellationToken)).ToDictionary(pin => pin.Value.Name, StringComparer.Ordinal);
        var now = time.GetUtcNow();
        var added = new List<ToolPin>();
        var changed = false;
        var quarantined = new HashSet<string>(StringComparer.Ordinal);
        foreach (var tool in tools)
        {
            var definition = ToolDefinition.Of(tool);
            if (!known.TryGetValue(tool.Name, out var pin))
                added.Add(new ToolPin { Name = tool.Name, Accepted = [definition.Fingerprint], Definition = Kept(definition), FirstSeenAt = now });
            else if (!pin.Value.Accepted.Contains(definition.Fingerprint))
            {
                changed |= await NoteAsync(org, integration, pin, definition, now, cancellationToken);
                quarantined.Add(tool.Name);
            }
            else if (pin.Value.IsChanged)
                quarantined.Add(tool.Name);
        }
        if (added.Count > 0)
            await pins.InsertAsync(org, integration.Id, added, cancellationToken);
        if (!integration.QuarantineChangedTools)
            return tools;
        if (changed)
            await TouchAsync(org, integration.Id, cancellationToken);
        return quarantined.Count == 0 ? tools : [.. tools.Select(tool => quarantined.Contains(tool.Name) ? tool with { Quarantined = true } : tool)];
    }

    /// <summary>Accepts the change of a tool that somebody has looked at: the fingerprint has to be the one they saw.</summary>
    public async Task<Result<ToolPin>> AcceptAsync(OrgId org, Integration integration, string tool, string fingerprint, AuditParty actor, CancellationToken cancellationToken)
    {
        while (await pins.FindAsync(org, integration.Id, tool, cancellationToken) is { } current)
        {
            if (current.Value.ChangedTo != fingerprint)
                return new Failure(FailureCode.Conflict, "The tool is not as you saw it: its change was accepted already, or it changed again. Look at it once more.");
            var next = current.Value with
            {
                Accepted = [.. current.Value.Accepted.TakeLast(MaxAccepted - 1), fingerprint],
                Definition = current.Value.ChangedDefinition,
                ChangedTo = null,
                ChangedDefinition = null,
                ChangedAt = null,
                AcceptedBy = actor.Name,
            };
            if (await pins.ReplaceAsync(org, integration.Id, current, next, cancellationToken) is null)
                continue;
            await audit.AppendAsync(org, EventOf(integration, tool, AuditTypes.ToolAccepted, fingerprint) with { Actor = actor }, cancellationToken);
            await TouchAsync(org, integration.Id, cancellationToken);
            return next;
        }
        return new Failure(FailureCode.NotFound, "This integration has no such tool.");
    }

    // True when this was the first to see it so.
    private async Task<bool> NoteAsync(OrgId org, Integration integration, Versioned<ToolPin> pin, ToolDefinition definition, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (pin.Value.ChangedTo == definition.Fingerprint)
            return false;
        var next = pin.Value with { ChangedTo = definition.Fingerprint, ChangedDefinition = Kept(definition), ChangedAt = now };
        // Whoever wrote meanwhile has seen the server's list, too, and recorded what it saw; the next list settles the rest.
        if (await pins.ReplaceAsync(org, integration.Id, pin, next, cancellationToken) is null)
            return false;
        await audit.AppendAsync(org, EventOf(integration, pin.Value.Name, AuditTypes.ToolChanged, definition.Fingerprint) with { Status = "warn" }, cancellationToken);
        return true;
    }

    /// <summary>Has every instance ask the server anew: lists are remembered for the integration as it was last changed.</summary>
    public async Task TouchAsync(OrgId org, IntegrationId id, CancellationToken cancellationToken)
    {
        while (await integrations.FindAsync(org, id, cancellationToken) is { } current)
        {
            if ((await integrations.ReplaceAsync(org, current, current.Value with { UpdatedAt = time.GetUtcNow() }, cancellationToken)).TryGet(out _, out _))
                return;
        }
    }

    private AuditEvent EventOf(Integration integration, string tool, string type, string fingerprint) => new()
    {
        At = time.GetUtcNow(),
        Type = type,
        Integration = new AuditParty(integration.Id.ToString(), integration.Name),
        Capability = $"{integration.Name}:{tool}",
        Target = fingerprint,
    };

    private static string? Kept(ToolDefinition definition) => definition.Text.Length <= ToolPin.MaxDefinition ? definition.Text : null;
}
