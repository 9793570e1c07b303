namespace Kontext.Domain.Vault;

/// <summary>A grant that its provider could not be told to revoke. It is out of the vault already and serves nobody; it is kept, sealed, to tell the provider later.</summary>
/// <param name="Id">Its id.</param>
/// <param name="User">Whose connection it was.</param>
/// <param name="Integration">To what.</param>
/// <param name="Sealed">The grant, sealed.</param>
/// <param name="Attempt">The attempt that is next, from 1.</param>
/// <param name="ParkedAt">When it was put here.</param>
public sealed record ParkedGrant(RevocationId Id, UserId User, IntegrationId Integration, string Sealed, int Attempt, DateTimeOffset ParkedAt);

/// <summary>Keeps grants that are still to be revoked, and has their revocation queued.</summary>
public interface IParkedGrants
{
    /// <summary>Keeps a grant and queues the first attempt.</summary>
    Task ParkAsync(OrgId org, UserId user, IntegrationId integration, StoredGrant grant, CancellationToken cancellationToken);

    /// <summary>The row; null when it is done.</summary>
    Task<Versioned<ParkedGrant>?> FindAsync(OrgId org, RevocationId revocation, CancellationToken cancellationToken);

    /// <summary>The grant itself; null when it cannot be opened.</summary>
    Task<StoredGrant?> OpenAsync(OrgId org, ParkedGrant parked, CancellationToken cancellationToken);

    /// <summary>Writes if nobody wrote since; null when somebody did.</summary>
    Task<Versioned<ParkedGrant>?> ReplaceAsync(OrgId org, Versioned<ParkedGrant> current, ParkedGrant next, CancellationToken cancellationToken);

    /// <summary>Deletes it.</summary>
    Task RemoveAsync(OrgId org, Versioned<ParkedGrant> parked, CancellationToken cancellationToken);
}
