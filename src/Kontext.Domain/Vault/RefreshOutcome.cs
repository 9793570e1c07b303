using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;
using Kontext.Domain.Observability;

namespace Kontext.Domain.Vault;

/// <summary>Writes how a refresh ended. Every write is conditional on the lease's fence, so that a refresher that lost its lease overwrites nothing and a disconnect meanwhile wins.</summary>
public sealed class RefreshOutcome(IConnectionStore connections, GrantVault grants, GrantRemoval removal, RefreshFiling filing, IAuditLog audit, TimeProvider time)
{
    private const int WriteAttempts = 4;

    /// <summary>Points the row to a stored grant and gives the credential.</summary>
    public async Task<Result<OpenedCredential>> ClaimAsync(OrgId org, Integration integration, RefreshLease lease, string version, StoredGrant grant)
    {
        var (before, now) = (lease.Row.Value, time.GetUtcNow());
        Connection Renewed(Connection current) => Released(Granted(current, grant)) with
        {
            RefreshedAt = now, RefreshIntentAt = null, RetryAt = null, Failures = 0, LastError = null,
            // What the provider said of the token before says nothing about this one, unless it was good.
            Validity = current.Validity == Validity.Invalid ? Validity.Unknown : current.Validity,
        };
        // Before the row, so that a crash in between leaves a note too many and not one too few.
        await filing.FileAsync(org, Renewed(before));
        var written = await WriteAsync(org, lease, version, Renewed, grant.AccessToken);
        if (written is null)
            return await YieldAsync(org, integration, before, grant);

        Measures.Refresh("renewed");
        await audit.AppendAsync(org, ConnectionEvents.Refreshed(time.GetUtcNow(), integration, before, written.Value), CancellationToken.None);
        if (before.Failures > 0)
            await audit.AppendAsync(org, ConnectionEvents.Of(ConnectionEvents.Recovered, time.GetUtcNow(), integration, written.Value), CancellationToken.None);
        await TrimAsync(org, written.Value);
        return new OpenedCredential(grant.AccessToken, grant.ExpiresAt, grant.Scopes);
    }

    /// <summary>Points the row to a stored grant whose access token is not new, and keeps the lease.</summary>
    public async Task<RefreshLease> PointAsync(OrgId org, RefreshLease lease, string version, StoredGrant grant) =>
        await WriteAsync(org, lease, version, current => Granted(current, grant), grant.AccessToken) is { } written ? lease with { Row = written } : lease;

    /// <summary>Notes a failure that is not the grant's end, and serves the old token while it lives.</summary>
    public async Task<Result<OpenedCredential>> PostponeAsync(OrgId org, Integration integration, RefreshLease lease, OpenedCredential? living, Failure failure)
    {
        Measures.Refresh("postponed");
        var now = time.GetUtcNow();
        var misconfigured = failure.Code == FailureCode.Misconfigured;
        var failures = lease.Row.Value.Failures + 1;
        var wait = Backoff.After(failures, failure.RetryAfter);
        var written = await ReplaceAsync(org, lease.Row, current => Released(current) with
        {
            Failures = failures,
            LastError = failure.Message,
            // An administrator who corrects the settings should not have to wait.
            RetryAt = misconfigured ? null : now + wait,
            // Without a usable answer the refresh token may be spent all the same.
            RefreshIntentAt = lease.Interrupted || failure.Code == FailureCode.UpstreamFailed ? current.RefreshIntentAt : null,
        }, cutOff: false, CancellationToken.None);
        if (written is not null && failures == 1)
            await audit.AppendAsync(org, ConnectionEvents.Failing(now, integration, written.Value, failure), CancellationToken.None);
        if (living is not null && (living.ExpiresAt is not { } end || end > now))
            return living;
        return misconfigured ? failure : ConnectionWords.Later(integration, failure.Message, wait) with { Detail = failure.Detail };
    }

    /// <summary>The grant is dead: the person has to connect again.</summary>
    public async Task<Result<OpenedCredential>> EndAsync(
        OrgId org, Integration integration, Versioned<Connection> row, string reason, string errorType, CancellationToken cancellationToken, string? detail = null)
    {
        var ended = await ReplaceAsync(org, row, current => Released(current) with
        {
            Status = ConnectionStatus.Disconnected, Reason = reason, ReasonCode = errorType, DisconnectedAt = time.GetUtcNow(), LastError = reason,
            Validity = Validity.Invalid, SealedAccessToken = null, RefreshIntentAt = null, RetryAt = null,
        }, cutOff: true, cancellationToken);
        if (ended is null)
            return await YieldAsync(org, integration, row.Value, unclaimed: null);
        Measures.Refresh("ended");
        await audit.AppendAsync(org, ConnectionEvents.Disconnected(time.GetUtcNow(), integration, ended.Value, errorType), CancellationToken.None);
        return ConnectionWords.NotConnected(integration, reason) with { Detail = detail };
    }

    /// <summary>Gives the lease back before the provider was called. If that fails too, the lease runs out by itself.</summary>
    public async Task ReleaseAsync(OrgId org, RefreshLease lease)
    {
        try
        {
            var next = Released(lease.Row.Value) with { RefreshIntentAt = lease.Interrupted ? lease.Row.Value.RefreshIntentAt : null };
            await connections.ReplaceAsync(org, lease.Row, next, cutOff: false, CancellationToken.None);
        }
        catch (Exception)
        {
            // The caller is about to rethrow what went wrong first.
        }
    }

