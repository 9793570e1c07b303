using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Storage;

/// <summary>Keeps credentials as rows encrypted under the organization's data key (architecture section 3). Each is bound to organization, name and version: copied to another place, it does not open.</summary>
internal sealed class EnvelopeVault(ITableSource tables, IDataKeys keys, TimeProvider time) : ICredentialVault
{
    private const int MaxBytes = 256 * 1024;
    private const int ChunkLength = 30_000;
    private const string KeyProperty = "key";
    private readonly ITable table = tables.Open(VaultRows.Table);

    /// <summary>Does a row hold its content encrypted?</summary>
    public static bool Holds(TableRow row) => row.Properties.ContainsKey(KeyProperty);

    /// <summary>The version of the data key that a row is encrypted under.</summary>
    public static string KeyOf(TableRow row) => (string)row.Properties[KeyProperty];

    /// <inheritdoc/>
    public async Task<string> PutAsync(OrgId org, CredentialName name, Secret value, CancellationToken cancellationToken)
    {
        while (true)
        {
            var latest = await VaultRows.NewestAsync(table, org, name, cancellationToken) is { } row ? VaultRows.VersionOf(row) : null;
            var version = VaultRows.VersionAfter(latest, time.GetUtcNow());
            var properties = await SealAsync(org, name, version, value, cancellationToken);
            if ((await table.InsertAsync(new TableRow(VaultRows.Partition(org, name), VaultRows.RowKey(org, name, version), properties), cancellationToken)).Ok)
                return version;
        }
    }

    /// <inheritdoc/>
    public async Task<Secret?> GetAsync(OrgId org, CredentialName name, string version, CancellationToken cancellationToken)
    {
        if (!VaultRows.IsVersion(version))
            return null;
        return await table.GetAsync(VaultRows.Partition(org, name), VaultRows.RowKey(org, name, version), cancellationToken) is { } row
            ? await ReadAsync(org, name, row, cancellationToken)
            : null;
    }

    /// <inheritdoc/>
    public async Task<(string Version, Secret Value)?> GetLatestAsync(OrgId org, CredentialName name, CancellationToken cancellationToken)
    {
        if (await VaultRows.NewestAsync(table, org, name, cancellationToken) is not { } row)
            return null;
        return (VaultRows.VersionOf(row), await ReadAsync(org, name, row, cancellationToken));
    }

    /// <inheritdoc/>
    public Task TrimAsync(OrgId org, CredentialName name, string keepFrom, CancellationToken cancellationToken)
    {
        if (!VaultRows.IsVersion(keepFrom))
            throw new ArgumentException("Not a version of this vault.", nameof(keepFrom));
        return DeleteAsync(org, name, row => string.CompareOrdinal(VaultRows.VersionOf(row), keepFrom) < 0, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<DateTimeOffset?> DeleteAsync(OrgId org, CredentialName name, CancellationToken cancellationToken)
    {
        await DeleteAsync(org, name, static _ => true, cancellationToken);
        return null;
    }

    /// <summary>The properties of a version's row.</summary>
    public async Task<Dictionary<string, object>> SealAsync(OrgId org, CredentialName name, string version, Secret value, CancellationToken cancellationToken)
    {
        if (Encoding.UTF8.GetByteCount(value.Reveal()) > MaxBytes)
            throw new ArgumentException($"A credential has at most {MaxBytes} bytes.", nameof(value));
        using var key = await keys.CurrentAsync(org, cancellationToken);
        var text = Base64Url.EncodeToString(EnvelopeVaultCipher.Seal(key, AssociatedData(org, name, version, key.Version), value));
        var properties = new Dictionary<string, object>(StringComparer.Ordinal) { ["v"] = "1", [KeyProperty] = key.Version };
        for (var start = 0; start < text.Length; start += ChunkLength)
            properties[ChunkName(start / ChunkLength)] = text.Substring(start, Math.Min(ChunkLength, text.Length - start));
        return properties;
    }

    /// <summary>The credential in a version's row, which is encrypted anew if its data key was replaced since.</summary>
    public async Task<Secret> ReadAsync(OrgId org, CredentialName name, TableRow row, CancellationToken cancellationToken)
    {
        var value = await OpenAsync(org, name, row, cancellationToken);
        try
        {
            using var current = await keys.CurrentAsync(org, cancellationToken);
            if (KeyOf(row) != current.Version)
                await RenewAsync(org, name, row, await keys.CurrentVersionAsync(org, cancellationToken), cancellationToken);
        }
        catch (StorageUnavailableException)
        {
            // To read is what was asked for. The sweep comes to the row too.
        }
        return value;
    }

    /// <summary>Encrypts a row anew unless it is under the current data key. False when somebody else changed it at the same time.</summary>
    public async Task<bool> RenewAsync(OrgId org, CredentialName name, TableRow row, string current, CancellationToken cancellationToken)
    {
        if (KeyOf(row) == current)
            return true;
        var properties = await SealAsync(org, name, VaultRows.VersionOf(row), await OpenAsync(org, name, row, cancellationToken), cancellationToken);
        // A version on its way to Key Vault stays on its way.
        return (await table.ReplaceAsync(row with { Properties = KeyVaultReference.Of(row)?.AddTo(properties) ?? properties }, cancellationToken)).Ok;
    }

    /// <summary>The credential in a version's row.</summary>
    /// <exception cref="InvalidDataException">It is not what was written there, or its key is missing.</exception>
    public async Task<Secret> OpenAsync(OrgId org, CredentialName name, TableRow row, CancellationToken cancellationToken)
    {
        var version = VaultRows.VersionOf(row);
        if (!Holds(row))
            throw InKeyVault(name);
        var keyVersion = KeyOf(row);
        using var key = await keys.FindAsync(org, keyVersion, cancellationToken)
            ?? throw new InvalidDataException($"Data key {keyVersion} of organization {org} is not there.");
        var text = new StringBuilder();
        for (var chunk = 0; row.Properties.TryGetValue(ChunkName(chunk), out var more); chunk++)
            text.Append((string)more);
        var stored = text.ToString();
        var opened = Base64Url.IsValid(stored) ? EnvelopeVaultCipher.Open(key, AssociatedData(org, name, version, keyVersion), Base64Url.DecodeFromChars(stored)) : null;
        return opened ?? throw new InvalidDataException($"Version {version} of credential {name.Name} does not open: its row was changed or belongs elsewhere.");
    }

    private async Task DeleteAsync(OrgId org, CredentialName name, Func<TableRow, bool> concerns, CancellationToken cancellationToken)
    {
        var rows = (await VaultRows.AllAsync(table, org, name, cancellationToken)).Where(concerns).ToList();
        // INVARIANT: a row that leads to a secret elsewhere goes after the secret, or nobody would know of it any more.
        if (rows.Any(row => KeyVaultReference.Of(row) is not null))
            throw InKeyVault(name);
        foreach (var row in rows)
            await table.DeleteAsync(row.PartitionKey, row.RowKey, "*", cancellationToken);
    }

    private static InvalidDataException InKeyVault(CredentialName name) =>
        new($"Credential {name.Name} is in a key vault, and Kontext__KeyVault is not set.");

    private static byte[] AssociatedData(OrgId org, CredentialName name, string version, string keyVersion) =>
        EnvelopeVaultCipher.AssociatedData("vault", org.ToString(), name.Name, version, keyVersion);

    private static string ChunkName(int index) => string.Create(CultureInfo.InvariantCulture, $"data{index}");
}
