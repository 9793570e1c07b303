using Kontext.Domain;

namespace Kontext.Functions.Storage;

/// <summary>Keeps names unique in an organization: a row per name, in the partition of the rows that bear names, so that both change in one transaction. Case does not matter.</summary>
internal static class NameClaim
{
    private const string Id = "id";

    /// <summary>Adds a row and takes its name; null for a row that has none.</summary>
    public static List<RowOperation> Insert(OrgId org, TableRow row, string? name, Guid id)
    {
        var operations = new List<RowOperation> { new(RowChange.Insert, row) };
        if (name is not null)
            operations.Add(new(RowChange.Insert, RowOf(org, row.PartitionKey, name, id)));
        return operations;
    }

    /// <summary>Replaces a row and exchanges its name; null when the name stays, so that the row can be replaced by itself.</summary>
    public static List<RowOperation>? Replace(OrgId org, TableRow row, string? oldName, string? newName, Guid id)
    {
        if (string.Equals(oldName, newName, StringComparison.OrdinalIgnoreCase))
            return null;
        var operations = new List<RowOperation> { new(RowChange.Replace, row) };
        if (oldName is not null)
            operations.Add(new(RowChange.Delete, RowOf(org, row.PartitionKey, oldName, id) with { ETag = "*" }));
        if (newName is not null)
            operations.Add(new(RowChange.Insert, RowOf(org, row.PartitionKey, newName, id)));
        return operations;
    }

    /// <summary>Who bears a name; null when nobody does.</summary>
    public static async Task<Guid?> FindAsync(ITable table, OrgId org, string partition, string name, CancellationToken cancellationToken) =>
        await table.GetAsync(partition, Key.Name(org, name), cancellationToken) is { } row ? Guid.ParseExact((string)row.Properties[Id], "D") : null;

    private static TableRow RowOf(OrgId org, string partition, string name, Guid id) =>
        new(partition, Key.Name(org, name), new Dictionary<string, object> { [Id] = id.ToString("D") });
}
