using System.Runtime.CompilerServices;
using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Storage;

/// <summary>Walks from organizations that have audit entries of today or yesterday to their people and to their connections: ranges of small partitions, never a scan.</summary>
internal sealed class ConnectionWalk(ITableSource tables, IConnectionStore connections, TimeProvider time) : IConnectionWalk
{
    private readonly ITable active = new TableAuditLogTables(tables).Organizations;
    private readonly ITable users = tables.Open("users");

    /// <inheritdoc/>
    public async IAsyncEnumerable<(OrgId Org, Connection Connection)> AllAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var organizations = new HashSet<OrgId>();
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        foreach (var day in new[] { today.AddDays(-1), today })
        {
            await foreach (var row in active.RowsAsync(AuditOrganization.Partition(day), AuditOrganization.Partition(day), cancellationToken))
                organizations.Add(AuditOrganization.From(row));
        }
        foreach (var org in organizations)
        {
            foreach (var shard in Key.Shards(org))
            {
                await foreach (var row in users.RowsAsync(shard, Key.Of(org), cancellationToken))
                {
                    var user = new UserId(Guid.ParseExact(row.RowKey.AsSpan(Key.Of(org).Length + 1), "N"));
                    foreach (var connection in await connections.ListAsync(org, user, cancellationToken))
                        yield return (org, connection);
                }
            }
        }
    }
}
