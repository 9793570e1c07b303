using System.Globalization;
using Kontext.Domain;
using Kontext.Domain.Audit;

namespace Kontext.Functions.Storage;

/// <summary>Keeps the signed checkpoints. An organization's are one partition, newest first: they are few, and only so can two instances not both take a number.</summary>
internal sealed class TableAuditLogCheckpoints(ITable table)
{
    private const int ChunkLength = 30_000;
    private const long Newest = 999_999_999_999;

    /// <summary>False when another instance has taken the number.</summary>
    public async Task<bool> InsertAsync(OrgId org, long number, AuditCheckpoint checkpoint, CancellationToken cancellationToken)
    {
        var properties = new Dictionary<string, object>(StringComparer.Ordinal) { ["v"] = "1", ["kid"] = checkpoint.Signature.KeyId, ["signature"] = checkpoint.Signature.Value };
        for (var start = 0; start < checkpoint.Json.Length; start += ChunkLength)
            properties[ChunkName(start / ChunkLength)] = checkpoint.Json.Substring(start, Math.Min(ChunkLength, checkpoint.Json.Length - start));
        var row = new TableRow(org.ToString(), string.Create(CultureInfo.InvariantCulture, $"{org}~{Newest - number:D12}"), properties);
        return (await table.InsertAsync(row, cancellationToken)).Ok;
    }

    /// <summary>The newest; null when there is none.</summary>
    public async Task<AuditCheckpoint?> LatestAsync(OrgId org, CancellationToken cancellationToken) =>
        await table.FirstAsync(org.ToString(), org.ToString(), null, cancellationToken) is { } row ? Read(row) : null;

    /// <summary>Those of the days, in the order of their numbers.</summary>
    public async Task<List<AuditCheckpoint>> OfDaysAsync(OrgId org, DateOnly from, DateOnly to, CancellationToken cancellationToken)
    {
        var checkpoints = new List<AuditCheckpoint>();
        await foreach (var row in table.RowsAsync(org.ToString(), org.ToString(), cancellationToken))
        {
            var checkpoint = Read(row);
            var day = DateOnly.FromDateTime(checkpoint.Read().At.UtcDateTime);
            if (day < from)
                break;
            if (day <= to)
                checkpoints.Add(checkpoint);
        }
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
