using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Kontext.Domain;

namespace Kontext.Functions.Storage;

/// <summary>AES-256-GCM as vault and sealer use it: nonce, ciphertext and tag in one run of bytes, bound to what the ciphertext belongs to.</summary>
internal static class EnvelopeVaultCipher
{
    private const int NonceLength = 12;
    private const int TagLength = 16;

    /// <summary>Encrypts.</summary>
    public static byte[] Seal(DataKey key, ReadOnlySpan<byte> associatedData, Secret value)
    {
        var plain = Encoding.UTF8.GetBytes(value.Reveal());
        var sealedBytes = new byte[NonceLength + plain.Length + TagLength];
        var nonce = sealedBytes.AsSpan(0, NonceLength);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(key.Bytes, TagLength);
        aes.Encrypt(nonce, plain, sealedBytes.AsSpan(NonceLength, plain.Length), sealedBytes.AsSpan(NonceLength + plain.Length), associatedData);
        CryptographicOperations.ZeroMemory(plain);
        return sealedBytes;
    }

    /// <summary>Decrypts; null when the bytes are not what was sealed with this key for this purpose.</summary>
    public static Secret? Open(DataKey key, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> sealedBytes)
    {
        if (sealedBytes.Length < NonceLength + TagLength)
            return null;
        var plain = new byte[sealedBytes.Length - NonceLength - TagLength];
        using var aes = new AesGcm(key.Bytes, TagLength);
        try
        {
            aes.Decrypt(sealedBytes[..NonceLength], sealedBytes.Slice(NonceLength, plain.Length), sealedBytes[(NonceLength + plain.Length)..], plain, associatedData);
            return new Secret(Encoding.UTF8.GetString(plain));
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }
    }

    /// <summary>What a ciphertext belongs to. Each part carries its length, so that no two lists of parts give the same bytes.</summary>
    public static byte[] AssociatedData(params ReadOnlySpan<string> parts)
    {
        var length = 0;
        foreach (var part in parts)
            length += sizeof(int) + Encoding.UTF8.GetByteCount(part);
        var bytes = new byte[length];
        var rest = bytes.AsSpan();
        foreach (var part in parts)
        {
            var written = Encoding.UTF8.GetBytes(part, rest[sizeof(int)..]);
            BinaryPrimitives.WriteInt32BigEndian(rest, written);
            rest = rest[(sizeof(int) + written)..];
        }
        return bytes;
    }
}
