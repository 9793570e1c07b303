namespace Kontext.Domain.Gateway;

/// <summary>Where instances leave each other what belongs to a client's exchange that another of them holds: the answer to a question, the end of a call, the end of a session. What is left here ends by itself.</summary>
public interface IMcpMailbox
{
    /// <summary>Leaves a message under an unguessable name; what lies there already stays.</summary>
    Task PutAsync(OrgId org, string name, ReadOnlyMemory<byte> message, DateTimeOffset expiresAt, CancellationToken cancellationToken);

    /// <summary>What lies there now; null when there is nothing.</summary>
    Task<byte[]?> FindAsync(OrgId org, string name, CancellationToken cancellationToken);

    /// <summary>Waits for a message, takes it away and gives it; null when the time is up.</summary>
    Task<byte[]?> TakeAsync(OrgId org, string name, TimeSpan limit, CancellationToken cancellationToken);
}
