using System.Collections.Immutable;
using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.Vault;

/// <summary>Stores a new credential of a person: into the vault first, then the row. Connecting again keeps the connection's id and ends what was there.</summary>
public sealed class ConnectionWriter(IConnectionStore connections, GrantVault grants, GrantRemoval removal, RefreshFiling filing, IAuditLog audit, TimeProvider time)
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    /// <summary>Stores what a provider granted.</summary>
    public async Task<Connection> SaveGrantAsync(OrgId org, User user, Integration integration, ProviderApp app, TokenAnswer answer, string? account, ImmutableArray<string> missing)
    {
        var grant = new StoredGrant
        {
            AccessToken = answer.AccessToken ?? throw new ArgumentException("The answer holds no access token.", nameof(answer)),
            RefreshToken = answer.RefreshToken,
            ExpiresAt = answer.ExpiresAt,
            Scopes = answer.Scopes ?? [],
            TokenType = answer.TokenType,
            GrantedAt = StoredGrant.OriginOf(app),
        };
        var (written, replaced) = await WriteAsync(org, user, integration, grant.ToSecret(), grant.AccessToken, connection => connection with
        {
            Account = account,
            // Whoever tells whose token it is has accepted it.
            Validity = account is null ? Validity.Unknown : Validity.Valid,
            CheckedAt = account is null ? null : connection.ConnectedAt,
            CheckMessage = account is null ? null : $"{app.Name} accepted it.",
            Scopes = grant.Scopes,
            AccessExpiresAt = grant.ExpiresAt,
            Refreshable = grant.RefreshToken is not null,
        });
        await audit.AppendAsync(org, ConnectionEvents.Connected(time.GetUtcNow(), integration, written, user, missing), CancellationToken.None);
        if (replaced is { } old && old.Grant.RefreshToken?.Reveal() != grant.RefreshToken?.Reveal() && (app.RevokesSingly || (account is not null && account != old.Account)))
            await removal.RevokeAsync(org, integration, old.Grant);
        return written;
    }

    /// <summary>Stores what a person typed in, with what asking the service came to.</summary>
    public async Task<Connection> SaveProvidedAsync(OrgId org, User user, Integration integration, Secret provided, CredentialVerdict verdict)
    {
        var (written, _) = await WriteAsync(org, user, integration, provided, provided, verdict.NoteOn);
        await audit.AppendAsync(org, ConnectionEvents.Connected(time.GetUtcNow(), integration, written, user, []), CancellationToken.None);
        return written;
    }

    private async Task<(Connection Written, (StoredGrant Grant, string? Account)? Replaced)> WriteAsync(
        OrgId org, User user, Integration integration, Secret content, Secret accessToken, Func<Connection, Connection> fill)
    {
        while (true)
        {
            var row = await connections.FindAsync(org, user.Id, integration.Id, CancellationToken.None);
            var now = time.GetUtcNow();
            if (row is { Value.Status: ConnectionStatus.Disconnected } && row.Value.LeaseUntil > now)
            {
                // The secrets of the connection before are being deleted under the same name; ours would go with them.
                await Task.Delay(Poll, time, CancellationToken.None);
                continue;
            }
            var replaced = row is { Value.Status: ConnectionStatus.Connected } && integration.AuthMode == AuthMode.Oauth
                ? await grants.ReadAsync(org, row.Value, CancellationToken.None) : null;
            var connection = fill(new Connection
            {
                // The id follows from person and integration, so that two tabs that connect at once agree on it.
                Id = row?.Value.Id ?? Ids.Named<ConnectionId>($"{org}\n{user.Id}\n{integration.Id}"),
                User = user.Id,
                Integration = integration.Id,
                Epoch = integration.ConnectionEpoch,
                Status = ConnectionStatus.Connected,
                // A refresh under way loses its lease, so that it cannot bring the old grant back.
                Fence = (row?.Value.Fence ?? 0) + 1,
                ConnectedAt = now,
                GrantRevokedAt = row?.Value.GrantRevokedAt,
            });
            var version = await grants.PutAsync(org, connection.Id, content, CancellationToken.None);
            var pointing = await grants.PointAsync(org, connection, version, accessToken, CancellationToken.None);
            // Before the row, so that a crash in between leaves a note too many and not one too few.
            await filing.FileAsync(org, pointing);
            var written = row is null
                ? await connections.InsertAsync(org, pointing, CancellationToken.None)
                : await connections.ReplaceAsync(org, row, pointing, cutOff: true, CancellationToken.None);
            if (written is null)
                continue;
            await TrimAsync(org, written.Value);
            return (written.Value, replaced is null ? null : (replaced, row!.Value.Account));
        }
    }

    private async Task TrimAsync(OrgId org, Connection connection)
    {
        try
        {
            await grants.TrimAsync(org, connection, CancellationToken.None);
        }
        catch (Exception)
        {
            // Older versions hold what was replaced; the next change removes them.
        }
    }
}
