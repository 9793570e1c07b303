using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Storage;

/// <summary>Provider authorizations under way, in a table.</summary>
internal sealed class ConnectStateStore(ITableSource tables) : IConnectStateStore
{
    private readonly DocumentTable<ConnectStateRow> table = new(tables.Open("connectstates"), ConnectStorageJson.Default.ConnectStateRow);

    /// <inheritdoc/>
    public async Task InsertAsync(OrgId org, ConnectState state, CancellationToken cancellationToken)
    {
        if (await table.InsertAsync(ConnectPartition.Of(org, state.Hash), state.Hash, ToRow(state), cancellationToken) is null)
            throw new InvalidOperationException("A random state came up twice.");
    }

    /// <inheritdoc/>
    public async Task<Versioned<ConnectState>?> FindAsync(OrgId org, string hash, CancellationToken cancellationToken) =>
        await table.FindAsync(ConnectPartition.Of(org, hash), hash, cancellationToken) is { } found
            ? new Versioned<ConnectState>(ToState(hash, found.Value), found.Version) { Origin = found } : null;

    /// <inheritdoc/>
    public async Task<Versioned<ConnectState>?> ReplaceAsync(OrgId org, Versioned<ConnectState> current, ConnectState next, CancellationToken cancellationToken) =>
        await table.ReplaceAsync(ConnectPartition.Of(org, next.Hash), next.Hash, (Versioned<ConnectStateRow>)current.Origin!, ToRow(next), cancellationToken) is { } written
            ? new Versioned<ConnectState>(next, written.Version) { Origin = written } : null;

    private static ConnectStateRow ToRow(ConnectState state) =>
        new(state.User.Value, state.Integration.Value, state.BrowserBinding, state.TokenEndpoint, state.ReturnUrl, state.ExpiresAt, state.UsedAt);

    private static ConnectState ToState(string hash, ConnectStateRow row) => new()
    {
        Hash = hash,
        User = UserId.From(row.User),
        Integration = IntegrationId.From(row.Integration),
        BrowserBinding = row.BrowserBinding,
        TokenEndpoint = row.TokenEndpoint,
        ReturnUrl = row.ReturnUrl,
        ExpiresAt = row.ExpiresAt,
        UsedAt = row.UsedAt,
    };
}

/// <summary>An authorization under way as stored.</summary>
internal sealed record ConnectStateRow(
    Guid User, Guid Integration, string BrowserBinding, string TokenEndpoint, string? ReturnUrl, DateTimeOffset ExpiresAt, DateTimeOffset? UsedAt);
