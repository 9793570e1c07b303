using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Storage;

/// <summary>What was found about integrations known by their URL alone, a row each.</summary>
internal sealed class McpAuthorizationStore(ITableSource tables) : IMcpAuthorizationStore
{
    private readonly DocumentTable<McpAuthorization> rows = new(tables.Open("mcpauthorizations"), StoredJson.Default.McpAuthorization);

    /// <inheritdoc/>
    public Task<Versioned<McpAuthorization>?> FindAsync(OrgId org, IntegrationId integration, CancellationToken cancellationToken) =>
        rows.FindAsync(Key.Of(org, integration), Key.Of(org, integration), cancellationToken);

    /// <inheritdoc/>
    public Task<Versioned<McpAuthorization>?> InsertAsync(OrgId org, McpAuthorization authorization, CancellationToken cancellationToken) =>
        rows.InsertAsync(Key.Of(org, authorization.Integration), Key.Of(org, authorization.Integration), authorization, cancellationToken);

    /// <inheritdoc/>
    public Task<Versioned<McpAuthorization>?> ReplaceAsync(OrgId org, Versioned<McpAuthorization> current, McpAuthorization next, CancellationToken cancellationToken) =>
        rows.ReplaceAsync(Key.Of(org, next.Integration), Key.Of(org, next.Integration), current, next, cancellationToken);
}
