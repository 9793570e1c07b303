using System.Security.Cryptography;
using System.Text;
using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Functions.OAuth;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Cloud;

/// <summary>Moves every credential of the installation from one form to the other while the program serves. The version ids stay, so nothing that refers to a credential changes.
/// What is there is deleted only after what was written has been read back. It can be cut off anywhere and run again.</summary>
internal sealed class VaultMove(ITableSource tables, EnvelopeVault envelope, KeyVaultCredentialVault keyVault, TimeProvider time)
{
    private const int AtOnce = 16;
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(5);

    // Whoever writes a version has come to an end by then, or was cut off.
    private static readonly TimeSpan WriterLimit = TimeSpan.FromHours(1);

    /// <summary>How often one credential is tried while a service is not to be had.</summary>
    internal int Tries { get; init; } = 6;

    private readonly ITable table = tables.Open(VaultRows.Table);
    private readonly OrganizationIndex organizations = new(tables);

    /// <summary>Moves everything there is and says what came of it.</summary>
    /// <exception cref="StorageUnavailableException">Storage or a key vault is not to be had; what was moved until then stays so.</exception>
    public async Task<VaultMoveReport> RunAsync(CredentialForm to, CancellationToken cancellationToken)
    {
        var report = new VaultMoveReport();
        foreach (var org in (OrgId[])[SigningKeyStore.Issuer, .. await organizations.AllAsync(cancellationToken)])
        {
            var limit = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken };
            await Parallel.ForEachAsync(Enumerable.Range(0, VaultRows.PartitionCount), limit, async (partition, token) =>
            {
                var names = new HashSet<CredentialName>();
                await foreach (var row in table.RowsAsync(VaultRows.Partition(org, partition), VaultRows.Start(org), token))
                    names.Add(VaultRows.NameOf(row));
                foreach (var name in names)
                    await PatientlyAsync(() => to == CredentialForm.KeyVault ? ToKeyVaultAsync(org, name, report, token) : ToEnvelopeAsync(org, name, report, token), token);
            });
        }
        return report;
    }

    private async Task PatientlyAsync(Func<Task> move, CancellationToken cancellationToken)
    {
        for (var tried = 1; ; tried++)
        {
            try
            {
                await move();
                return;
            }
            catch (StorageUnavailableException unavailable) when (tried < Tries)
            {
                // A vault takes so many new secrets in ten seconds and no more; a large installation gets there.
                await Task.Delay(unavailable.RetryAfter ?? Wait, time, cancellationToken);
            }
        }
    }

    private async Task ToKeyVaultAsync(OrgId org, CredentialName name, VaultMoveReport report, CancellationToken cancellationToken)
    {
        var rows = await VaultRows.AllAsync(table, org, name, cancellationToken);
        // Oldest first, so that the secret's versions are in the order of ours.
        foreach (var row in rows.AsEnumerable().Reverse())
        {
            if (!EnvelopeVault.Holds(row))
                report.Count(KeyVaultReference.Of(row)?.SecretVersion is null ? VaultMoveOutcome.UnderWay : VaultMoveOutcome.There);
            else
                report.Count(await ToKeyVaultAsync(org, name, row, cancellationToken));
        }
    }

    private async Task<VaultMoveOutcome> ToKeyVaultAsync(OrgId org, CredentialName name, TableRow row, CancellationToken cancellationToken)
    {
        var (version, value) = (VaultRows.VersionOf(row), await envelope.OpenAsync(org, name, row, cancellationToken));
        if (!KeyVaultCredentialVault.Fits(value))
            return VaultMoveOutcome.TooLarge;
        if (KeyVaultReference.Of(row) is not { } place)
        {
            var siblings = (await VaultRows.AllAsync(table, org, name, cancellationToken)).Select(KeyVaultReference.Of).OfType<KeyVaultReference>().ToList();
            place = siblings.MaxBy(sibling => sibling.Number) is { } sibling ? sibling with { SecretVersion = null, Number = sibling.Number + 1 } : keyVault.NewPlace(org, name);
            // INVARIANT: the row says where the copy will be before there is one.
            var noted = await table.ReplaceAsync(row with { Properties = place.AddTo(row.Properties) }, cancellationToken);
            if (!noted.Ok)
                return VaultMoveOutcome.UnderWay;
            row = row with { Properties = place.AddTo(row.Properties), ETag = noted.ETag };
        }
        var copy = await keyVault.FindWrittenAsync(place, version, cancellationToken);
        if (copy is null || !Same(await keyVault.ReadAsync(copy, cancellationToken), value))
        {
            copy = place with { SecretVersion = await keyVault.WriteAsync(place, org, name, version, value, CancellationToken.None) };
            if (!Same(await keyVault.ReadAsync(copy, CancellationToken.None), value))
                throw new InvalidDataException($"Key vault {copy.Vault} gives something else than what was written to secret {copy.Secret}.");
        }
        if ((await table.ReplaceAsync(row with { Properties = copy.ToProperties() }, CancellationToken.None)).Ok)
            return VaultMoveOutcome.Moved;
        // Disconnected or encrypted anew in the meantime. What no row leads to any more must not stay.
        var left = (await VaultRows.AllAsync(table, org, name, CancellationToken.None)).Select(KeyVaultReference.Of).OfType<KeyVaultReference>().Select(KeyVaultCredentialVault.SecretOf).ToHashSet();
        await keyVault.DeleteSecretsAsync([row], left, CancellationToken.None);
        return VaultMoveOutcome.UnderWay;
    }

    private async Task ToEnvelopeAsync(OrgId org, CredentialName name, VaultMoveReport report, CancellationToken cancellationToken)
    {
        foreach (var row in await VaultRows.AllAsync(table, org, name, cancellationToken))
        {
            if (KeyVaultReference.Of(row) is not { } place)
                report.Count(VaultMoveOutcome.There);
            else if (!EnvelopeVault.Holds(row))
                report.Count(await ToEnvelopeAsync(org, name, row, place, cancellationToken));
        }
        await LeaveKeyVaultAsync(org, name, report, cancellationToken);
    }

    private async Task<VaultMoveOutcome> ToEnvelopeAsync(OrgId org, CredentialName name, TableRow row, KeyVaultReference place, CancellationToken cancellationToken)
    {
        var version = VaultRows.VersionOf(row);
        var written = place.SecretVersion is null ? await keyVault.FindWrittenAsync(place, version, cancellationToken) : place;
        if (written is null)
        {
            if (time.GetUtcNow() - VaultRows.MadeAt(version) < WriterLimit)
                return VaultMoveOutcome.UnderWay;
            await table.DeleteAsync(row.PartitionKey, row.RowKey, row.ETag!, cancellationToken);
            return VaultMoveOutcome.There;
        }
        if (await keyVault.ReadAsync(written, cancellationToken) is not { } value)
            return VaultMoveOutcome.NotGivenOut;
        var properties = (place with { SecretVersion = null }).AddTo(await envelope.SealAsync(org, name, version, value, cancellationToken));
        if (!(await table.ReplaceAsync(row with { Properties = properties }, cancellationToken)).Ok)
            return VaultMoveOutcome.UnderWay;
        if (await table.GetAsync(row.PartitionKey, row.RowKey, cancellationToken) is not { } copy)
            return VaultMoveOutcome.UnderWay;
        return Same(await envelope.OpenAsync(org, name, copy, cancellationToken), value)
            ? VaultMoveOutcome.Moved
            : throw new InvalidDataException($"Table storage gives something else than what was written for version {version} of credential {name.Name}.");
    }

    /// <summary>Deletes the secrets whose every version is in rows by now, and strikes the way to them from the rows.</summary>
    private async Task LeaveKeyVaultAsync(OrgId org, CredentialName name, VaultMoveReport report, CancellationToken cancellationToken)
    {
        var rows = (await VaultRows.AllAsync(table, org, name, cancellationToken)).ToLookup(EnvelopeVault.Holds);
        var needed = rows[false].Select(KeyVaultReference.Of).OfType<KeyVaultReference>().Select(KeyVaultCredentialVault.SecretOf).ToHashSet();
        var copied = rows[true].Where(row => KeyVaultReference.Of(row) is { } place && !needed.Contains(KeyVaultCredentialVault.SecretOf(place))).ToList();
        report.Deleted(await keyVault.DeleteSecretsAsync(copied, needed, cancellationToken));
        foreach (var row in copied)
            await table.ReplaceAsync(row with { Properties = KeyVaultReference.Without(row.Properties) }, cancellationToken);
    }

    private static bool Same(Secret? one, Secret other) =>
        one is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(one.Reveal()), Encoding.UTF8.GetBytes(other.Reveal()));
}
