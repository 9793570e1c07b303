using Kontext.Domain;

namespace Kontext.Functions.Storage;

/// <summary>The ids of all organizations, for work that has to go through every one of them. It spans organizations and holds nothing but their ids.</summary>
internal sealed class OrganizationIndex(ITableSource tables)
{
    private const string OrgProperty = "org";
    private const int Shards = 16;

    private readonly ITable table = tables.Open("organizationindex");

    /// <summary>Adds one; that it is there already is as good.</summary>
    public Task AddAsync(OrgId org, CancellationToken cancellationToken)
    {
        var partition = Partition(org.Value.ToByteArray()[15] % Shards);
        return table.InsertAsync(new TableRow(partition, $"{partition}~{Key.Of(org)}", new Dictionary<string, object> { ["v"] = "1", [OrgProperty] = org.ToString() }), cancellationToken);
    }

    /// <summary>All of them, in an order that stays the same.</summary>
    public async Task<List<OrgId>> AllAsync(CancellationToken cancellationToken)
    {
        var all = new List<OrgId>();
        for (var shard = 0; shard < Shards; shard++)
        {
            await foreach (var row in table.RowsAsync(Partition(shard), Partition(shard), cancellationToken))
                all.Add(OrgId.Parse((string)row.Properties[OrgProperty], provider: null));
        }
        return all;
    }

    private static string Partition(int shard) => $"all~{shard:x}";
}
