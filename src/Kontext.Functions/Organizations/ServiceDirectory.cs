using Kontext.Domain;
using Kontext.Domain.Integrations;

namespace Kontext.Functions.Organizations;

/// <summary>The services people of an organization can connect: its integrations that people connect by themselves.</summary>
internal sealed class ServiceDirectory(IIntegrationStore integrations, ProviderCatalog catalog)
{
    private const int PageSize = 200;

    /// <summary>All of them, by name.</summary>
    public Task<List<Integration>> ListAsync(OrgId org, CancellationToken cancellationToken) =>
        ListAsync(org, integration => integration.IsConnectedItself, cancellationToken);

    /// <summary>Everything agents can reach through the organization, by name.</summary>
    public Task<List<Integration>> AllAsync(OrgId org, CancellationToken cancellationToken) =>
        ListAsync(org, _ => true, cancellationToken);

    /// <summary>The MCP servers the gateway calls, by name, whether or not they need a connection.</summary>
    public Task<List<Integration>> McpServersAsync(OrgId org, CancellationToken cancellationToken) =>
        ListAsync(org, integration => integration.Category == IntegrationCategory.GatewayRemoteMcp, cancellationToken);

    /// <summary>One by its name, its id, or its provider's key where only one integration uses that provider; null when there is none.</summary>
    public async Task<Integration?> FindAsync(OrgId org, string service, CancellationToken cancellationToken)
    {
        if (await integrations.CurrentByNameAsync(org, service, cancellationToken) is { } named)
            return IsConnectable(named) ? named : null;
        if (IntegrationId.TryParse(service, null, out var id))
            return await integrations.CurrentAsync(org, id, cancellationToken) is { } addressed && IsConnectable(addressed) ? addressed : null;
        if (!catalog.TryFind(service, out var provider))
            return null;
        var users = (await ListAsync(org, cancellationToken)).FindAll(integration => provider.Key.Equals(integration.OAuth?.Provider, StringComparison.OrdinalIgnoreCase));
        return users.Count == 1 ? users[0] : null;
    }

    /// <summary>The catalog's entry of an integration; null when it has none.</summary>
    public CatalogProvider? ProviderOf(Integration integration) =>
        integration.OAuth?.Provider is { } key && catalog.TryFind(key, out var provider) ? provider : null;

    private async Task<List<Integration>> ListAsync(OrgId org, Func<Integration, bool> among, CancellationToken cancellationToken)
    {
        var found = new List<Integration>();
        string? cursor = null;
        do
        {
            var page = await integrations.ListAsync(org, cursor, PageSize, cancellationToken);
            found.AddRange(page.Items.Where(among));
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        found.Sort((left, right) => string.Compare(left.Name, right.Name, StringComparison.OrdinalIgnoreCase));
        return found;
    }

    private static bool IsConnectable(Integration integration) => integration is { Archived: false, IsConnectedItself: true };
}
