using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Kontext.Functions.Cloud;

/// <summary>How new versions of credentials are kept. What is there already is read in either form.</summary>
internal enum CredentialForm
{
    /// <summary>Rows of table storage, encrypted under the organization's data key.</summary>
    Envelope,

    /// <summary>Secrets of Key Vault, one per connection.</summary>
    KeyVault,
}

/// <summary><c>Kontext__KeyVault</c> and <c>Kontext__Credentials</c>: the key vaults, and what they hold.</summary>
/// <param name="Vaults">Their addresses. Connections are spread over all of them.</param>
/// <param name="Credentials">What they hold: the organizations' data keys only, or each credential too.</param>
internal sealed partial record KeyVaultSettings(ImmutableArray<Uri> Vaults, CredentialForm Credentials)
{
    /// <summary>Reads and checks; null when there is no key vault.</summary>
    /// <exception cref="InvalidSettingException">An address is not one of a key vault, or the form is not known.</exception>
    public static KeyVaultSettings? Read(IConfigurationSection section)
    {
        var form = section["Credentials"] switch
        {
            null or "" or "envelope" => CredentialForm.Envelope,
            "keyvault" => CredentialForm.KeyVault,
            _ => throw new InvalidSettingException("Kontext__Credentials has to be envelope or keyvault."),
        };
        var vaults = (section["KeyVault"] ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(AddressOf).ToImmutableArray();
        if (vaults.IsEmpty)
            return form == CredentialForm.Envelope ? null : throw new InvalidSettingException("Kontext__Credentials is keyvault, and Kontext__KeyVault is missing: the https address of a key vault, or several with commas.");
        if (vaults.Select(NameOf).Distinct().Count() < vaults.Length)
            throw new InvalidSettingException("Kontext__KeyVault names a vault twice.");
        return new KeyVaultSettings(vaults, form);
    }

    /// <summary>A vault's name, by which rows refer to it: the first label of its host name.</summary>
    public static string NameOf(Uri vault) => vault.IdnHost.Split('.')[0];

    /// <summary>Could this be the name of a vault?</summary>
    public static bool IsName(string text) => VaultName().IsMatch(text);

    private static Uri AddressOf(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var address) && address is { Scheme: "https", AbsolutePath: "/", Query: "", Fragment: "", UserInfo: "" } && IsName(NameOf(address))
            ? address
            : throw new InvalidSettingException($"Kontext__KeyVault has to be the https address of a key vault, such as https://acme.vault.azure.net, or several with commas; {text} is none.");

    [GeneratedRegex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", RegexOptions.CultureInvariant)]
    private static partial Regex VaultName();
}
