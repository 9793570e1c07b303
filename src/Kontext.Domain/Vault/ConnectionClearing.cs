using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Vault;

/// <summary>Ends everybody's connections to an integration that was archived or is authenticated in another way since (contract 1.6). They are void from the change on; this removes what they hold.
/// A note filed before the change has the sweep go on where a crash, or too many connections for one request, left off.</summary>
public sealed class ConnectionClearing(IConnectionStore connections, Disconnection disconnection, ICredentialVault vault, IRefreshSchedule schedule, TimeProvider time)
{
    private const int PageSize = 100;
    private const int AtOnce = 8;
    private static readonly TimeSpan Later = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(15);

    /// <summary>Does a change make the connections there are void?</summary>
    public static bool IsDue(Integration before, Integration after) => after.ConnectionEpoch != before.ConnectionEpoch || (after.Archived && !before.Archived);

    /// <summary>Is the note one of an integration as a whole?</summary>
    public static bool IsNote(DueRefresh note) => note.User == default;

    /// <summary>To be called before the change is stored.</summary>
    public Task AnnounceAsync(OrgId org, IntegrationId integration, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        return schedule.FileAsync(new DueRefresh(org, default, integration, NoteOf(integration), now, now + Later), cancellationToken);
    }

    /// <summary>Clears what the stored integration makes void; says how many and whether that was all.</summary>
    public async Task<(int Cleared, bool Complete)> RunAsync(OrgId org, Integration integration, AuditParty? actor, CancellationToken cancellationToken)
    {
        var started = time.GetUtcNow();
        var reason = integration.Archived ? DisconnectReason.Archived : DisconnectReason.ModeChanged;
        var (cleared, complete) = (0, true);
        string? cursor = null;
        do
        {
            if (time.GetUtcNow() - started > Budget)
                return (cleared, false);
            var page = await connections.ListOfAsync(org, integration.Id, cursor, PageSize, cancellationToken);
            await Parallel.ForEachAsync(
                page.Items.Where(connection => IsLeft(integration, connection)),
                new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken },
                async (connection, token) =>
                {
                    var report = await disconnection.ClearAsync(org, connection.User, integration, reason, actor, token);
                    Interlocked.Increment(ref cleared);
                    if (!report.SecretsDeleted)
                        Volatile.Write(ref complete, false);
                });
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        if (complete)
            await DeleteSharedAsync(org, integration);
        return (cleared, complete);
    }

    private static bool IsLeft(Integration integration, Connection connection) =>
        (integration.Archived || connection.Epoch < integration.ConnectionEpoch) && (connection.Status == ConnectionStatus.Connected || connection.CredentialVersion is not null);

    /// <summary>The secrets of the integration itself go last: the provider asks for the app's secret when a grant is revoked.</summary>
    private async Task DeleteSharedAsync(OrgId org, Integration integration)
    {
        if (integration.Archived || integration.ServerTokenVersion is null)
            await vault.DeleteAsync(org, CredentialName.ServerToken(integration.Id), CancellationToken.None);
        if (integration.Archived)
            await vault.DeleteAsync(org, CredentialName.ClientSecret(integration.Id), CancellationToken.None);
    }

    /// <summary>A name for the note of an integration; connections have other ones.</summary>
    private static ConnectionId NoteOf(IntegrationId integration) => Ids.Named<ConnectionId>($"clearing\n{integration}");
}
