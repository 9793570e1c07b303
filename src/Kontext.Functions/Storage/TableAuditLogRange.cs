using System.Runtime.CompilerServices;

namespace Kontext.Functions.Storage;

/// <summary>Follows continuations to the end of a range.</summary>
internal static class TableAuditLogRange
{
    private const int PageSize = 100;

    /// <summary>All rows of a partition from a key on, in order, read page by page as they are asked for.</summary>
    public static async IAsyncEnumerable<TableRow> RowsAsync(this ITable table, string partition, string from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? continuation = null;
        do
        {
            var page = await table.RangeAsync(partition, from, null, PageSize, continuation, cancellationToken);
            foreach (var row in page.Rows)
                yield return row;
            continuation = page.Continuation;
        }
        while (continuation is not null);
    }
}
