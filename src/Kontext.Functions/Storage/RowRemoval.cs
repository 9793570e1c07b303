namespace Kontext.Functions.Storage;

/// <summary>Deletes many rows of one partition.</summary>
internal static class RowRemoval
{
    private const int MaxOperations = 100;
    private static readonly Dictionary<string, object> None = [];

    /// <summary>Deletes those that nobody wrote since they were read; gives how many.</summary>
    public static async Task<int> RemoveAsync(this ITable table, IEnumerable<TableRow> rows, CancellationToken cancellationToken)
    {
        var removed = 0;
        foreach (var some in rows.Chunk(MaxOperations))
        {
            if (await table.TransactAsync([.. some.Select(row => new RowOperation(RowChange.Delete, row with { Properties = None }))], cancellationToken) == WriteOutcome.Written)
            {
                removed += some.Length;
                continue;
            }
            // One was changed, or is gone: deleted by another instance, or by this transaction when its answer was lost. The others need not wait for it.
            foreach (var row in some)
                removed += (await table.DeleteAsync(row.PartitionKey, row.RowKey, row.ETag!, cancellationToken)).Ok ? 1 : 0;
        }
        return removed;
    }
}
