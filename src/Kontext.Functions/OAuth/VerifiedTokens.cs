using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Kontext.Domain.OAuth;

namespace Kontext.Functions.OAuth;

/// <summary>Remembers by their SHA-256 which tokens had a valid signature: an agent presents the same token for minutes, and checking the signature anew costs more than the rest of a request.
/// Only what never changes is remembered; expiry, session, application and person are looked at every time.</summary>
internal sealed class VerifiedTokens
{
    private const int MaxTokens = 20_000;

    private readonly ConcurrentDictionary<(UInt128, UInt128), AccessTokenClaims> claims = new();

    /// <summary>The claims of a token seen before; null when it has to be verified.</summary>
    public AccessTokenClaims? Find(string token) => claims.GetValueOrDefault(KeyOf(token));

    /// <summary>Remembers a token whose signature was just found valid.</summary>
    public void Add(string token, AccessTokenClaims verified)
    {
        // Tokens live minutes: starting over is simpler than looking for the oldest, and costs one verification each.
        if (claims.Count >= MaxTokens)
            claims.Clear();
        claims[KeyOf(token)] = verified;
    }

    private static (UInt128, UInt128) KeyOf(string token)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(MemoryMarshal.AsBytes(token.AsSpan()), hash);
        return (MemoryMarshal.Read<UInt128>(hash), MemoryMarshal.Read<UInt128>(hash[16..]));
    }
}
