using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Kontext.Domain.OAuth;

namespace Kontext.Functions.OAuth;

/// <summary>What a token says, and the key that signed it.</summary>
internal sealed record VerifiedToken(string KeyId, AccessTokenClaims Claims);

/// <summary>Remembers by their SHA-256 which tokens had a valid signature: an agent presents the same token for minutes, and checking the signature anew costs more than the rest of a request.
/// Only what never changes is remembered; expiry, the key, session, application and person are looked at every time.</summary>
internal sealed class VerifiedTokens
{
    private const int MaxTokens = 20_000;

    private readonly ConcurrentDictionary<(UInt128, UInt128), VerifiedToken> tokens = new();

    /// <summary>A token seen before; null when it has to be verified.</summary>
    public VerifiedToken? Find(string token) => tokens.GetValueOrDefault(KeyOf(token));

    /// <summary>Remembers a token whose signature was just found valid.</summary>
    public void Add(string token, string keyId, AccessTokenClaims claims)
    {
        // Tokens live minutes: starting over is simpler than looking for the oldest, and costs one verification each.
        if (tokens.Count >= MaxTokens)
            tokens.Clear();
        tokens[KeyOf(token)] = new VerifiedToken(keyId, claims);
    }

    private static (UInt128, UInt128) KeyOf(string token)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(MemoryMarshal.AsBytes(token.AsSpan()), hash);
        return (MemoryMarshal.Read<UInt128>(hash), MemoryMarshal.Read<UInt128>(hash[16..]));
    }
}
