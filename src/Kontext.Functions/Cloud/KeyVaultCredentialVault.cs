using System.Text;
using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Cloud;

/// <summary>Keeps credentials as secrets of Key Vault, one per credential with a version each, and in table storage what refers to them. It reads versions in the envelope form too:
/// those that were there before, and those too large for the service.</summary>
internal sealed class KeyVaultCredentialVault(ITableSource tables, EnvelopeVault envelope, KeyVaults vaults, CredentialForm form, TimeProvider time) : ICredentialVault
{
    // Versions of a secret cannot be deleted singly, and the service backs up no secret with more than 500: now and then a new one is begun, and the old one goes as a whole.
    private const int VersionsPerSecret = 400;

    private readonly ITable table = tables.Open(VaultRows.Table);

    /// <inheritdoc/>
    public async Task<string> PutAsync(OrgId org, CredentialName name, Secret value, CancellationToken cancellationToken)
    {
        if (form == CredentialForm.Envelope || !Fits(value))
            return await envelope.PutAsync(org, name, value, cancellationToken);
        while (true)
        {
            var newest = await VaultRows.NewestAsync(table, org, name, cancellationToken);
            var version = VaultRows.VersionAfter(newest is null ? null : VaultRows.VersionOf(newest), time.GetUtcNow());
            var place = PlaceAfter(org, name, newest);
            var row = new TableRow(VaultRows.Partition(org, name), VaultRows.RowKey(org, name, version), place.ToProperties());
            // INVARIANT: the row comes first. Whatever happens from here on, what is in Key Vault is found by it, and deleted with it.
            var written = await table.InsertAsync(row, cancellationToken);
            if (!written.Ok)
                continue;
            var secretVersion = await WriteAsync(place, org, name, version, value, CancellationToken.None);
            await CompleteAsync(row with { ETag = written.ETag }, place with { SecretVersion = secretVersion });
            return version;
        }
    }

    /// <inheritdoc/>
    public async Task<Secret?> GetAsync(OrgId org, CredentialName name, string version, CancellationToken cancellationToken)
    {
        if (!VaultRows.IsVersion(version))
            return null;
        return await table.GetAsync(VaultRows.Partition(org, name), VaultRows.RowKey(org, name, version), cancellationToken) is { } row
            ? await OpenAsync(org, name, row, cancellationToken)
            : null;
    }

    /// <inheritdoc/>
    public async Task<(string Version, Secret Value)?> GetLatestAsync(OrgId org, CredentialName name, CancellationToken cancellationToken)
    {
        foreach (var row in await VaultRows.AllAsync(table, org, name, cancellationToken))
        {
            if (await OpenAsync(org, name, row, cancellationToken) is { } value)
                return (VaultRows.VersionOf(row), value);
            // A version whose writing never came to its end is none. One that its vault does not give out is, and hides those before.
            if (KeyVaultReference.Of(row) is { SecretVersion: not null })
                return null;
        }
        return null;
    }

    /// <inheritdoc/>
    public async Task TrimAsync(OrgId org, CredentialName name, string keepFrom, CancellationToken cancellationToken)
    {
        if (!VaultRows.IsVersion(keepFrom))
            throw new ArgumentException("Not a version of this vault.", nameof(keepFrom));
        var rows = (await VaultRows.AllAsync(table, org, name, cancellationToken)).ToLookup(row => string.CompareOrdinal(VaultRows.VersionOf(row), keepFrom) >= 0);
        var kept = rows[true].Select(KeyVaultReference.Of).OfType<KeyVaultReference>().Select(SecretOf).ToHashSet();
        await DeleteSecretsAsync(rows[false], kept, cancellationToken);
        foreach (var row in rows[false])
        {
            if (KeyVaultReference.Of(row) is { } place && kept.Contains(SecretOf(place)))
                await DisableAsync(place, VaultRows.VersionOf(row), cancellationToken);
            await table.DeleteAsync(row.PartitionKey, row.RowKey, "*", cancellationToken);
        }
    }

    /// <inheritdoc/>
    public async Task<DateTimeOffset?> DeleteAsync(OrgId org, CredentialName name, CancellationToken cancellationToken)
    {
        var rows = await VaultRows.AllAsync(table, org, name, cancellationToken);
        // INVARIANT: secrets before the rows that lead to them.
        var recoverableUntil = await DeleteSecretsAsync(rows, keep: [], cancellationToken);
        foreach (var row in rows)
            await table.DeleteAsync(row.PartitionKey, row.RowKey, "*", cancellationToken);
        return recoverableUntil;
    }

