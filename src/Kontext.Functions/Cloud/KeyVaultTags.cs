using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Cloud;

/// <summary>What a secret's tags say of it: for us, to find what a writer left that was cut off, and for people who look into the vault.</summary>
internal static class KeyVaultTags
{
    /// <summary>The version by our count.</summary>
    public const string Version = "kontext-version";

    private const string Organization = "kontext-organization";
    private const string Name = "kontext-credential";

    /// <summary>The tags of a credential's version.</summary>
    public static Dictionary<string, string> Of(OrgId org, CredentialName name, string version) => new() { [Organization] = org.ToString(), [Name] = name.Name, [Version] = version };

    /// <summary>The tags of a key.</summary>
    public static Dictionary<string, string> Of(OrgId org) => new() { [Organization] = org.ToString() };
}
