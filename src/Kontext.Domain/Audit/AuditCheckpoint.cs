using System.Buffers.Text;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Kontext.Domain.Audit;

/// <summary>A signature and the id of the key that made it.</summary>
public sealed record AuditSignature(string KeyId, string Value);

/// <summary>Signs checkpoints with a key whose public half is published, so that anybody can check them.</summary>
public interface IAuditSigner
{
    /// <summary>Signs the bytes; the signature is base64url.</summary>
    ValueTask<AuditSignature> SignAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken);
}

/// <summary>What a checkpoint states.</summary>
/// <param name="Org">The organization.</param>
/// <param name="Number">From 1, without gaps.</param>
/// <param name="At">When it was taken.</param>
/// <param name="Previous">The hash of the checkpoint before it; empty in the first.</param>
/// <param name="Heads">How far each chain had come that was written to since the day before.</param>
public sealed record AuditCheckpointBody(Guid Org, long Number, DateTimeOffset At, string Previous, ImmutableArray<ChainHead> Heads);

/// <summary>A signed statement of how far the chains had come: it shows that nothing was cut off their ends since.</summary>
/// <param name="Json">The statement (<see cref="AuditCheckpointBody"/>), the exact text that was signed.</param>
/// <param name="Signature">The signature over its UTF-8 bytes.</param>
public sealed record AuditCheckpoint(string Json, AuditSignature Signature)
{
    /// <summary>The statement.</summary>
    /// <exception cref="InvalidDataException">The text is not a checkpoint: it was tampered with.</exception>
    public AuditCheckpointBody Read()
    {
        try
        {
            return JsonSerializer.Deserialize(Json, AuditJson.Default.AuditCheckpointBody) ?? throw new InvalidDataException("An audit checkpoint is empty.");
        }
        catch (JsonException broken)
        {
            throw new InvalidDataException("An audit checkpoint cannot be read.", broken);
        }
    }

    /// <summary>What the next checkpoint names as its predecessor: SHA-256 over the statement, base64url.</summary>
    public string Hash() => Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(Json)));

    /// <summary>The bytes that are signed.</summary>
    public static byte[] BytesOf(string json) => Encoding.UTF8.GetBytes(json);

    /// <summary>The statement that follows <paramref name="last"/>; null when no chain has moved since, which needs no new one.</summary>
    public static string? Next(AuditCheckpoint? last, OrgId org, DateTimeOffset now, IEnumerable<ChainHead> heads)
    {
        var sorted = heads.OrderBy(head => head.Chain, StringComparer.Ordinal).ToImmutableArray();
        var before = last?.Read();
        if (sorted.IsEmpty || (before is not null && sorted.All(before.Heads.Contains)))
            return null;
        return JsonSerializer.Serialize(new AuditCheckpointBody(org.Value, (before?.Number ?? 0) + 1, now, last?.Hash() ?? "", sorted), AuditJson.Default.AuditCheckpointBody);
    }

    /// <summary>Holds an export against the checkpoints taken over it: they have to follow one another, carry good signatures, and every head they state has to be an entry of the export.
    /// Gives what is wrong first; null when everything holds. Chains themselves are followed by <see cref="AuditChain.Verify"/>.</summary>
    /// <param name="checkpoints">In the order of their numbers, all of the same organization.</param>
    /// <param name="lines">The export; it has to begin a day before the first checkpoint, since that states heads as old as this.</param>
    /// <param name="isSigned">Checks a signature over bytes with the issuer's published key.</param>
    public static string? Verify(IReadOnlyList<AuditCheckpoint> checkpoints, IEnumerable<AuditLine> lines, Func<byte[], AuditSignature, bool> isSigned)
    {
        var stated = new Dictionary<(string Chain, long Sequence), string>();
        AuditCheckpoint? last = null;
        foreach (var checkpoint in checkpoints)
        {
            var body = checkpoint.Read();
            if (!isSigned(BytesOf(checkpoint.Json), checkpoint.Signature))
                return $"checkpoint {body.Number} is not signed by us";
            if (last is not null && (body.Previous != last.Hash() || body.Number != last.Read().Number + 1))
                return $"checkpoint {body.Number} does not follow the one before it";
            foreach (var head in body.Heads)
            {
                if (stated.TryGetValue((head.Chain, head.Sequence), out var hash) && hash != head.Hash)
                    return $"checkpoint {body.Number} contradicts an earlier one about {head.Chain}.{head.Sequence}";
                stated[(head.Chain, head.Sequence)] = head.Hash;
            }
            last = checkpoint;
        }
        foreach (var line in lines)
        {
            if (stated.TryGetValue((line.Chain, line.Sequence), out var hash) && hash == line.Hash)
                stated.Remove((line.Chain, line.Sequence));
        }
        if (stated.Count == 0)
            return null;
        var (chain, sequence) = stated.Keys.Min();
        return $"entry {chain}.{sequence} was there at a checkpoint and is not the same now";
    }
}
