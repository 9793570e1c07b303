using System.Buffers.Text;
using System.Security.Cryptography;

namespace Kontext.Domain;

/// <summary>The one place unguessable values come from.</summary>
public static class RandomValue
{
    /// <summary>256 random bits as base64url: codes, secrets, handles.</summary>
    public static string Token() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    /// <summary>96 random bits as base64url: ids that only have to be unique.</summary>
    public static string ShortId() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(12));

    /// <summary>A number from 0 up to, not including, the bound: jitter and shard choice.</summary>
    public static int Below(int bound) => RandomNumberGenerator.GetInt32(bound);

    /// <summary>How handles and client secrets are stored: SHA-256, base64url. They carry 256 random bits, so no salt or stretching is needed.</summary>
    public static string HashOf(string handle) => Base64Url.EncodeToString(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(handle)));

    /// <summary>Compares a presented handle with a stored hash in constant time.</summary>
    public static bool Matches(string presented, string storedHash) => CryptographicOperations.FixedTimeEquals(
        System.Text.Encoding.ASCII.GetBytes(HashOf(presented)), System.Text.Encoding.ASCII.GetBytes(storedHash));
}
