using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Storage;

/// <summary>Connections, a partition per person; a second table names, per integration, the people who ever connected it.</summary>
internal sealed class ConnectionStore(ITableSource tables, FreshCache cache, EpochFeed epochs, TimeProvider time) : IConnectionStore
{
    // Other instances are not told of refreshes: what they remember must not be about to end.
    private static readonly TimeSpan MinLife = TimeSpan.FromSeconds(60);

    private readonly DocumentTable<Connection> connections = new(tables.Open("connections"), StoredJson.Default.Connection);
    private readonly ITable people = tables.Open("connectionpeople");

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
    public async Task<Versioned<Connection>?> InsertAsync(OrgId org, Connection connection, CancellationToken cancellationToken)
    {
        // Before the row, so that a crash in between leaves a name too many and not one too few.
        await people.UpsertAsync(
            new TableRow(Key.Of(org, connection.Integration), Key.Of(org, connection.Integration, connection.User), new Dictionary<string, object>(StringComparer.Ordinal) { ["v"] = "1", ["user"] = connection.User.ToString() }),
            cancellationToken);
        return await connections.InsertAsync(Key.Of(org, connection.User), RowKey(org, connection.User, connection.Integration), connection, cancellationToken);
    }

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

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The cursor is not one this list gave.</exception>
    public async Task<Page<Connection>> ListOfAsync(OrgId org, IntegrationId integration, string? cursor, int limit, CancellationToken cancellationToken)
    {
        var prefix = Key.Of(org, integration);
        var from = PageCursor.Read<UserId>(cursor) is { } after ? $"{Key.Of(org, integration, after)}~" : prefix;
        var users = new List<UserId>();
        string? continuation = null;
        do
        {
            var rows = await people.RangeAsync(prefix, from, to: null, limit - users.Count, continuation, cancellationToken);
            users.AddRange(rows.Rows.Select(row => UserId.Parse((string)row.Properties["user"], null)));
            continuation = rows.Continuation;
        }
        while (continuation is not null && users.Count < limit);
        var found = await Task.WhenAll(users.Select(user => FindAsync(org, user, integration, cancellationToken)));
        return new Page<Connection>(
            [.. found.OfType<Versioned<Connection>>().Select(row => row.Value)], users.Count == limit ? PageCursor.After(users[^1]) : null);
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
