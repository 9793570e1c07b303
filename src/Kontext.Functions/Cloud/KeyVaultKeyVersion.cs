using System.Security.Cryptography;
using Kontext.Domain;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Cloud;

/// <summary>A key's version as it stands in what the key sealed: the vault's name, <c>~</c>, and the version of the secret there.</summary>
internal sealed record KeyVaultKeyVersion(string Vault, string SecretVersion)
{
    private const char Separator = '~';
    private const int VersionLength = 32;

    /// <summary>The secret whose versions are the organization's data keys.</summary>
    public static string DataKey(OrgId org) => $"data-key-{org.Value:N}";

    /// <summary>The secret that holds the organization's derivation key.</summary>
    public static string Derivation(OrgId org) => $"derivation-key-{org.Value:N}";

    /// <summary>Reads; null when the text, which may come from anybody, is no version of this kind.</summary>
    public static KeyVaultKeyVersion? TryParse(string text) =>
        text.Split(Separator) is [var vault, { Length: VersionLength } version] && KeyVaultSettings.IsName(vault) && version.All(char.IsAsciiHexDigitLower) ? new(vault, version) : null;

    /// <summary>Reads one of our own.</summary>
    public static KeyVaultKeyVersion Parse(string text) => TryParse(text) ?? throw new InvalidDataException($"{text} is no version of a key in Key Vault.");

    /// <inheritdoc/>
    public override string ToString() => $"{Vault}{Separator}{SecretVersion}";
}

/// <summary>Keys as the values of secrets: base64, for Key Vault keeps text.</summary>
internal static class DataKeyBytes
{
    /// <summary>A new key. Whoever takes it zeroes it.</summary>
    public static byte[] New() => RandomNumberGenerator.GetBytes(DataKey.Length);

    /// <summary>The value of the secret.</summary>
    public static Secret Write(ReadOnlySpan<byte> key) => new(Convert.ToBase64String(key));

    /// <summary>The key in the value; null when it is none.</summary>
    public static byte[]? Read(Secret text)
    {
        var bytes = new byte[DataKey.Length];
        return Convert.TryFromBase64String(text.Reveal(), bytes, out var written) && written == DataKey.Length ? bytes : null;
    }
}
