namespace Kontext.Functions.Storage;

/// <summary>Where in Key Vault the content of a credential's version is, as its row says. Recorded with the version, so that adding a vault moves nothing.</summary>
/// <param name="Vault">The vault's name.</param>
/// <param name="Secret">The secret.</param>
/// <param name="SecretVersion">The secret's version; null while it is being written, and in a row that holds the content itself: it is on its way into the vault, or out of it.</param>
/// <param name="Number">The how manieth version of the secret this is.</param>
internal sealed record KeyVaultReference(string Vault, string Secret, string? SecretVersion, int Number)
{
    private const string VaultProperty = "kv";
    private const string SecretProperty = "secret";
    private const string VersionProperty = "secretVersion";
    private const string NumberProperty = "number";

    /// <summary>What the row refers to; null when that is nothing.</summary>
    public static KeyVaultReference? Of(TableRow row) => row.Properties.TryGetValue(VaultProperty, out var vault)
        ? new KeyVaultReference((string)vault, (string)row.Properties[SecretProperty], row.Properties.GetValueOrDefault(VersionProperty) as string, (int)row.Properties[NumberProperty])
        : null;

    /// <summary>The properties of a row with this reference, and with those given.</summary>
    public Dictionary<string, object> AddTo(IReadOnlyDictionary<string, object> properties)
    {
        var all = new Dictionary<string, object>(properties, StringComparer.Ordinal) { ["v"] = "1", [VaultProperty] = Vault, [SecretProperty] = Secret, [NumberProperty] = Number };
        if (SecretVersion is not null)
            all[VersionProperty] = SecretVersion;
        return all;
    }

    /// <summary>The properties of a row without any reference.</summary>
    public static Dictionary<string, object> Without(IReadOnlyDictionary<string, object> properties) =>
        properties.Where(property => property.Key is not (VaultProperty or SecretProperty or VersionProperty or NumberProperty)).ToDictionary(StringComparer.Ordinal);

    /// <summary>The properties of a row that is nothing but this reference.</summary>
    public Dictionary<string, object> ToProperties() => AddTo(new Dictionary<string, object>());
}
