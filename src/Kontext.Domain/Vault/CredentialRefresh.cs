using Kontext.Domain.Integrations;
using Kontext.Domain.Observability;

namespace Kontext.Domain.Vault;

/// <summary>Refreshes a connection's credential so that a grant is never lost (architecture section 5): one refresher at a time over all instances, everybody else is served or waits.</summary>
public sealed class CredentialRefresh(IConnectionStore connections, GrantVault grants, LeasedRefresh leased, RefreshOutcome outcome, RefreshesUnderWay underWay, TimeProvider time)
{
    /// <summary>The longest a token endpoint may take. Giving up on an answer may cost the grant, so this is far beyond what callers wait for.</summary>
    public static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(60);

    /// <summary>How long a refresher that says nothing more is believed to be at work. It renews while it is, so this is what a killed one costs.</summary>
    public static readonly TimeSpan LeaseLife = TimeSpan.FromSeconds(30);

    /// <summary>A refresher renews its lease this often, so that it holds it through two failures to do so.</summary>
    public static readonly TimeSpan RenewEvery = LeaseLife / 3;

    // Who holds a token that lives need not wait for a slow provider.
    private static readonly TimeSpan Courtesy = TimeSpan.FromSeconds(3);

    // Long enough to take over from a refresher that was killed, short enough for an answer before most clients give up.
    private static readonly TimeSpan Patience = LeaseLife + TimeSpan.FromSeconds(5);

    private const string SlowProvider = "its provider takes long to answer";
    private static readonly TimeSpan FirstPoll = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPoll = TimeSpan.FromSeconds(1);

    // An integration that refuses a token this young will refuse the next one too; the provider must not pay for that.
    private static readonly TimeSpan TooYoungToReject = TimeSpan.FromSeconds(5);

    /// <summary>Refreshes, or waits for whoever is doing so, and gives the result.</summary>
    public Task<Result<OpenedCredential>> RunAsync(OrgId org, Integration integration, Connection connection, Secret? rejected, CancellationToken cancellationToken) =>
        ObservedAsync(org, integration, connection, rejected, ConnectionCredentials.IsDue, cancellationToken);

    /// <summary>Refreshes although the token still lives, unless somebody has done so since <paramref name="connection"/> was read.</summary>
    public Task<Result<OpenedCredential>> AheadAsync(OrgId org, Integration integration, Connection connection, CancellationToken cancellationToken) =>
        ObservedAsync(org, integration, connection, rejected: null, (current, _) => current.CredentialVersion == connection.CredentialVersion, cancellationToken);

    private async Task<Result<OpenedCredential>> ObservedAsync(
        OrgId org, Integration integration, Connection connection, Secret? rejected, Func<Connection, DateTimeOffset, bool> isDue, CancellationToken cancellationToken)
    {
        using var span = Stages.Start(Stages.Refresh);
        var opened = await RunAsync(org, integration, connection, rejected, isDue, cancellationToken);
        if (!opened.TryGet(out _, out var failure))
            span.Fail(failure);
        return opened;
    }

    private async Task<Result<OpenedCredential>> RunAsync(
        OrgId org, Integration integration, Connection connection, Secret? rejected, Func<Connection, DateTimeOffset, bool> isDue, CancellationToken cancellationToken)
    {
        var patientUntil = time.GetUtcNow() + Patience;
        for (var poll = FirstPoll; ;)
        {
            var now = time.GetUtcNow();
            var found = await connections.FindAsync(org, connection.User, integration.Id, cancellationToken);
            if (found is not { Value.Status: ConnectionStatus.Connected } row || row.Value.Epoch != integration.ConnectionEpoch)
                return ConnectionWords.NotConnected(integration, ConnectionState.Of(integration, found?.Value, now));
            var living = await FindLivingAsync(org, row.Value, rejected, now, cancellationToken);
            if (living is not null && !isDue(row.Value, now))
                return living;

            if (row.Value.LeaseUntil is { } busyUntil && busyUntil > now)
            {
                if (living is not null)
                    return living;
                if (now >= patientUntil)
                    return ConnectionWords.Later(integration, SlowProvider, LongestPoll);
                await Task.Delay(poll < busyUntil - now ? poll : busyUntil - now, time, cancellationToken);
                poll = poll * 2 < LongestPoll ? poll * 2 : LongestPoll;
                continue;
            }
            if (Refusal(integration, row.Value, rejected, now) is { } refusal)
                return living is not null ? living : refusal;
            if (!row.Value.Refreshable)
                return living is not null ? living : await EndUnrefreshableAsync(org, integration, row, rejected, cancellationToken);

            try
            {
                if (await LeaseAsync(org, row, now, cancellationToken) is { } lease)
                    return await AwaitAsync(leased.RunAsync(org, integration, lease, living, rejected), integration, living, patientUntil);
            }
            catch (Exception) when (living is not null && !cancellationToken.IsCancellationRequested)
            {
                // Our own trouble is no reason to refuse a token that lives; once it is dead the trouble surfaces.
                return living;
            }
        }
    }

