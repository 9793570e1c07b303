namespace Kontext.Domain.Audit;

/// <summary>What the verification of an export found.</summary>
/// <param name="Header">What the file says it is.</param>
/// <param name="Fault">The first thing that is wrong; null when everything holds.</param>
/// <param name="Entries">How many entries of the period hold.</param>
/// <param name="EntriesBefore">How many of the day before hold.</param>
/// <param name="Chains">How many chains there are.</param>
/// <param name="Checkpoints">How many checkpoints there are.</param>
/// <param name="LastCheckpoint">When the newest was taken; null when there is none.</param>
/// <param name="SignedBy">The ids of the keys that signed.</param>
public sealed record AuditExportVerdict(
    AuditExportHeader Header, AuditExportFault? Fault, long Entries, long EntriesBefore, int Chains, int Checkpoints, DateTimeOffset? LastCheckpoint, IReadOnlyCollection<string> SignedBy)
{
    /// <summary>What its last line states; to be believed only when there is no fault.</summary>
    public required AuditExportSeal Seal { get; init; }
}

/// <summary>Checks an export with nothing but public keys. It takes two readings of the file and keeps no entries, so that a file may be larger than memory.</summary>
public sealed class AuditExportVerification
{
    private readonly AuditExportOutline outline;
    private readonly Dictionary<(string Chain, long Sequence), (string Hash, long Checkpoint, long Line)> stated = [];
    private readonly Dictionary<string, ChainHead> heads = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> lastLines = new(StringComparer.Ordinal);
    private Dictionary<string, AuditChainPart> parts = [];
    private long entries;
    private long before;

    private AuditExportVerification(AuditExportOutline outline) => this.outline = outline;

    /// <summary>Checks the file; a failure when it is no export at all.</summary>
    /// <param name="open">Gives its lines from the first; called for each reading.</param>
    /// <param name="trusted">The keys to believe; null for those in the file, which then only shows that the file agrees with itself.</param>
    public static Result<AuditExportVerdict> Run(Func<IEnumerable<string>> open, IReadOnlyDictionary<string, AuditKey>? trusted)
    {
        if (open().FirstOrDefault() is not { } first || AuditExportLines.Read(first, AuditExportJson.Default.AuditExportHeader) is not { Kind: AuditExportLines.Header } header)
            return new Failure(FailureCode.InvalidRequest, "It is not an audit export: its first line does not say so.");
        if (header.Format != AuditExportLines.Format)
            return new Failure(FailureCode.InvalidRequest, $"It is an audit export of format {header.Format}; this program reads format {AuditExportLines.Format}.");
        var outline = new AuditExportOutline { Header = header };
        var verification = new AuditExportVerification(outline);
        var fault = outline.Read(open()) ?? outline.Check(trusted) ?? verification.Check(open());
        return new AuditExportVerdict(header, fault, verification.entries, verification.before, verification.heads.Count, outline.Checkpoints.Count,
            outline.Checkpoints.Count == 0 ? null : outline.Checkpoints[^1].Body.At, outline.SignedBy) { Seal = outline.Seal };
    }

    private AuditExportFault? Check(IEnumerable<string> lines)
    {
        foreach (var (line, body) in outline.Checkpoints)
        {
            foreach (var head in body.Heads)
            {
                if (!stated.TryAdd((head.Chain, head.Sequence), (head.Hash, body.Number, line)) && stated[(head.Chain, head.Sequence)].Hash != head.Hash)
                    return new AuditExportFault(line, head.Chain, head.Sequence, $"checkpoint {body.Number} contradicts an earlier one about the entry");
            }
        }
        parts = outline.Seal.Chains.ToDictionary(part => part.Chain, StringComparer.Ordinal);
        var number = 0L;
        foreach (var text in lines)
        {
            number++;
            if (AuditExportLines.KindOf(text) is AuditExportLines.Before or AuditExportLines.Entry && Follow(number, text) is { } broken)
                return broken;
        }
        return CutOff();
    }

    private AuditExportFault? Follow(long number, string text)
    {
        var beforePeriod = AuditExportLines.KindOf(text) == AuditExportLines.Before;
        var line = AuditLine.Parse(text);
        if (line.Chain.Length == 0)
            return new AuditExportFault(number, null, null, "the entry cannot be read");
        if (AuditExportLines.Text(line, beforePeriod) != text)
            return new AuditExportFault(number, line.Chain, line.Sequence, "the entry was changed: it is not as Kontext writes it");
        if (!parts.TryGetValue(line.Chain, out var part))
            return new AuditExportFault(number, line.Chain, line.Sequence, "the entry was inserted: the seal knows no such chain");
        if (!heads.TryGetValue(line.Chain, out var head))
            head = part.First == 1 ? AuditChain.Start(new OrgId(outline.Header.Org), line.Chain) : new ChainHead(line.Chain, part.First - 1, part.Previous);
        if (AuditChain.Check(head, line) is { } broken)
            return new AuditExportFault(number, broken.Chain, broken.Sequence, broken.Reason);
        if (line.Sequence > part.Last)
            return new AuditExportFault(number, line.Chain, line.Sequence, $"the entry was inserted: the seal ends this chain at {part.Last}");
        if (stated.Remove((line.Chain, line.Sequence), out var statement) && statement.Hash != line.Hash)
            return new AuditExportFault(number, line.Chain, line.Sequence, $"the entry is not the one that checkpoint {statement.Checkpoint} states");
        heads[line.Chain] = line.Head;
        lastLines[line.Chain] = number;
        entries += beforePeriod ? 0 : 1;
        before += beforePeriod ? 1 : 0;
        return null;
    }

    private AuditExportFault? CutOff()
    {
        if (stated.Count > 0)
        {
            var (place, statement) = stated.MinBy(left => (left.Value.Line, left.Key.Chain, left.Key.Sequence));
            return new AuditExportFault(lastLines.GetValueOrDefault(place.Chain, statement.Line), place.Chain, place.Sequence,
                $"the chain's end is missing: {EndOf(place.Chain)}, checkpoint {statement.Checkpoint} states entry {place.Sequence}");
        }
        if (parts.Values.FirstOrDefault(part => heads.GetValueOrDefault(part.Chain) != new ChainHead(part.Chain, part.Last, part.Hash)) is { } cut)
        {
            return new AuditExportFault(lastLines.GetValueOrDefault(cut.Chain, outline.SealLine), cut.Chain, heads.TryGetValue(cut.Chain, out var head) ? head.Sequence + 1 : cut.First,
                $"the chain's end is missing or another: {EndOf(cut.Chain)}, the seal states entry {cut.Last}");
        }
        return (outline.Seal.Entries, outline.Seal.EntriesBefore) == (entries, before)
            ? null
            : new AuditExportFault(outline.SealLine, null, null, $"{entries} entries of the period and {before} before it are here, the seal states {outline.Seal.Entries} and {outline.Seal.EntriesBefore}");
    }

    private string EndOf(string chain) => heads.TryGetValue(chain, out var head) ? $"it ends at entry {head.Sequence}" : "the file has no entry of it";
}
