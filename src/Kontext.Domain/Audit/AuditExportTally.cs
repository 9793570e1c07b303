namespace Kontext.Domain.Audit;

/// <summary>Counts what goes into an export, for its seal.</summary>
public sealed class AuditExportTally
{
    private readonly Dictionary<string, AuditChainPart> chains = new(StringComparer.Ordinal);
    private long entries;
    private long before;

    /// <summary>Notes an entry, in the order of its chain.</summary>
    public void Add(AuditLine line, bool beforePeriod)
    {
        entries += beforePeriod ? 0 : 1;
        before += beforePeriod ? 1 : 0;
        chains[line.Chain] = chains.TryGetValue(line.Chain, out var part)
            ? part with { Last = line.Sequence, Hash = line.Hash }
            : new AuditChainPart(line.Chain, line.Sequence, line.Previous, line.Sequence, line.Hash);
    }

    /// <summary>The seal over what was noted.</summary>
    public AuditExportSeal Seal(AuditExportHeader header, IReadOnlyList<AuditCheckpoint> checkpoints) => new(
        header,
        entries,
        before,
        checkpoints.Count,
        checkpoints.Count == 0 ? "" : checkpoints[^1].Hash(),
        [.. chains.Values.OrderBy(part => part.Chain, StringComparer.Ordinal)]);
}
