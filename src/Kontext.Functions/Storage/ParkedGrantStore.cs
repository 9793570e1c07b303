using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Domain.Work;

namespace Kontext.Functions.Storage;

/// <summary>Grants that are still to be revoked at their providers, sealed, one small partition per organization.</summary>
internal sealed class ParkedGrantStore(ITableSource tables, ISealer sealer, IWorkQueue queue, TimeProvider time) : IParkedGrants
{
    private readonly DocumentTable<ParkedGrant> grants = new(tables.Open("parkedgrants"), StoredJson.Default.ParkedGrant);

    /// <inheritdoc/>
    public async Task ParkAsync(OrgId org, UserId user, IntegrationId integration, StoredGrant grant, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var id = Ids.New<RevocationId>(now);
        var text = await sealer.SealAsync(org, ContextOf(id), grant.ToSecret(), cancellationToken);
        // The message first: one without a row does nothing, a row without one would lie there for ever.
        await queue.EnqueueAsync(new RevokeGrant(org, id, Attempt: 1), RevocationRetry.First, cancellationToken);
        await grants.InsertAsync(PartitionOf(org), Key.Of(org, id), new ParkedGrant(id, user, integration, text, Attempt: 1, now), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<Versioned<ParkedGrant>?> FindAsync(OrgId org, RevocationId revocation, CancellationToken cancellationToken) =>
        grants.FindAsync(PartitionOf(org), Key.Of(org, revocation), cancellationToken);

    /// <inheritdoc/>
    public async Task<StoredGrant?> OpenAsync(OrgId org, ParkedGrant parked, CancellationToken cancellationToken) =>
        await sealer.OpenAsync(org, ContextOf(parked.Id), parked.Sealed, cancellationToken) is { } text ? StoredGrant.Read(text) : null;

    /// <inheritdoc/>
    public Task<Versioned<ParkedGrant>?> ReplaceAsync(OrgId org, Versioned<ParkedGrant> current, ParkedGrant next, CancellationToken cancellationToken) =>
        grants.ReplaceAsync(PartitionOf(org), Key.Of(org, next.Id), current, next, cancellationToken);

    /// <inheritdoc/>
    public Task RemoveAsync(OrgId org, Versioned<ParkedGrant> parked, CancellationToken cancellationToken) =>
        grants.DeleteAsync(PartitionOf(org), Key.Of(org, parked.Value.Id), "*", cancellationToken);

    private static string PartitionOf(OrgId org) => Key.Of(org, "parked");

    private static string ContextOf(RevocationId id) => $"parked-grant\n{id}";
}
