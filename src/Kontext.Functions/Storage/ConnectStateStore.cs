using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Storage;

/// <summary>Authorizations under way at providers.</summary>
internal sealed class ConnectStateStore(ITableSource tables) : IConnectStateStore
{
    private readonly HashKeyed<ConnectState> states = new(tables.Open("connectstates"), StoredJson.Default.ConnectState);

    /// <inheritdoc/>
    public Task InsertAsync(OrgId org, ConnectState state, CancellationToken cancellationToken) => states.InsertAsync(org, state.Hash, state, cancellationToken);

    /// <inheritdoc/>
    public Task<Versioned<ConnectState>?> FindAsync(OrgId org, string hash, CancellationToken cancellationToken) => states.FindAsync(org, hash, cancellationToken);

    /// <inheritdoc/>
    public Task<Versioned<ConnectState>?> ReplaceAsync(OrgId org, Versioned<ConnectState> current, ConnectState next, CancellationToken cancellationToken) =>
        states.ReplaceAsync(org, next.Hash, current, next, cancellationToken);
}
