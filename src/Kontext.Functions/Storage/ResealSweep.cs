using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Functions.OAuth;

namespace Kontext.Functions.Storage;

/// <summary>After a rotation, encrypts anew what lasts: the vault's rows, the tokens beside connections and those beside integrations. What ends within days (arguments waiting
/// for approval, grants waiting to be revoked) is left to end under the old key. Runs again until a run finds nothing left.</summary>
internal sealed class ResealSweep(
    ITableSource tables, EnvelopeVault vault, ISealer sealer, IDataKeys keys, DataKeyRotation rotation, IConnectionStore connections, IIntegrationStore integrations,
    IOrganizationStore organizations, KontextSettings settings, TimeProvider time)
{
    private const int AtOnce = 8;
    private const int PageSize = 100;

    private readonly ITable table = tables.Open(VaultRows.Table);
    private readonly OrganizationIndex index = new(tables);

    /// <summary>Goes through every organization with a rotation that is not at its end.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        foreach (var org in await index.AllAsync(cancellationToken))
            await RunAsync(org, org, cancellationToken);
        if (await organizations.FindBySlugAsync(settings.Organization, cancellationToken) is { } own)
            await RunAsync(SigningKeyStore.Issuer, own, cancellationToken);
    }

    private async Task RunAsync(OrgId org, OrgId recordedIn, CancellationToken cancellationToken)
    {
        if (await rotation.FindAsync(org, cancellationToken) is not { Value.ResealedAt: null } open)
            return;
        var began = time.GetUtcNow();
        var current = await keys.CurrentVersionAsync(org, cancellationToken);
        var complete = await RenewVaultAsync(org, current, cancellationToken);
        string? cursor = null;
        do
        {
            var page = await integrations.ListAsync(org, cursor, PageSize, cancellationToken);
            foreach (var integration in page.Items)
            {
                complete &= await RenewAsync(org, integration, current, cancellationToken);
                complete &= await RenewConnectionsAsync(org, integration.Id, current, cancellationToken);
            }
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        if (complete)
            await rotation.ResealedAsync(org, recordedIn, open, began);
    }

    private async Task<bool> RenewVaultAsync(OrgId org, string current, CancellationToken cancellationToken)
    {
        var complete = true;
        var limit = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(Enumerable.Range(0, VaultRows.PartitionCount), limit, async (partition, token) =>
        {
            await foreach (var row in table.RowsAsync(VaultRows.Partition(org, partition), VaultRows.Start(org), token))
            {
                if (EnvelopeVault.Holds(row) && !await vault.RenewAsync(org, VaultRows.NameOf(row), row, current, token))
                    Volatile.Write(ref complete, false);
            }
        });
        return complete;
    }

    private async Task<bool> RenewAsync(OrgId org, Integration listed, string current, CancellationToken cancellationToken)
    {
        if (!IsStale(listed.SealedServerToken, current) || await integrations.FindAsync(org, listed.Id, cancellationToken) is not { Value: { SealedServerToken: { } text, ServerTokenVersion: { } version } } row)
            return true;
        return await ResealAsync(org, ConnectionCredentials.ServerTokenContext(listed.Id, version), text, cancellationToken) is { } renewed
            && (await integrations.ReplaceAsync(org, row, row.Value with { SealedServerToken = renewed }, cancellationToken)).TryGet(out _, out _);
    }

    private async Task<bool> RenewConnectionsAsync(OrgId org, IntegrationId integration, string current, CancellationToken cancellationToken)
    {
        var complete = true;
        string? cursor = null;
        do
        {
            var page = await connections.ListOfAsync(org, integration, cursor, PageSize, cancellationToken);
            foreach (var stale in page.Items.Where(connection => IsStale(connection.SealedAccessToken, current)))
                complete &= await RenewAsync(org, stale, cancellationToken);
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return complete;
    }

    private async Task<bool> RenewAsync(OrgId org, Connection stale, CancellationToken cancellationToken)
    {
        if (await connections.FindAsync(org, stale.User, stale.Integration, cancellationToken) is not { Value: { SealedAccessToken: { } text } connection } row)
            return true;
        // Somebody refreshes it at this moment and encrypts what comes of it.
        if (connection.LeaseUntil > time.GetUtcNow())
            return false;
        return await ResealAsync(org, ConnectionCredentials.ContextOf(connection), text, cancellationToken) is { } renewed
            && await connections.ReplaceAsync(org, row, connection with { SealedAccessToken = renewed }, cutOff: false, cancellationToken) is not null;
    }

    private async Task<string?> ResealAsync(OrgId org, string context, string text, CancellationToken cancellationToken) =>
        await sealer.OpenAsync(org, context, text, cancellationToken) is { } value ? await sealer.SealAsync(org, context, value, cancellationToken) : null;

    private static bool IsStale(string? sealedText, string current) => sealedText is not null && Sealer.KeyOf(sealedText) != current;
}
