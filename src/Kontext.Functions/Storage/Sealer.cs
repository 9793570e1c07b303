using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Storage;

/// <summary>Seals short-lived secrets as text: <c>s1.</c>, the data key's version, <c>.</c>, and nonce, ciphertext and tag as base64url.</summary>
internal sealed class Sealer(IDataKeys keys) : ISealer
{
    private const string Format = "s1";

    /// <summary>The version of the data key that a text was sealed under; null when it is none of ours.</summary>
    public static string? KeyOf(string sealedText) => sealedText.Split('.') is [Format, var version, _] ? version : null;

    /// <inheritdoc/>
    public async ValueTask<string> SealAsync(OrgId org, string context, Secret value, CancellationToken cancellationToken)
    {
        using var key = await keys.CurrentAsync(org, cancellationToken);
        return $"{Format}.{key.Version}.{Base64Url.EncodeToString(EnvelopeVaultCipher.Seal(key, AssociatedData(org, context, key.Version), value))}";
    }

    /// <inheritdoc/>
    public async ValueTask<Secret?> OpenAsync(OrgId org, string context, string sealedText, CancellationToken cancellationToken)
    {
        if (sealedText.Split('.') is not [Format, var version, var data] || !Base64Url.IsValid(data))
            return null;
        using var key = await keys.FindAsync(org, version, cancellationToken);
        return key is null ? null : EnvelopeVaultCipher.Open(key, AssociatedData(org, context, version), Base64Url.DecodeFromChars(data));
    }

    /// <summary>HMAC-SHA256 under a key that HKDF (RFC 5869) draws for the purpose from the organization's derivation key. That key never rotates:
    /// a handle derived today must come out the same next year, whichever data key is current then.</summary>
    public async ValueTask<byte[]> DeriveAsync(OrgId org, string purpose, string text, CancellationToken cancellationToken)
    {
        using var root = await keys.DerivationAsync(org, cancellationToken);
        var info = EnvelopeVaultCipher.AssociatedData("derive", org.ToString(), purpose);
        return Hash(root, info, text);
    }

    private static byte[] Hash(DataKey root, byte[] info, string text)
    {
        Span<byte> key = stackalloc byte[DataKey.Length];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, root.Bytes, key, salt: [], info);
        var hash = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text));
        CryptographicOperations.ZeroMemory(key);
        return hash;
    }

    private static byte[] AssociatedData(OrgId org, string context, string keyVersion) =>
        EnvelopeVaultCipher.AssociatedData("seal", org.ToString(), context, keyVersion);
}
