using Kontext.Domain.Integrations;

namespace Kontext.Domain.Vault;

/// <summary>What became of a grant at the provider.</summary>
public enum ProviderRevocation
{
    /// <summary>There was none.</summary>
    Nothing,

    /// <summary>The provider confirmed that it is dead.</summary>
    Revoked,

    /// <summary>The provider offers no way; the token dies with its expiry, or when the person removes the app there.</summary>
    NotOffered,

    /// <summary>The provider could not be told.</summary>
    Failed,
}

/// <summary>What the removal of a connection's secrets came to.</summary>
/// <param name="AtProvider">What became of the grant at the provider.</param>
/// <param name="SecretsDeleted">The vault no longer holds anything of it.</param>
/// <param name="LivesUntil">When an access token that could not be revoked ends; null when it was revoked or nobody knows.</param>
/// <param name="Detail">Why something could not be done, in words; null when all was.</param>
public sealed record RemovalReport(ProviderRevocation AtProvider, bool SecretsDeleted, DateTimeOffset? LivesUntil, string? Detail)
{
    /// <summary>Until when the operators of the vault could bring back what was deleted (soft delete); null when nobody can. Kontext itself never does.</summary>
    public DateTimeOffset? RecoverableUntil { get; init; }
}

/// <summary>Cleans up after a disconnected connection: revokes at the provider, then deletes from the vault. Can be repeated.
/// A connection keeps its vault name when the person reconnects, so the row is leased meanwhile and a reconnecting person waits those seconds.</summary>
public sealed class GrantRemoval(IConnectionStore connections, GrantVault grants, ProviderDirectory providers, IProviderClient client, IParkedGrants parked, TimeProvider time)
{
    /// <summary>How long a removal may hold a disconnected row.</summary>
    public static readonly TimeSpan LeaseLife = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan DeleteLimit = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    /// <summary>Removes what belongs to the disconnected row, and <paramref name="also"/>, a grant that no row points to. Does nothing once the person has connected again.</summary>
    public async Task<RemovalReport> RunAsync(OrgId org, Integration integration, Versioned<Connection> ended, StoredGrant? also, CancellationToken cancellationToken)
    {
        if (await LeaseAsync(org, ended, cancellationToken) is not { } lease)
            return new RemovalReport(ProviderRevocation.Nothing, SecretsDeleted: false, LivesUntil: null, "The person has connected again.");

        var connection = lease.Value;
        var grant = also ?? await grants.ReadLatestAsync(org, connection.Id, CancellationToken.None);
        var (atProvider, detail) = await RevokeAsync(org, integration, grant);
        if (atProvider == ProviderRevocation.Failed && grant is not null)
            detail = await ParkAsync(org, connection, grant, detail);
        // INVARIANT: nothing is deleted outside the lease, or a grant stored by a reconnect could go with it.
        var (deleted, recoverableUntil) = lease.Value.LeaseUntil - time.GetUtcNow() > DeleteLimit ? await DeleteAsync(org, connection.Id) : (false, null);
        var removed = connection with
        {
            LeaseUntil = null,
            CredentialVersion = deleted ? null : connection.CredentialVersion,
            GrantRevokedAt = atProvider == ProviderRevocation.Revoked ? time.GetUtcNow() : connection.GrantRevokedAt,
        };
        await connections.ReplaceAsync(org, lease, removed, cutOff: false, CancellationToken.None);
        var livesUntil = atProvider is ProviderRevocation.NotOffered or ProviderRevocation.Failed ? grant?.ExpiresAt : null;
        return new RemovalReport(atProvider, deleted, livesUntil, detail ?? (deleted ? null : "The vault could not be reached; deleting is tried again every few minutes."))
        {
            RecoverableUntil = recoverableUntil,
        };
    }

