using System.Collections.Concurrent;
using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Cloud;

/// <summary>Which rows of credentials nobody can open any more, because their data key or they themselves were in a certain key vault that does not give them out, and how they are forgotten.
/// A vault that was lost may have a successor of the same name, which is in the settings and gives out what is new.</summary>
internal sealed class LostVaultRows(ITableSource tables, KeyVaultDataKeys keys, KeyVaults vaults)
{
    private const int AtOnce = 8;

    private readonly ITable table = tables.Open(VaultRows.Table);

    // Many rows are under one key.
    private readonly ConcurrentDictionary<(OrgId Org, string Version), bool> lostKeys = new();

    /// <summary>Was a text sealed under a data key that is lost with the vault?</summary>
    public async Task<bool> IsSealedLostAsync(OrgId org, string sealedText, string vault, CancellationToken cancellationToken) =>
        Sealer.KeyOf(sealedText) is { } version && await IsKeyLostAsync(org, version, vault, cancellationToken);

    /// <summary>Is the credential that a connection names lost with the vault?</summary>
    public async Task<bool> IsLostAsync(OrgId org, Connection connection, string vault, CancellationToken cancellationToken)
    {
        var name = CredentialName.Of(connection.Id);
        return connection.CredentialVersion is { } version && VaultRows.IsVersion(version)
            && await table.GetAsync(VaultRows.Partition(org, name), VaultRows.RowKey(org, name, version), cancellationToken) is { } row
            && await IsLostAsync(org, row, vault, cancellationToken);
    }

    /// <summary>Deletes the rows of an organization that are lost with the vault, and gives the names of the credentials they were versions of.</summary>
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
        var (holds, place) = (EnvelopeVault.Holds(row), KeyVaultReference.Of(row));
        if (!await IsLostAsync(org, row, vault, cancellationToken))
        {
            // A copy was on its way into the vault, or out of it; the row holds the content.
            if (holds && place?.Vault == vault && vaults.Find(vault) is null)
                await table.ReplaceAsync(row with { Properties = KeyVaultReference.Without(row.Properties) }, cancellationToken);
            return false;
        }
        // A copy was on its way into another vault, or out of it: whoever reads the version looks for it there.
        if (holds && place is not null && place.Vault != vault)
        {
            await table.ReplaceAsync(row with { Properties = place.ToProperties() }, cancellationToken);
            return false;
        }
        await table.DeleteAsync(row.PartitionKey, row.RowKey, "*", cancellationToken);
        return true;
    }

    private async Task<bool> IsLostAsync(OrgId org, TableRow row, string vault, CancellationToken cancellationToken)
    {
        if (EnvelopeVault.Holds(row))
            return await IsKeyLostAsync(org, EnvelopeVault.KeyOf(row), vault, cancellationToken);
        if (KeyVaultReference.Of(row) is not { } place || place.Vault != vault)
            return false;
        // In a vault that is there, one without a version is being written.
        return vaults.Find(vault) is not { } there || (place.SecretVersion is { } version && await there.GetAsync(place.Secret, version, cancellationToken) is null);
    }

    private async Task<bool> IsKeyLostAsync(OrgId org, string version, string vault, CancellationToken cancellationToken)
    {
        if (KeyVaultKeyVersion.TryParse(version)?.Vault != vault)
            return false;
        if (lostKeys.TryGetValue((org, version), out var known))
            return known;
        using var key = await keys.FindAsync(org, version, cancellationToken);
        return lostKeys[(org, version)] = key is null;
    }
}
