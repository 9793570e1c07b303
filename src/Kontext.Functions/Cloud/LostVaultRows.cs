using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Cloud;

/// <summary>Which rows of credentials nobody can open without a certain key vault, because their data key or they themselves were in it, and how they are forgotten.</summary>
internal sealed class LostVaultRows(ITableSource tables, KeyVaultDataKeys keys, KeyVaults vaults)
{
    private const int AtOnce = 8;

    private readonly ITable table = tables.Open(VaultRows.Table);

    /// <summary>Was a text sealed under a data key of the vault?</summary>
    public static bool IsSealedLost(string sealedText, string vault) => Sealer.KeyOf(sealedText) is { } version && IsIn(version, vault);

    /// <summary>Is the credential that a connection names lost with the vault?</summary>
    public async Task<bool> IsLostAsync(OrgId org, Connection connection, string vault, CancellationToken cancellationToken)
    {
        var name = CredentialName.Of(connection.Id);
        return connection.CredentialVersion is { } version && VaultRows.IsVersion(version)
            && await table.GetAsync(VaultRows.Partition(org, name), VaultRows.RowKey(org, name, version), cancellationToken) is { } row && IsLost(row, vault);
    }

    /// <summary>Deletes the rows of an organization that are lost with the vault, and gives the names of the credentials they were versions of.</summary>
    /// <exception cref="InvalidDataException">The vault gives out what a row needs: it is not lost.</exception>
    public async Task<IReadOnlyCollection<CredentialName>> ForgetAsync(OrgId org, string vault, CancellationToken cancellationToken)
    {
        var gate = new Lock();
        var forgotten = new HashSet<CredentialName>();
        var limit = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(Enumerable.Range(0, VaultRows.PartitionCount), limit, async (partition, token) =>
        {
            var rows = new List<TableRow>();
            await foreach (var row in table.RowsAsync(VaultRows.Partition(org, partition), VaultRows.Start(org), token))
                rows.Add(row);
            foreach (var row in rows)
            {
                if (!await ForgetAsync(org, row, vault, token))
                    continue;
                lock (gate)
                    forgotten.Add(VaultRows.NameOf(row));
            }
        });
        return forgotten;
    }

    private async Task<bool> ForgetAsync(OrgId org, TableRow row, string vault, CancellationToken cancellationToken)
    {
        var place = KeyVaultReference.Of(row);
        if (!IsLost(row, vault))
        {
            // A copy was on its way into the vault, or out of it; the row holds the content.
            if (place?.Vault == vault)
                await table.ReplaceAsync(row with { Properties = KeyVaultReference.Without(row.Properties) }, cancellationToken);
            return false;
        }
        if (await IsGivenOutAsync(org, row, place, cancellationToken))
            throw StillThere(vault);
        // A copy was on its way into another vault, or out of it: whoever reads the version looks for it there.
        if (EnvelopeVault.Holds(row) && place is not null && place.Vault != vault)
        {
            await table.ReplaceAsync(row with { Properties = place.ToProperties() }, cancellationToken);
            return false;
        }
        await table.DeleteAsync(row.PartitionKey, row.RowKey, "*", cancellationToken);
        return true;
    }

    /// <summary>What is said of a vault that is not lost.</summary>
    public static InvalidDataException StillThere(string vault) => new($"Key vault {vault} gives out what it holds: it is not lost.");

    private async Task<bool> IsGivenOutAsync(OrgId org, TableRow row, KeyVaultReference? place, CancellationToken cancellationToken)
    {
        if (!EnvelopeVault.Holds(row))
            return place?.SecretVersion is { } version && vaults.Find(place.Vault) is { } vault && await vault.GetAsync(place.Secret, version, cancellationToken) is not null;
        using var key = await keys.FindAsync(org, EnvelopeVault.KeyOf(row), cancellationToken);
        return key is not null;
    }

    private static bool IsLost(TableRow row, string vault) => EnvelopeVault.Holds(row) ? IsIn(EnvelopeVault.KeyOf(row), vault) : KeyVaultReference.Of(row)?.Vault == vault;

    private static bool IsIn(string keyVersion, string vault) => KeyVaultKeyVersion.TryParse(keyVersion)?.Vault == vault;
}
