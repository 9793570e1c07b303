using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Kontext.Domain.OAuth;

namespace Kontext.Functions.OAuth;

/// <summary>Remembers, in this instance, which proofs came with resource requests (RFC 9449 section 11.1): two generations of hashes, of which the older is dropped when it cannot matter any more. Only proofs that came with a valid token of their key get here.</summary>
internal sealed class RecentProofs(TimeProvider time)
{
    // 128 bits each: 32 MB at the most, and more proofs than an instance can verify while one stays valid.
    private const int MaxPerGeneration = 500_000;

    private readonly Lock gate = new();
    private HashSet<UInt128> current = [];
    private HashSet<UInt128> previous = [];
    private DateTimeOffset turnedAt = time.GetUtcNow();

    /// <summary>True the first time, false for a replay.</summary>
    public bool TryAdd(DPoPProof proof)
    {
        var name = NameOf(proof);
        var now = time.GetUtcNow();
        lock (gate)
        {
            if (now - turnedAt >= DPoPProofs.Memory || current.Count >= MaxPerGeneration)
                (previous, current, turnedAt) = (current, [], now);
            return !previous.Contains(name) && current.Add(name);
        }
    }

    private static UInt128 NameOf(DPoPProof proof)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes($"{proof.Key.Thumbprint}\n{proof.TokenId}"), hash);
        return MemoryMarshal.Read<UInt128>(hash);
    }
}
