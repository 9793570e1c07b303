using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Storage;

/// <summary>Connections, a partition per person.</summary>
internal sealed class ConnectionStore(ITableSource tables, FreshCache cache, EpochFeed epochs, TimeProvider time) : IConnectionStore
{
    // Other instances are not told of refreshes: what they remember must not be about to end.
    private static readonly TimeSpan MinLife = TimeSpan.FromSeconds(60);

    private readonly DocumentTable<Connection> connections = new(tables.Open("connections"), StoredJson.Default.Connection);

    /// <inheritdoc/>
    public async ValueTask<Connection?> CurrentAsync(OrgId org, UserId user, IntegrationId integration, CancellationToken cancellationToken)
    {
        var current = await RememberedAsync(org, user, integration, cancellationToken);
        if (current is null || IsSettled(current))
            return current;
        cache.Remove(KeyOf(org, user, integration));
        return await RememberedAsync(org, user, integration, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<Versioned<Connection>?> FindAsync(OrgId org, UserId user, IntegrationId integration, CancellationToken cancellationToken) =>
        connections.FindAsync(Key.Of(org, user), RowKey(org, user, integration), cancellationToken);

    /// <inheritdoc/>
    public Task<Versioned<Connection>?> InsertAsync(OrgId org, Connection connection, CancellationToken cancellationToken) =>
        connections.InsertAsync(Key.Of(org, connection.User), RowKey(org, connection.User, connection.Integration), connection, cancellationToken);

    /// <inheritdoc/>
    public async Task<Versioned<Connection>?> ReplaceAsync(OrgId org, Versioned<Connection> current, Connection next, bool cutOff, CancellationToken cancellationToken)
    {
        var written = await connections.ReplaceAsync(Key.Of(org, next.User), RowKey(org, next.User, next.Integration), current, next, cancellationToken);
        if (written is null)
            return null;
        cache.Remove(KeyOf(org, next.User, next.Integration));
        if (cutOff)
            await epochs.BumpAsync(org);
        return written;
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Connection>> ListAsync(OrgId org, UserId user, CancellationToken cancellationToken)
    {
        var (from, to) = Key.Ids<UserId>(org, after: null);
        return (await connections.TakeAsync(Key.Of(org, user), from, to, int.MaxValue, cancellationToken)).ConvertAll(row => row.Value);
    }

    private ValueTask<Connection?> RememberedAsync(OrgId org, UserId user, IntegrationId integration, CancellationToken cancellationToken) => cache.GetAsync(
        KeyOf(org, user, integration), (Store: this, org, user, integration),
        static async (state, token) => (await state.Store.FindAsync(state.org, state.user, state.integration, token))?.Value, cancellationToken);

    /// <summary>Whether it may be remembered. Otherwise another instance may have refreshed what is about to end, or connected what was not.</summary>
    private bool IsSettled(Connection connection) =>
        connection.Status == ConnectionStatus.Connected && (connection.AccessExpiresAt is not { } end || end - time.GetUtcNow() >= MinLife);

    private static FreshKey KeyOf(OrgId org, UserId user, IntegrationId integration) => new(FreshKind.Connection, org, user.Value, integration.Value);

    private static string RowKey(OrgId org, UserId user, IntegrationId integration) => Key.Of(org, user, integration);
}
