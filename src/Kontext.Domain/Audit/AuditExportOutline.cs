namespace Kontext.Domain.Audit;

/// <summary>Where an export does not hold.</summary>
/// <param name="Line">The line of the file, from 1.</param>
/// <param name="Chain">The chain; null when the fault is not about an entry.</param>
/// <param name="Sequence">The entry's number in its chain; null likewise.</param>
/// <param name="Reason">What is wrong, in words.</param>
public sealed record AuditExportFault(long Line, string? Chain, long? Sequence, string Reason);

/// <summary>Everything of an export but its entries: what they are held against.</summary>
internal sealed class AuditExportOutline
{
    private readonly List<(long Line, AuditSignedLine Signed)> checkpoints = [];
    private readonly Dictionary<string, AuditKey> keys = new(StringComparer.Ordinal);
    private AuditSignedLine? seal;

    /// <summary>The first line.</summary>
    public required AuditExportHeader Header { get; init; }

    /// <summary>The checkpoints with their lines; all good once <see cref="Check"/> found no fault.</summary>
    public List<(long Line, AuditCheckpointBody Body)> Checkpoints { get; } = [];

    /// <summary>The keys that made the signatures.</summary>
    public SortedSet<string> SignedBy { get; } = new(StringComparer.Ordinal);

    /// <summary>What the seal states.</summary>
    public AuditExportSeal Seal { get; private set; } = new(new AuditExportHeader("", 0, "", default, default, default, default), 0, 0, 0, "", []);

    /// <summary>The line the seal is on.</summary>
    public long SealLine { get; private set; }

    /// <summary>Reads all lines but entries; gives the first that does not belong where it is.</summary>
    public AuditExportFault? Read(IEnumerable<string> lines)
    {
        var (number, stage) = (0L, 0);
        foreach (var text in lines)
        {
            number++;
            if (AuditExportLines.KindOf(text) is not { } kind)
                return Fault(number, "the line is not one of an export");
            var place = AuditExportLines.Kinds.IndexOf(kind);
            if (place < stage || (place == stage && kind is AuditExportLines.Seal) || (kind == AuditExportLines.Header) != (number == 1))
                return Fault(number, $"the line is out of order: a line of the kind {kind} cannot come here");
            stage = place;
            if (!Take(number, kind, text))
                return Fault(number, $"the line of the kind {kind} was changed: it is not as Kontext writes it");
        }
        return seal is null ? Fault(number, "the file ends without its seal: the end is missing") : null;
    }

    /// <summary>Checks signatures and that the checkpoints follow one another.</summary>
    /// <param name="trusted">The keys to believe; null for those in the file.</param>
    public AuditExportFault? Check(IReadOnlyDictionary<string, AuditKey>? trusted)
    {
        if (trusted is not null && keys.Values.FirstOrDefault(key => trusted.TryGetValue(key.Kid, out var known) && known != key) is { } other)
            return Fault(SealLine, $"the file states another key {other.Kid} than the keys given");
        AuditCheckpoint? last = null;
        foreach (var (line, signed) in checkpoints)
        {
            if (SignatureFault(line, "the checkpoint", signed, trusted) is { } unsigned)
                return unsigned;
            if (AuditExportLines.Read(signed.Statement, AuditExportJson.Default.AuditCheckpointBody) is not { Heads.IsDefault: false, Number: > 0 } body)
                return Fault(line, "the checkpoint's statement is not one");
            if (body.Org != Header.Org)
                return Fault(line, $"checkpoint {body.Number} is of another organization");
            if (last is null ? (body.Number == 1) != (body.Previous.Length == 0) : body.Previous != last.Hash() || body.Number != Checkpoints[^1].Body.Number + 1)
                return Fault(line, $"checkpoint {body.Number} does not follow the one before it");
            Checkpoints.Add((line, body));
            last = new AuditCheckpoint(signed.Statement, new AuditSignature(signed.KeyId, signed.Signature));
        }
        if (SignatureFault(SealLine, "the seal", seal!, trusted) is { } unsealed)
            return unsealed;
        if (AuditExportLines.Read(seal!.Statement, AuditExportJson.Default.AuditExportSeal) is not { Chains.IsDefault: false } stated
            || stated.Chains.DistinctBy(part => part.Chain).Count() != stated.Chains.Length)
            return Fault(SealLine, "the seal's statement is not one");
        Seal = stated;
        if (stated.Export != Header)
            return Fault(1, "the first line was changed: the seal states another");
        return stated.Checkpoints == Checkpoints.Count && stated.LastCheckpoint == (last?.Hash() ?? "")
            ? null
            : Fault(Checkpoints.Count > 0 ? Checkpoints[^1].Line : SealLine, $"checkpoints are missing or were added: {Checkpoints.Count} are here, the seal states {stated.Checkpoints}");
    }

    private static AuditExportFault Fault(long line, string reason) => new(line, null, null, reason);

    private bool Take(long number, string kind, string text)
    {
        switch (kind)
        {
            case AuditExportLines.Checkpoint when AuditExportLines.Read(text, AuditExportJson.Default.AuditSignedLine) is { } checkpoint:
                checkpoints.Add((number, checkpoint));
                return true;
            case AuditExportLines.Key when AuditExportLines.Read(text, AuditExportJson.Default.AuditKeyLine) is { Jwk: var key }:
                return key == AuditKey.Of(key.Kid, key.X, key.Y) && keys.TryAdd(key.Kid, key);
            case AuditExportLines.Seal when AuditExportLines.Read(text, AuditExportJson.Default.AuditSignedLine) is { } last:
                (seal, SealLine) = (last, number);
                return true;
            default:
                return kind is AuditExportLines.Header or AuditExportLines.Before or AuditExportLines.Entry;
        }
    }

    private AuditExportFault? SignatureFault(long line, string what, AuditSignedLine signed, IReadOnlyDictionary<string, AuditKey>? trusted)
    {
        if (!(trusted ?? keys).TryGetValue(signed.KeyId, out var key))
            return Fault(line, $"{what} names the key {signed.KeyId}, which is not among the keys {(trusted is null ? "of the file" : "given")}: a foreign signature");
        SignedBy.Add(key.Kid);
        return key.Verifies(signed.Statement, signed.Signature) ? null : Fault(line, $"{what} was changed or has a foreign signature: key {signed.KeyId} did not sign it");
    }
}
