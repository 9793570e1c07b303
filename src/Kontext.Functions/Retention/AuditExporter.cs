using System.Text;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Functions.OAuth;

namespace Kontext.Functions.Retention;

/// <summary>An export that is about to be written.</summary>
/// <param name="Org">Whose trail.</param>
/// <param name="Header">Its first line.</param>
/// <param name="Checkpoints">The checkpoints of its period.</param>
internal sealed record AuditExport(OrgId Org, AuditExportHeader Header, IReadOnlyList<AuditCheckpoint> Checkpoints);

/// <summary>Writes the trail of a period as a file that can be checked elsewhere: entries as stored, checkpoints, the keys that signed them, and a seal over all of it.</summary>
internal sealed class AuditExporter(IAuditExport trail, IAuditSigner signer, SigningKeyRing keys, KontextSettings settings, TimeProvider time)
{
    /// <summary>Begins one. The checkpoints are read before the entries: what they state is there by then.</summary>
    public async Task<AuditExport> BeginAsync(OrgId org, DateOnly from, DateOnly to, CancellationToken cancellationToken) =>
        new(org, AuditExportLines.HeaderOf(settings.Issuer, org, from, to, time.GetUtcNow()), await trail.CheckpointsAsync(org, from, to, cancellationToken));

    /// <summary>Writes it and gives what its seal states. Null when its first day was archived meanwhile: then something may be missing, and the file is left without a seal.</summary>
    public async Task<AuditExportSeal?> WriteAsync(Stream body, AuditExport export, CancellationToken cancellationToken)
    {
        var (org, header, checkpoints) = (export.Org, export.Header, export.Checkpoints);
        await using var lines = new StreamWriter(body, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), bufferSize: 32 * 1024, leaveOpen: true) { NewLine = "\n" };
        var tally = new AuditExportTally();
        await lines.WriteLineAsync(AuditExportLines.Text(header));
        // Checkpoints of the first day state chains that were last written to the day before.
        await WriteEntriesAsync(lines, tally, trail.ReadAsync(org, header.From.AddDays(-1), header.From.AddDays(-1), cancellationToken), beforePeriod: true);
        await WriteEntriesAsync(lines, tally, trail.ReadAsync(org, header.From, header.To, cancellationToken), beforePeriod: false);
        foreach (var checkpoint in checkpoints)
            await lines.WriteLineAsync(AuditExportLines.Text(checkpoint));
        if (await trail.ArchivedAsync(org, cancellationToken) is { } archived && archived.Through >= header.From)
            return null;

        var seal = tally.Seal(header, checkpoints);
        var statement = AuditExportLines.Statement(seal);
        var signature = await signer.SignAsync(AuditCheckpoint.BytesOf(statement), cancellationToken);
        var signedBy = checkpoints.Select(checkpoint => checkpoint.Signature.KeyId).Append(signature.KeyId).ToHashSet(StringComparer.Ordinal);
        foreach (var key in (await KeysAsync(cancellationToken)).Values.Where(key => signedBy.Contains(key.Kid)))
            await lines.WriteLineAsync(AuditExportLines.Text(key));
        // Written last, so that a file that broke off has none.
        await lines.WriteLineAsync(AuditExportLines.SealText(statement, signature));
        return seal;
    }

    /// <summary>Every key that this installation ever signed with, by its id.</summary>
    public async Task<IReadOnlyDictionary<string, AuditKey>> KeysAsync(CancellationToken cancellationToken)
    {
        var known = new Dictionary<string, AuditKey>(StringComparer.Ordinal);
        foreach (var key in await keys.EverAsync(cancellationToken))
            known[key.Kid] = AuditKey.Of(key.Kid, key.X, key.Y);
        return known;
    }

    private static async Task WriteEntriesAsync(StreamWriter lines, AuditExportTally tally, IAsyncEnumerable<AuditLine> entries, bool beforePeriod)
    {
        await foreach (var line in entries)
        {
            tally.Add(line, beforePeriod);
            await lines.WriteLineAsync(AuditExportLines.Text(line, beforePeriod));
        }
    }
}
