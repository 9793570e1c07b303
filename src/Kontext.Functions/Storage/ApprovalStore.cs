using Kontext.Domain;
using Kontext.Domain.Policies;

namespace Kontext.Functions.Storage;

/// <summary>Approvals, in as many partitions as the sweep of what has ended can walk. A row's key begins with the person who decides: nobody else's request can reach it.</summary>
internal sealed class ApprovalStore(ITableSource tables) : IApprovalStore
{
    private readonly DocumentTable<Approval> approvals = new(tables.Open("approvals"), StoredJson.Default.Approval);

    /// <inheritdoc/>
    public Task<Versioned<Approval>?> FindAsync(OrgId org, UserId user, string id, CancellationToken cancellationToken) =>
        approvals.FindAsync(Key.Shard(org, user), Row(org, user, id), cancellationToken);

    /// <inheritdoc/>
    public Task<Versioned<Approval>?> InsertAsync(OrgId org, Approval approval, CancellationToken cancellationToken) =>
        approvals.InsertAsync(Key.Shard(org, approval.User), Row(org, approval), approval, cancellationToken);

    /// <inheritdoc/>
    public Task<Versioned<Approval>?> ReplaceAsync(OrgId org, Versioned<Approval> current, Approval next, CancellationToken cancellationToken) =>
        approvals.ReplaceAsync(Key.Shard(org, next.User), Row(org, next), current, next, cancellationToken);

    /// <inheritdoc/>
    public async Task<bool> DeleteAsync(OrgId org, Versioned<Approval> approval, CancellationToken cancellationToken) =>
        (await approvals.DeleteAsync(Key.Shard(org, approval.Value.User), Row(org, approval.Value), approval.Version, cancellationToken)).Ok;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Approval>> ListAsync(OrgId org, UserId user, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var kept = new List<Approval>();
        foreach (var row in await approvals.TakeAsync(Key.Shard(org, user), Row(org, user, ""), Row(org, user, AfterIds), int.MaxValue, cancellationToken))
        {
            // One that the agent asks anew at this moment has another version by then, and stays.
            if (row.Value.ExpiresAt <= now)
                await DeleteAsync(org, row, cancellationToken);
            else
                kept.Add(row.Value);
        }
        return kept;
    }

    // Sorts behind every id, which are base64url.
    private const string AfterIds = "~";

    private static string Row(OrgId org, Approval approval) => Row(org, approval.User, approval.Id);

    private static string Row(OrgId org, UserId user, string id) => $"{Key.Of(org, user)}~{id}";
}
