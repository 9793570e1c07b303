using System.Collections.Concurrent;
using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Testing.Connections;

/// <summary>Grants that are still to be revoked, in memory and in the clear; nothing is queued.</summary>
public sealed class MemoryParkedGrants : IParkedGrants
{
    private readonly ConcurrentDictionary<RevocationId, (Versioned<ParkedGrant> Row, StoredGrant Grant)> rows = new();

    /// <summary>All of them.</summary>
    public IReadOnlyCollection<StoredGrant> Grants => [.. rows.Values.Select(row => row.Grant)];

    /// <summary>Their ids.</summary>
    public IReadOnlyCollection<RevocationId> Ids => [.. rows.Keys];

    /// <inheritdoc/>
    public Task ParkAsync(OrgId org, UserId user, IntegrationId integration, StoredGrant grant, CancellationToken cancellationToken)
    {
        var id = new RevocationId(Guid.NewGuid());
        rows[id] = (new Versioned<ParkedGrant>(new ParkedGrant(id, user, integration, "", 1, DateTimeOffset.UnixEpoch), "1"), grant);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<Versioned<ParkedGrant>?> FindAsync(OrgId org, RevocationId revocation, CancellationToken cancellationToken) =>
        Task.FromResult(rows.TryGetValue(revocation, out var found) ? found.Row : null);

    /// <inheritdoc/>
    public Task<StoredGrant?> OpenAsync(OrgId org, ParkedGrant parked, CancellationToken cancellationToken) =>
        Task.FromResult(rows.TryGetValue(parked.Id, out var found) ? found.Grant : null);

    /// <inheritdoc/>
    public Task<Versioned<ParkedGrant>?> ReplaceAsync(OrgId org, Versioned<ParkedGrant> current, ParkedGrant next, CancellationToken cancellationToken)
    {
        var written = new Versioned<ParkedGrant>(next, current.Version + "1");
        return Task.FromResult(rows.TryGetValue(next.Id, out var found) && rows.TryUpdate(next.Id, (written, found.Grant), (current, found.Grant)) ? written : null);
    }

    /// <inheritdoc/>
    public Task RemoveAsync(OrgId org, Versioned<ParkedGrant> parked, CancellationToken cancellationToken)
    {
        rows.TryRemove(parked.Value.Id, out _);
        return Task.CompletedTask;
    }
}
