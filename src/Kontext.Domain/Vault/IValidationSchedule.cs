namespace Kontext.Domain.Vault;

/// <summary>A note that a connection nothing was heard of for long is to be asked about. The connection's row decides whether that still holds.</summary>
/// <param name="Org">The organization.</param>
/// <param name="User">Whose connection.</param>
/// <param name="Integration">To what.</param>
/// <param name="Connection">The connection.</param>
/// <param name="HeardAt">When its credential was last known to be good, as the note was made; one that was heard of since is not asked about.</param>
/// <param name="DueAt">When to ask.</param>
public sealed record DueValidation(OrgId Org, UserId User, IntegrationId Integration, ConnectionId Connection, DateTimeOffset HeardAt, DateTimeOffset DueAt);

/// <summary>Keeps notes in the order of time, over all organizations, so that nobody has to look through connections for what is due.</summary>
public interface IValidationSchedule
{
    /// <summary>How far behind the walk begins.</summary>
    static readonly TimeSpan LookBack = TimeSpan.FromDays(1);

    /// <summary>Notes a due time; a note of the same connection for about the same time is replaced.</summary>
    Task FileAsync(DueValidation due, CancellationToken cancellationToken);

    /// <summary>What is due by now and was within <see cref="LookBack"/>, oldest first.</summary>
    IAsyncEnumerable<Versioned<DueValidation>> DueAsync(DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>The note as it is filed; null when it is not there, or another has its place.</summary>
    Task<Versioned<DueValidation>?> FindAsync(DueValidation due, CancellationToken cancellationToken);

    /// <summary>Takes out what was due before a time: nobody walks it any more.</summary>
    Task ForgetAsync(DateTimeOffset before, CancellationToken cancellationToken);

    /// <summary>Takes a note out, unless it was replaced since it was read.</summary>
    Task RemoveAsync(Versioned<DueValidation> due, CancellationToken cancellationToken);
}