    /// <summary>The lease with time enough for what follows; null when it was lost meanwhile.</summary>
    public async Task<RefreshLease?> HoldAsync(OrgId org, RefreshLease lease)
    {
        var now = time.GetUtcNow();
        if (lease.Row.Value.LeaseUntil - now > CredentialRefresh.LeaseLife - CredentialRefresh.RenewEvery)
            return lease;
        var next = lease.Row.Value with { LeaseUntil = now + CredentialRefresh.LeaseLife };
        return await connections.ReplaceAsync(org, lease.Row, next, cutOff: false, CancellationToken.None) is { } written ? lease with { Row = written } : null;
    }

    /// <summary>Extends the lease; the same one when it was lost or the store fails, which the next conditional write finds out.</summary>
    public async Task<RefreshLease> RenewAsync(OrgId org, RefreshLease lease)
    {
        try
        {
            var next = lease.Row.Value with { LeaseUntil = time.GetUtcNow() + CredentialRefresh.LeaseLife };
            return await connections.ReplaceAsync(org, lease.Row, next, cutOff: false, CancellationToken.None) is { } written ? lease with { Row = written } : lease;
        }
        catch (Exception)
        {
            return lease;
        }
    }

    /// <summary>Writes while nobody else holds the connection; null when somebody does. The row may have moved on under the same fence: by a renewal whose answer was lost.</summary>
    private async Task<Versioned<Connection>?> ReplaceAsync(OrgId org, Versioned<Connection> row, Func<Connection, Connection> change, bool cutOff, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await connections.ReplaceAsync(org, row, change(row.Value), cutOff, cancellationToken) is { } written)
                return written;
            if (await connections.FindAsync(org, row.Value.User, row.Value.Integration, cancellationToken) is not { Value.Status: ConnectionStatus.Connected } current
                || current.Value.Fence != row.Value.Fence || current.Version == row.Version)
                return null;
            row = current;
        }
    }

    private async Task<Versioned<Connection>?> WriteAsync(OrgId org, RefreshLease lease, string version, Func<Connection, Connection> change, Secret accessToken)
    {
        var row = lease.Row;
        var delay = TimeSpan.FromMilliseconds(100);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var next = await grants.PointAsync(org, change(row.Value), version, accessToken, CancellationToken.None);
                if (await connections.ReplaceAsync(org, row, next, cutOff: false, CancellationToken.None) is { } written)
                    return written;
                // INVARIANT: only the holder of the newest fence writes a credential.
                if (await connections.FindAsync(org, row.Value.User, row.Value.Integration, CancellationToken.None) is not { } current
                    || current.Value.Status != ConnectionStatus.Connected || current.Value.Fence != row.Value.Fence)
                    return null;
                if (current.Value.CredentialVersion == version)
                    return current;
                row = current;
            }
            catch (Exception) when (attempt < WriteAttempts)
            {
                // The grant is in the vault; what fails here is repaired by the next refresh, but better now.
                await Task.Delay(delay, time, CancellationToken.None);
                delay *= 2;
            }
        }
    }

    /// <summary>Somebody else's write came first: a disconnect, a new connection or another refresher. Theirs stands.</summary>
    private async Task<Result<OpenedCredential>> YieldAsync(OrgId org, Integration integration, Connection lost, StoredGrant? unclaimed)
    {
        var current = await connections.FindAsync(org, lost.User, lost.Integration, CancellationToken.None);
        if (current is { Value.Status: ConnectionStatus.Connected })
        {
            var now = time.GetUtcNow();
            var alive = current.Value.AccessExpiresAt is not { } end || end > now;
            return alive && await grants.OpenAccessTokenAsync(org, current.Value, CancellationToken.None) is { } token
                ? new OpenedCredential(token, current.Value.AccessExpiresAt, current.Value.Scopes)
                : ConnectionWords.Later(integration, "another refresh is under way", TimeSpan.FromSeconds(1));
        }
        if (current is not null && unclaimed is not null)
            await removal.RunAsync(org, integration, current, unclaimed, CancellationToken.None);
        return ConnectionWords.NotConnected(integration, ConnectionState.Of(integration, current?.Value, time.GetUtcNow()));
    }

    private async Task TrimAsync(OrgId org, Connection connection)
    {
        try
        {
            await grants.TrimAsync(org, connection, CancellationToken.None);
        }
        catch (Exception)
        {
            // Older versions hold spent tokens; the next refresh removes them.
        }
    }

    private static Connection Granted(Connection connection, StoredGrant grant) =>
        connection with { AccessExpiresAt = grant.ExpiresAt, Scopes = grant.Scopes, Refreshable = grant.RefreshToken is not null };

    private static Connection Released(Connection connection) => connection with { LeaseUntil = null };
}

/// <summary>How long to leave a provider alone after failures in a row.</summary>
public static class Backoff
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan LongestAsked = TimeSpan.FromHours(1);

    /// <summary>Doubles from a second to five minutes, with jitter so that instances do not return together; never shorter than the provider asked for, within an hour.</summary>
    public static TimeSpan After(int failures, TimeSpan? retryAfter)
    {
        var ceiling = Math.Min(Longest.TotalMilliseconds, 1000 * Math.Pow(2, Math.Min(failures - 1, 20)));
        var wait = TimeSpan.FromMilliseconds((ceiling / 2) + RandomValue.Below((int)(ceiling / 2) + 1));
        var asked = retryAfter < LongestAsked ? retryAfter.GetValueOrDefault() : retryAfter is null ? TimeSpan.Zero : LongestAsked;
        return wait > asked ? wait : asked + TimeSpan.FromMilliseconds(RandomValue.Below(1000));
    }
}