    /// <summary>Waits for as long as this caller reasonably does. The refresh goes on without it.</summary>
    private async Task<Result<OpenedCredential>> AwaitAsync(Task<Result<OpenedCredential>> refresh, Integration integration, OpenedCredential? living, DateTimeOffset patientUntil)
    {
        underWay.Add(refresh);
        try
        {
            if (living is null)
                return await refresh.WaitAsync(LeftUntil(patientUntil), time);
            if (await CompletesAsync(refresh, Courtesy) || living.ExpiresAt <= time.GetUtcNow())
                return await refresh.WaitAsync(LeftUntil(patientUntil), time);
            return living;
        }
        catch (TimeoutException) when (!refresh.IsCompleted)
        {
            return ConnectionWords.Later(integration, SlowProvider, LongestPoll);
        }
    }

    private async Task<bool> CompletesAsync(Task refresh, TimeSpan within)
    {
        using var over = new CancellationTokenSource();
        var completed = await Task.WhenAny(refresh, Task.Delay(within, time, over.Token)) == refresh;
        await over.CancelAsync();
        return completed;
    }

    private TimeSpan LeftUntil(DateTimeOffset until) => until - time.GetUtcNow() is { Ticks: > 0 } left ? left : TimeSpan.Zero;

    /// <summary>The write-ahead: with the lease the row says that the refresh token may be spent from now on. Null when another writer was faster.</summary>
    private async Task<RefreshLease?> LeaseAsync(OrgId org, Versioned<Connection> row, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var interrupted = row.Value.RefreshIntentAt is not null;
        var next = row.Value with { Fence = row.Value.Fence + 1, LeaseUntil = now + LeaseLife, RefreshIntentAt = row.Value.RefreshIntentAt ?? now };
        return await connections.ReplaceAsync(org, row, next, cutOff: false, cancellationToken) is { } written ? new RefreshLease(written, interrupted) : null;
    }

    private async Task<OpenedCredential?> FindLivingAsync(OrgId org, Connection connection, Secret? rejected, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (connection.AccessExpiresAt is { } end && end <= now)
            return null;
        var token = await grants.OpenAccessTokenAsync(org, connection, cancellationToken)
            ?? (await grants.ReadAsync(org, connection, cancellationToken))?.AccessToken;
        return token is not null && token.Reveal() != rejected?.Reveal() ? new OpenedCredential(token, connection.AccessExpiresAt, connection.Scopes) : null;
    }

    private static Failure? Refusal(Integration integration, Connection connection, Secret? rejected, DateTimeOffset now)
    {
        if (connection.RetryAt is { } retryAt && retryAt > now)
            return ConnectionWords.Later(integration, connection.LastError, retryAt - now);
        return rejected is not null && connection.RefreshedAt is { } refreshed && now - refreshed < TooYoungToReject
            ? new Failure(FailureCode.UpstreamFailed, $"{integration.Name} refuses a token that its provider issued just now. The account may lack access, or the integration may be down.")
            : null;
    }

    private async Task<Result<OpenedCredential>> EndUnrefreshableAsync(OrgId org, Integration integration, Versioned<Connection> row, Secret? rejected, CancellationToken cancellationToken)
    {
        // One refusal by the integration proves little, so the connection stays; a token past its end proves itself dead.
        if (rejected is not null && !(row.Value.AccessExpiresAt <= time.GetUtcNow()))
            return ConnectionWords.NotConnected(integration, "it refused the stored token, and the provider gave none to renew it with");
        return await outcome.EndAsync(org, integration, row, "its token ended, and the provider gave none to renew it with", ConnectionEnds.Expired, cancellationToken);
    }
}

/// <summary>The right to refresh a connection until <see cref="Connection.LeaseUntil"/>; void as soon as the row has another fence.</summary>
/// <param name="Row">The row as the lease was written.</param>
/// <param name="Interrupted">An earlier refresh left its intent standing: its result may be in the vault, or lost.</param>
public sealed record RefreshLease(Versioned<Connection> Row, bool Interrupted);
