using Kontext.Domain;
using Kontext.Domain.Policies;

namespace Kontext.Functions.Storage;

/// <summary>Approvals, each person's in a partition of its own: nobody else's request can reach them.</summary>
internal sealed class ApprovalStore(ITableSource tables) : IApprovalStore
{
    private readonly DocumentTable<Approval> approvals = new(tables.Open("approvals"), StoredJson.Default.Approval);

    /// <inheritdoc/>
    public Task<Versioned<Approval>?> FindAsync(OrgId org, UserId user, string id, CancellationToken cancellationToken) =>
        approvals.FindAsync(Key.Of(org, user), Key.Of(org, id), cancellationToken);

    /// <inheritdoc/>
    public Task<Versioned<Approval>?> InsertAsync(OrgId org, Approval approval, CancellationToken cancellationToken) =>
        approvals.InsertAsync(Key.Of(org, approval.User), Key.Of(org, approval.Id), approval, cancellationToken);

    /// <inheritdoc/>
    public Task<Versioned<Approval>?> ReplaceAsync(OrgId org, Versioned<Approval> current, Approval next, CancellationToken cancellationToken) =>
        approvals.ReplaceAsync(Key.Of(org, next.User), Key.Of(org, next.Id), current, next, cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Approval>> ListAsync(OrgId org, UserId user, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var partition = Key.Of(org, user);
        var kept = new List<Approval>();
        foreach (var row in await approvals.TakeAsync(partition, Key.Of(org), to: null, int.MaxValue, cancellationToken))
        {
            // One that the agent asks anew at this moment has another version by then, and stays.
            if (row.Value.ExpiresAt <= now)
                await approvals.DeleteAsync(partition, Key.Of(org, row.Value.Id), row.Version, cancellationToken);
            else
                kept.Add(row.Value);
        }
        return kept;
    }
}