    /// <summary>Revokes a grant at the provider. Best effort: the outcome is the report.</summary>
    public async Task<(ProviderRevocation AtProvider, string? Detail)> RevokeAsync(OrgId org, Integration integration, StoredGrant? grant)
    {
        if (grant is null)
            return (ProviderRevocation.Nothing, null);
        try
        {
            if (!(await providers.ResolveAsync(org, integration, CancellationToken.None)).TryGet(out var app, out var failure))
                return (ProviderRevocation.Failed, failure.Message);
            if (!grant.IsOf(app))
                return (ProviderRevocation.Failed, $"The integration's provider was changed meanwhile, so the one that granted access could not be told; the person can remove the app in their account there.");
            if (app.RevocationEndpoint is null)
                return (ProviderRevocation.NotOffered, $"{app.Name} offers no way to revoke by program; the person can remove the app in their account there.");
            if (!(await TokenToRevokeAsync(app, grant)).TryGet(out var token, out failure))
                return (ProviderRevocation.Failed, failure.Message);
            var revoked = await client.RevokeAsync(app, token.Token, token.Hint, CancellationToken.None);
            return revoked.TryGet(out _, out failure) ? (ProviderRevocation.Revoked, null) : (ProviderRevocation.Failed, failure.Message);
        }
        catch (Exception)
        {
            return (ProviderRevocation.Failed, "The OAuth app's secret could not be read.");
        }
    }

    /// <summary>Revoking the refresh token ends the whole grant where both exist (RFC 7009 section 2.1). A provider that wants a living access token gets one,
    /// for with an ended one nothing would be revoked.</summary>
    private async Task<Result<(Secret Token, string Hint)>> TokenToRevokeAsync(ProviderApp app, StoredGrant grant)
    {
        var wantsAccess = app.Revocation is { Token: RevokedToken.Access };
        if (grant.RefreshToken is { } refreshToken && !wantsAccess)
            return (refreshToken, "refresh_token");
        if (!wantsAccess || grant.RefreshToken is null || grant.ExpiresAt is not { } end || end > time.GetUtcNow())
            return (grant.AccessToken, "access_token");
        if (!(await client.RefreshAsync(app, grant.RefreshToken, CancellationToken.None)).TryGet(out var renewed, out var failure))
            return failure;
        return renewed.AccessToken is { } living ? (living, "access_token") : new Failure(FailureCode.UpstreamFailed, renewed.Problem ?? $"{app.Name} answered without an access token.");
    }

    /// <summary>Has the provider told later. That is done before the vault forgets the grant.</summary>
    private async Task<string?> ParkAsync(OrgId org, Connection connection, StoredGrant grant, string? detail)
    {
        try
        {
            await parked.ParkAsync(org, connection.User, connection.Integration, grant, CancellationToken.None);
            return $"{detail?.TrimEnd('.')}; the provider is told again, for a day.";
        }
        catch (Exception)
        {
            // The report says that the provider could not be told, and does not promise that it will be.
            return detail;
        }
    }

    private async Task<Versioned<Connection>?> LeaseAsync(OrgId org, Versioned<Connection> ended, CancellationToken cancellationToken)
    {
        for (Versioned<Connection>? row = ended; row is { Value.Status: ConnectionStatus.Disconnected };
            row = await connections.FindAsync(org, ended.Value.User, ended.Value.Integration, cancellationToken))
        {
            var now = time.GetUtcNow();
            if (row.Value.LeaseUntil > now)
            {
                await Task.Delay(Poll, time, cancellationToken);
                continue;
            }
            if (await connections.ReplaceAsync(org, row, row.Value with { Fence = row.Value.Fence + 1, LeaseUntil = now + LeaseLife }, cutOff: false, cancellationToken) is { } leased)
                return leased;
        }
        return null;
    }

    private async Task<(bool Deleted, DateTimeOffset? RecoverableUntil)> DeleteAsync(OrgId org, ConnectionId connection)
    {
        try
        {
            using var limit = new CancellationTokenSource(DeleteLimit, time);
            return (true, await grants.DeleteAsync(org, connection, limit.Token));
        }
        catch (Exception)
        {
            return (false, null);
        }
    }
}
