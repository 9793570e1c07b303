using System.Diagnostics.CodeAnalysis;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Gateway;

/// <summary>The integrations one agent has, each under a handle of its own. When several names come to the same handle, the one whose name it is keeps it and the others are marked.</summary>
public sealed class IntegrationHandles
{
    private readonly Dictionary<string, Integration> byHandle = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<IntegrationId, string> handles = [];

    /// <summary>Gives each its handle.</summary>
    public IntegrationHandles(IEnumerable<Integration> integrations)
    {
        foreach (var same in integrations.GroupBy(integration => ToolId.HandleOf(integration.Name), StringComparer.OrdinalIgnoreCase))
        {
            var alone = same.Count() == 1;
            foreach (var integration in same)
            {
                var handle = alone || string.Equals(integration.Name, same.Key, StringComparison.OrdinalIgnoreCase)
                    ? ToolId.HandleOf(integration.Name)
                    : ToolId.DistinctHandleOf(integration.Name);
                byHandle[handle] = integration;
                handles[integration.Id] = handle;
            }
        }
    }

    /// <summary>All of them.</summary>
    public IReadOnlyCollection<Integration> Integrations => byHandle.Values;

    /// <summary>The handle of one of them.</summary>
    public string HandleOf(Integration integration) => handles[integration.Id];

    /// <summary>Takes a tool id apart: <c>{handle}__{tool}</c>, or the alias <c>{integration}:{tool}</c> of contract 4.4.</summary>
    public bool TryResolve(string toolId, [NotNullWhen(true)] out Integration? integration, [NotNullWhen(true)] out string? tool)
    {
        tool = null;
        integration = null;
        var boundary = toolId.IndexOf(ToolId.Separator, StringComparison.Ordinal);
        if (boundary > 0 && byHandle.TryGetValue(toolId[..boundary], out integration))
            tool = toolId[(boundary + ToolId.Separator.Length)..];
        else
        {
            // A name may itself contain a colon; the longest one that fits is meant.
            foreach (var (handle, candidate) in byHandle)
            {
                var prefix = Follows(toolId, candidate.Name) ? candidate.Name : Follows(toolId, handle) ? handle : null;
                if (prefix is null || (tool is not null && toolId.Length - prefix.Length - 1 >= tool.Length))
                    continue;
                integration = candidate;
                tool = toolId[(prefix.Length + 1)..];
            }
        }
        if (tool is { Length: > 0 } && integration is not null)
            return true;
        (integration, tool) = (null, null);
        return false;
    }

    private static bool Follows(string toolId, string name) =>
        toolId.Length > name.Length + 1 && toolId[name.Length] == ':' && toolId.StartsWith(name, StringComparison.OrdinalIgnoreCase);
}
