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
    /// <summary>How far behind the walk begins.</summary>
    static readonly TimeSpan LookBack = TimeSpan.FromDays(1);

    /// <summary>Notes a due time; a note of the same connection for about the same time is replaced.</summary>
    Task FileAsync(DueRefresh due, CancellationToken cancellationToken);

    /// <summary>What is due by now and was within <see cref="LookBack"/>, oldest first.</summary>
    IAsyncEnumerable<Versioned<DueRefresh>> DueAsync(DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>The note as it is filed; null when it is not there, or another has its place.</summary>
    Task<Versioned<DueRefresh>?> FindAsync(DueRefresh due, CancellationToken cancellationToken);

    /// <summary>Takes out what was due before a time: nobody walks it any more.</summary>
    Task ForgetAsync(DateTimeOffset before, CancellationToken cancellationToken);

    /// <summary>Takes a note out, unless it was replaced since it was read.</summary>
    Task RemoveAsync(Versioned<DueRefresh> due, CancellationToken cancellationToken);
}
