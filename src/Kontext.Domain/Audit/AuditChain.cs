using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Kontext.Domain.Audit;

/// <summary>The place a chain has reached.</summary>
/// <param name="Chain">The chain's id.</param>
/// <param name="Sequence">The number of its last entry; 0 before the first.</param>
/// <param name="Hash">The hash of its last entry, or the chain's seed; base64url.</param>
public readonly record struct ChainHead(string Chain, long Sequence, string Hash);

/// <summary>Where a chain does not hold.</summary>
/// <param name="Chain">The chain.</param>
/// <param name="Sequence">The first entry that is changed, missing, inserted or out of place.</param>
/// <param name="Reason">What is wrong with it, in words.</param>
public sealed record ChainBreak(string Chain, long Sequence, string Reason);

/// <summary>What a verification found.</summary>
/// <param name="Broken">The first break; null when everything holds.</param>
/// <param name="Heads">How far each chain was followed.</param>
/// <param name="Entries">How many entries hold.</param>
public sealed record ChainVerdict(ChainBreak? Broken, IReadOnlyDictionary<string, ChainHead> Heads, long Entries);

/// <summary>The rules of the hash chains. An entry's hash is SHA-256 over the 32 bytes of its predecessor's hash followed by the UTF-8 bytes of its event as stored.
/// The first entry follows the chain's seed: SHA-256 over 32 zero bytes followed by organization, <c>~</c> and chain id, so that a chain cannot be moved to another tenant.</summary>
public static class AuditChain
{
    private const int MaxText = 4_000;
    private const int MaxJson = 64_000;

    /// <summary>A chain without entries.</summary>
    public static ChainHead Start(OrgId org, string chain) =>
        new(chain, 0, Hash(new byte[SHA256.HashSizeInBytes], $"{org}~{chain}"));

    /// <summary>The event's JSON as it will be stored and hashed. Free text from outside is shortened, so that nobody can make an entry too big to be recorded.</summary>
    public static string Serialize(AuditEvent happened)
    {
        var json = JsonSerializer.Serialize(happened with
        {
            At = happened.At.ToUniversalTime(),
            Scopes = happened.Scopes.IsDefault ? [] : happened.Scopes,
            Target = Shorten(happened.Target),
            ErrorMessage = Shorten(happened.ErrorMessage),
        }, AuditJson.Default.AuditEvent);
        return json.Length <= MaxJson ? json : throw new ArgumentException($"An audit event has at most {MaxJson} characters, not {json.Length}.", nameof(happened));
    }

    /// <summary>The entry that follows.</summary>
    public static AuditLine Append(ChainHead head, string json) =>
        new(head.Chain, head.Sequence + 1, head.Hash, Hash(Base64Url.DecodeFromChars(head.Hash), json), json);

    /// <summary>Follows every chain in the lines, which have to come in order within each chain. A chain that begins at a later number than 1 is taken up at its first line:
    /// that nothing is missing before it, and nothing after its last, is for the checkpoints to say.</summary>
    public static ChainVerdict Verify(OrgId org, IEnumerable<AuditLine> lines)
    {
        var heads = new Dictionary<string, ChainHead>(StringComparer.Ordinal);
        var entries = 0L;
        foreach (var line in lines)
        {
            var head = heads.TryGetValue(line.Chain, out var known) ? known
                : line.Sequence <= 1 ? Start(org, line.Chain)
                : new ChainHead(line.Chain, line.Sequence - 1, line.Previous);
            if (Check(head, line) is { } broken)
                return new ChainVerdict(broken, heads, entries);
            heads[line.Chain] = line.Head;
            entries++;
        }
        return new ChainVerdict(null, heads, entries);
    }

    /// <summary>What keeps the line from following the head; null when it does.</summary>
    public static ChainBreak? Check(ChainHead head, AuditLine line)
    {
        var expected = head.Sequence + 1;
        if (line.Hash.Length == 0)
            return new ChainBreak(head.Chain, expected, "the entry cannot be read");
        if (line.Sequence > expected)
            return new ChainBreak(head.Chain, expected, $"the entry is missing or out of order: {line.Sequence} follows {head.Sequence}");
        if (line.Sequence < expected)
            return new ChainBreak(head.Chain, line.Sequence, $"the entry is repeated or out of order: it follows {head.Sequence}");
        if (line.Previous != head.Hash)
            return new ChainBreak(head.Chain, expected, "the entry does not follow the one before it");
        return Base64Url.IsValid(head.Hash) && line.Hash == Hash(Base64Url.DecodeFromChars(head.Hash), line.Json)
            ? null
            : new ChainBreak(head.Chain, expected, "the entry was changed");
    }

    private static string Hash(ReadOnlySpan<byte> previous, string text)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(previous);
        hash.AppendData(Encoding.UTF8.GetBytes(text));
        return Base64Url.EncodeToString(hash.GetHashAndReset());
    }

    private static string? Shorten(string? text) => text is { Length: > MaxText } ? text[..MaxText] + "..." : text;
}
