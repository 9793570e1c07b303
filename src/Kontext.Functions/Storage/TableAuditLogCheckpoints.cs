using System.Globalization;
using Kontext.Domain;
using Kontext.Domain.Audit;

namespace Kontext.Functions.Storage;

/// <summary>Keeps the signed checkpoints, one partition a day.</summary>
internal sealed class TableAuditLogCheckpoints(ITable table)
{
    private const int ChunkLength = 30_000;
    private const long Newest = 999_999_999_999;

    /// <summary>False when another instance has taken the number.</summary>
    public async Task<bool> InsertAsync(OrgId org, DateOnly day, long number, AuditCheckpoint checkpoint, CancellationToken cancellationToken)
    {
        var properties = new Dictionary<string, object>(StringComparer.Ordinal) { ["v"] = "1", ["kid"] = checkpoint.Signature.KeyId, ["signature"] = checkpoint.Signature.Value };
        for (var start = 0; start < checkpoint.Json.Length; start += ChunkLength)
            properties[ChunkName(start / ChunkLength)] = checkpoint.Json.Substring(start, Math.Min(ChunkLength, checkpoint.Json.Length - start));
        var row = new TableRow(AuditSegment.IndexPartition(org, day), string.Create(CultureInfo.InvariantCulture, $"{org}~{Newest - number:D12}"), properties);
        return (await table.InsertAsync(row, cancellationToken)).Ok;
    }

    /// <summary>The day's newest; null when it has none.</summary>
    public async Task<AuditCheckpoint?> LatestAsync(OrgId org, DateOnly day, CancellationToken cancellationToken)
    {
        var page = await table.RangeAsync(AuditSegment.IndexPartition(org, day), org.ToString(), null, 1, null, cancellationToken);
        return page.Rows.Count == 0 ? null : Read(page.Rows[0]);
    }

    /// <summary>The day's, in the order of their numbers.</summary>
    public async Task<List<AuditCheckpoint>> OfDayAsync(OrgId org, DateOnly day, CancellationToken cancellationToken)
    {
        var checkpoints = new List<AuditCheckpoint>();
        await foreach (var row in table.RowsAsync(AuditSegment.IndexPartition(org, day), org.ToString(), cancellationToken))
            checkpoints.Add(Read(row));
        checkpoints.Reverse();
        return checkpoints;
    }

    private static AuditCheckpoint Read(TableRow row)
    {
        var json = "";
        for (var chunk = 0; row.Properties.TryGetValue(ChunkName(chunk), out var more); chunk++)
            json += (string)more;
        return new AuditCheckpoint(json, new AuditSignature((string)row.Properties["kid"], (string)row.Properties["signature"]));
    }

    private static string ChunkName(int index) => string.Create(CultureInfo.InvariantCulture, $"body{index}");
}