    /// <summary>Is the value small enough for a secret of Key Vault?</summary>
    public static bool Fits(Secret value) => Encoding.UTF8.GetByteCount(value.Reveal()) <= KeyVault.MaxBytes;

    /// <summary>A secret that nothing was written to yet. Its name is no credential's own: a person who connects again must not have to recover what was deleted.</summary>
    public KeyVaultReference NewPlace(OrgId org, CredentialName name) =>
        new(vaults.Choose($"{org}\n{name.Name}").Name, $"credential-{org.Value:N}-{Guid.CreateVersion7(time.GetUtcNow()):N}", SecretVersion: null, Number: 1);

    /// <summary>Writes a value as a version of the secret and gives that version's id.</summary>
    public Task<string> WriteAsync(KeyVaultReference place, OrgId org, CredentialName name, string version, Secret value, CancellationToken cancellationToken) =>
        vaults.Of(place.Vault).SetAsync(place.Secret, value, KeyVaultTags.Of(org, name, version), cancellationToken);

    /// <summary>What became of a version whose writer did not come to its end: the reference, complete, or null when Key Vault never got it.</summary>
    public async Task<KeyVaultReference?> FindWrittenAsync(KeyVaultReference place, string version, CancellationToken cancellationToken) =>
        await vaults.Of(place.Vault).FindVersionAsync(place.Secret, KeyVaultTags.Version, version, cancellationToken) is { } found ? place with { SecretVersion = found } : null;

    /// <summary>The value that a complete reference leads to; null when its vault does not give it out.</summary>
    public Task<Secret?> ReadAsync(KeyVaultReference place, CancellationToken cancellationToken) =>
        vaults.Of(place.Vault).GetAsync(place.Secret, place.SecretVersion!, cancellationToken);

    /// <summary>Deletes the secrets that rows refer to, but not those to keep. Gives until when they can be recovered; null when they are gone for good.</summary>
    public async Task<DateTimeOffset?> DeleteSecretsAsync(IEnumerable<TableRow> rows, HashSet<(string Vault, string Secret)> keep, CancellationToken cancellationToken)
    {
        DateTimeOffset? latest = null;
        foreach (var (vault, secret) in rows.Select(KeyVaultReference.Of).OfType<KeyVaultReference>().Select(SecretOf).Distinct().Where(secret => !keep.Contains(secret)))
        {
            if (await vaults.Of(vault).DeleteAsync(secret, cancellationToken) is { } until && (latest is null || until > latest))
                latest = until;
        }
        return latest;
    }

    /// <summary>Which secret a reference is to, whatever the version.</summary>
    public static (string Vault, string Secret) SecretOf(KeyVaultReference place) => (place.Vault, place.Secret);

    private KeyVaultReference PlaceAfter(OrgId org, CredentialName name, TableRow? newest) =>
        newest is not null && KeyVaultReference.Of(newest) is { Number: < VersionsPerSecret } place && vaults.Find(place.Vault) is not null
            ? place with { SecretVersion = null, Number = place.Number + 1 }
            : NewPlace(org, name);

    private async Task DisableAsync(KeyVaultReference place, string version, CancellationToken cancellationToken)
    {
        if ((place.SecretVersion is null ? await FindWrittenAsync(place, version, cancellationToken) : place) is { } written)
            await vaults.Of(written.Vault).DisableAsync(written.Secret, written.SecretVersion!, cancellationToken);
    }

    private async Task<Secret?> OpenAsync(OrgId org, CredentialName name, TableRow row, CancellationToken cancellationToken)
    {
        if (EnvelopeVault.Holds(row))
            return await envelope.ReadAsync(org, name, row, cancellationToken);
        var place = KeyVaultReference.Of(row) ?? throw new InvalidDataException($"Version {VaultRows.VersionOf(row)} of credential {name.Name} is in no form that is known.");
        if (place.SecretVersion is null)
        {
            if (await FindWrittenAsync(place, VaultRows.VersionOf(row), cancellationToken) is not { } found)
                return null;
            await CompleteAsync(row, place = found);
        }
        return await ReadAsync(place, cancellationToken);
    }

    /// <summary>Notes the version that Key Vault gave. Whoever noted it first wrote the same; a row deleted meanwhile comes back, so that the deletion of what was written is not lost.</summary>
    private async Task CompleteAsync(TableRow row, KeyVaultReference place)
    {
        var complete = row with { Properties = place.ToProperties() };
        if ((await table.ReplaceAsync(complete, CancellationToken.None)).Outcome == WriteOutcome.Missing)
            await table.InsertAsync(complete with { ETag = null }, CancellationToken.None);
    }
}
