using System.Runtime.CompilerServices;

namespace Kontext.Functions.Storage;

/// <summary>Follows continuations to the end of a range.</summary>
internal static class TableRange
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

    /// <summary>The first row of a range; null when it is empty. Azure may answer with an empty page and a continuation before it.</summary>
    public static async Task<TableRow?> FirstAsync(this ITable table, string partition, string from, string? to, CancellationToken cancellationToken)
    {
        string? continuation = null;
        do
        {
            var page = await table.RangeAsync(partition, from, to, 1, continuation, cancellationToken);
            if (page.Rows.Count > 0)
                return page.Rows[0];
            continuation = page.Continuation;
        }
        while (continuation is not null);
        return null;
    }
}
