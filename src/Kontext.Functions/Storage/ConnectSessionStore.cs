using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Storage;

/// <summary>Connect sessions.</summary>
internal sealed class ConnectSessionStore(ITableSource tables) : IConnectSessionStore
{
    private readonly HashKeyed<ConnectSession> sessions = new(tables.Open("connectsessions"), StoredJson.Default.ConnectSession);

    /// <inheritdoc/>
    public Task InsertAsync(OrgId org, ConnectSession session, CancellationToken cancellationToken) => sessions.InsertAsync(org, session.HandleHash, session, cancellationToken);

    /// <inheritdoc/>
    public Task<Versioned<ConnectSession>?> FindAsync(OrgId org, string handleHash, CancellationToken cancellationToken) => sessions.FindAsync(org, handleHash, cancellationToken);

    /// <inheritdoc/>
    public Task<Versioned<ConnectSession>?> ReplaceAsync(OrgId org, Versioned<ConnectSession> current, ConnectSession next, CancellationToken cancellationToken) =>
        sessions.ReplaceAsync(org, next.HandleHash, current, next, cancellationToken);
}
