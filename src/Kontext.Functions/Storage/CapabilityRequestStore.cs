using Kontext.Domain;
using Kontext.Domain.Gateway;

namespace Kontext.Functions.Storage;

/// <summary>Requests for capabilities, one small partition per organization.</summary>
internal sealed class CapabilityRequestStore(ITableSource tables) : ICapabilityRequestStore
{
    private readonly DocumentTable<CapabilityRequest> requests = new(tables.Open("capabilityrequests"), StoredJson.Default.CapabilityRequest);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Versioned<CapabilityRequest>>> ListAsync(OrgId org, CancellationToken cancellationToken) =>
        // Instances that add at the same moment may exceed the bound by a few.
        await requests.TakeAsync(Key.Of(org), Key.Of(org), to: null, 2 * CapabilityRequests.MaxPerOrganization, cancellationToken);

    /// <inheritdoc/>
    public Task<Versioned<CapabilityRequest>?> FindAsync(OrgId org, string id, CancellationToken cancellationToken) =>
        requests.FindAsync(Key.Of(org), Key.Of(org, id), cancellationToken);

    /// <inheritdoc/>
    public Task<Versioned<CapabilityRequest>?> InsertAsync(OrgId org, CapabilityRequest request, CancellationToken cancellationToken) =>
        requests.InsertAsync(Key.Of(org), Key.Of(org, request.Id), request, cancellationToken);

    /// <inheritdoc/>
    public Task<Versioned<CapabilityRequest>?> ReplaceAsync(OrgId org, Versioned<CapabilityRequest> current, CapabilityRequest next, CancellationToken cancellationToken) =>
        requests.ReplaceAsync(Key.Of(org), Key.Of(org, next.Id), current, next, cancellationToken);

    /// <inheritdoc/>
    public Task DeleteAsync(OrgId org, Versioned<CapabilityRequest> current, CancellationToken cancellationToken) =>
        requests.DeleteAsync(Key.Of(org), Key.Of(org, current.Value.Id), current.Version, cancellationToken);
}
