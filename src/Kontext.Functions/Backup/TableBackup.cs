using System.Runtime.CompilerServices;
using Kontext.Domain;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Backup;

/// <summary>Reads all tables for a backup, and fills empty ones from it. An operator's tool: it knows no organization's borders, and no request ever reaches it.</summary>
internal sealed class TableBackup(TableService service)
{
    private const int MaxBatch = 100;
    private const long MaxBatchBytes = 3 * 1024 * 1024;

    // Rows point to credentials, which are written before what points to them: read last, all that is pointed to is there.
    private const string Credentials = "vault";

    // The host's own tables, when it shares the account.
    private static readonly string[] Foreign = ["AzureFunctions", "AzureWebJobs", "Azurewebjobs"];

    /// <summary>Every row, or every row of one organization.</summary>
    public async IAsyncEnumerable<(string Table, TableRow Row)> RowsAsync(OrgId? org, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var names = (await service.TableNamesAsync(cancellationToken)).Where(name => !Foreign.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)));
        foreach (var table in names.OrderBy(name => name == Credentials).ThenBy(name => name, StringComparer.Ordinal))
        {
            await foreach (var row in service.ScanAsync(table, cancellationToken))
            {
                if (org is null || BelongsTo(org.Value, row))
                    yield return (table, row);
            }
        }
    }

    /// <summary>What the tables hold now, to be compared with a backup.</summary>
    public async Task<SortedDictionary<string, BackupTable>> TallyAsync(OrgId? org, CancellationToken cancellationToken)
    {
        var tally = new BackupTally();
        await foreach (var (table, row) in RowsAsync(org, cancellationToken))
            tally.Add(table, BackupRow.Write(table, row));
        return tally.Tables;
    }

    /// <summary>Inserts rows. The caller has seen to it that the tables are empty: a row that is there already stops it.</summary>
    public async Task InsertAsync(IAsyncEnumerable<(string Table, TableRow Row)> rows, CancellationToken cancellationToken)
    {
        var batch = new List<RowOperation>();
        var (batchTable, bytes) = ("", 0L);
        await foreach (var (table, row) in rows.WithCancellation(cancellationToken))
        {
            var size = RowLimits.Check(row);
            if (batch.Count > 0 && (batch.Count == MaxBatch || bytes + size > MaxBatchBytes || table != batchTable || row.PartitionKey != batch[0].Row.PartitionKey))
                await FlushAsync();
            batchTable = table;
            bytes += size;
            batch.Add(new RowOperation(RowChange.Insert, row));
        }
        if (batch.Count > 0)
            await FlushAsync();

        async Task FlushAsync()
        {
            if (await service.Open(batchTable).TransactAsync(batch, cancellationToken) is var outcome and not WriteOutcome.Written)
                throw new InvalidOperationException($"Table {batchTable} has a row of the backup already ({outcome}): something else writes to it.");
            batch.Clear();
            bytes = 0;
        }
    }

    // By its keys, as nearly all are, or by what it says: indexes have keys of their own.
    private static bool BelongsTo(OrgId org, TableRow row)
    {
        var key = Key.Of(org);
        return row.PartitionKey.Contains(key, StringComparison.Ordinal) || row.RowKey.Contains(key, StringComparison.Ordinal)
            || row.Properties.Values.Any(value => value is string text && text == org.ToString());
    }
}
