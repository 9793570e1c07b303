using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Storage;

/// <summary>Connect sessions by the hash of their handle, spread over partitions by that hash.</summary>
internal sealed class ConnectSessionStore(ITableSource tables, TimeProvider time)
{
    private readonly DocumentTable<ConnectSession> sessions = new(tables.Open("connectsessions"), StoredJson.Default.ConnectSession);

    /// <summary>Adds one; false when its handle was used before.</summary>
    public async Task<bool> InsertAsync(OrgId org, ConnectSession session, CancellationToken cancellationToken) =>
        await sessions.InsertAsync(Partition(org, session.HandleHash), RowKey(org, session.HandleHash), session, cancellationToken) is not null;

    /// <summary>The session of a handle; null when unknown or expired, whether or not the row is still there.</summary>
    public async Task<ConnectSession?> FindAsync(OrgId org, string handleHash, CancellationToken cancellationToken) =>
        await sessions.FindAsync(Partition(org, handleHash), RowKey(org, handleHash), cancellationToken) is { Value: var session } && time.GetUtcNow() < session.ExpiresAt
            ? session
            : null;

    private static string Partition(OrgId org, string handleHash) => Key.Of(org, handleHash[..2]);

    private static string RowKey(OrgId org, string handleHash) => Key.Of(org, handleHash);
}
