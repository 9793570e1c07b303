namespace Kontext.Domain.Vault;

/// <summary>A note that a connection is to be refreshed before its access token ends. The connection's row decides whether that still holds.</summary>
/// <param name="Org">The organization.</param>
/// <param name="User">Whose connection.</param>
/// <param name="Integration">To what.</param>
/// <param name="Connection">The connection.</param>
/// <param name="ExpiresAt">The end of the access token this was noted for; a connection with another end was refreshed meanwhile.</param>
/// <param name="DueAt">When to refresh.</param>
public sealed record DueRefresh(OrgId Org, UserId User, IntegrationId Integration, ConnectionId Connection, DateTimeOffset ExpiresAt, DateTimeOffset DueAt);

/// <summary>Keeps due times in the order of time, over all organizations (architecture section 5).</summary>
public interface IRefreshSchedule
{
    /// <summary>Notes a due time; a note of the same connection for about the same time is replaced.</summary>
    Task FileAsync(DueRefresh due, CancellationToken cancellationToken);

    /// <summary>What is due by now and was within the last day, oldest first.</summary>
    IAsyncEnumerable<Versioned<DueRefresh>> DueAsync(DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Takes a note out, unless it was replaced since it was read.</summary>
    Task RemoveAsync(Versioned<DueRefresh> due, CancellationToken cancellationToken);
}
