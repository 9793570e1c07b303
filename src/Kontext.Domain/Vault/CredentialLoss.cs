using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Vault;

/// <summary>Ends the connections of an organization whose credentials are gone with the place they were kept in. Nobody can open them, and nobody can revoke them at their providers any more.</summary>
public sealed class CredentialLoss(IIntegrationStore integrations, IConnectionStore connections, IAuditLog audit, TimeProvider time)
{
    private const int PageSize = 100;
    private const string Words = "the vault that kept its credential was lost";

    /// <summary>Ends them and says how many there were.</summary>
    /// <param name="org">Whose.</param>
    /// <param name="isLost">Is the credential that a connection names gone?</param>
    /// <param name="isSealedLost">Was a sealed text sealed under a key that is gone?</param>
    /// <param name="cancellationToken">Ends it between two connections; run again, it goes on.</param>
    public async Task<int> RunAsync(OrgId org, Func<Connection, Task<bool>> isLost, Func<string, Task<bool>> isSealedLost, CancellationToken cancellationToken)
    {
        var ended = 0;
        string? cursor = null;
        do
        {
            var page = await integrations.ListAsync(org, cursor, PageSize, cancellationToken);
            foreach (var integration in page.Items)
                ended += await RunAsync(org, integration, isLost, isSealedLost, cancellationToken);
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return ended;
    }

    private async Task<int> RunAsync(OrgId org, Integration integration, Func<Connection, Task<bool>> isLost, Func<string, Task<bool>> isSealedLost, CancellationToken cancellationToken)
    {
        var ended = 0;
        string? cursor = null;
        do
        {
            var page = await connections.ListOfAsync(org, integration.Id, cursor, PageSize, cancellationToken);
            foreach (var connection in page.Items.Where(connection => connection.Status == ConnectionStatus.Connected))
            {
                if (await isLost(connection))
                    ended += await EndAsync(org, integration, connection, cancellationToken) ? 1 : 0;
                else if (connection.SealedAccessToken is { } text && await isSealedLost(text))
                    await ForgetSealedAsync(org, connection, cancellationToken);
            }
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return ended;
    }

    private async Task<bool> EndAsync(OrgId org, Integration integration, Connection lost, CancellationToken cancellationToken)
    {
        while (await FindAsync(org, lost, cancellationToken) is { } row)
        {
            var ended = row.Value with
            {
                Status = ConnectionStatus.Disconnected,
                Reason = Words,
                ReasonCode = ConnectionEnds.Unreadable,
                DisconnectedAt = time.GetUtcNow(),
                CredentialVersion = null,
                SealedAccessToken = null,
                Fence = row.Value.Fence + 1,
                LeaseUntil = null,
                RefreshIntentAt = null,
                RetryAt = null,
            };
            if (await connections.ReplaceAsync(org, row, ended, cutOff: true, cancellationToken) is not { } written)
                continue;
            await audit.AppendAsync(org, ConnectionEvents.Disconnected(time.GetUtcNow(), integration, written.Value, ConnectionEnds.Unreadable), CancellationToken.None);
            return true;
        }
        return false;
    }

    /// <summary>The credential itself is elsewhere: without the copy beside the row, it is read there.</summary>
    private async Task ForgetSealedAsync(OrgId org, Connection connection, CancellationToken cancellationToken)
    {
        while (await FindAsync(org, connection, cancellationToken) is { } row
            && await connections.ReplaceAsync(org, row, row.Value with { SealedAccessToken = null }, cutOff: true, cancellationToken) is null)
            continue;
    }

    /// <summary>The row, unless the person connected again or disconnected meanwhile.</summary>
    private async Task<Versioned<Connection>?> FindAsync(OrgId org, Connection seen, CancellationToken cancellationToken) =>
        await connections.FindAsync(org, seen.User, seen.Integration, cancellationToken) is { Value.Status: ConnectionStatus.Connected } row && row.Value.CredentialVersion == seen.CredentialVersion ? row : null;
}
