using Kontext.Domain.Integrations;

namespace Kontext.Domain.Vault;

/// <summary>What the holder of a lease does: repair what an earlier refresh left behind, call the provider, store the answer before anything points to it.</summary>
public sealed class LeasedRefresh(GrantVault grants, ProviderDirectory providers, IProviderClient client, RefreshOutcome outcome, TimeProvider time)
{
    // Together with the time an attempt may take it is less than a lease, which is renewed in between.
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    /// <summary>Refreshes under the lease. <paramref name="living"/> is the old token while it can still be served, <paramref name="rejected"/> one the integration refused.</summary>
    public async Task<Result<OpenedCredential>> RunAsync(OrgId org, Integration integration, RefreshLease lease, OpenedCredential? living, Secret? rejected)
    {
        StoredGrant? grant;
        ProviderApp? app;
        (string Version, StoredGrant Grant)? unclaimed;
        try
        {
            unclaimed = lease.Interrupted ? await grants.FindUnclaimedAsync(org, lease.Row.Value, CancellationToken.None) : null;
            if (unclaimed is { } left && IsUsable(left.Grant, rejected))
                return await outcome.ClaimAsync(org, integration, lease, left.Version, left.Grant);
            grant = unclaimed?.Grant ?? await grants.ReadAsync(org, lease.Row.Value, CancellationToken.None);
            if (grant?.RefreshToken is null)
                return await outcome.EndAsync(org, integration, lease.Row, "the stored grant cannot be read", ConnectionEnds.Unreadable, CancellationToken.None);
            if (!(await providers.ResolveAsync(org, integration, CancellationToken.None)).TryGet(out app, out var unresolved))
                return await outcome.PostponeAsync(org, integration, lease, living, unresolved);
            if (!grant.IsOf(app))
                return await outcome.EndAsync(org, integration, lease.Row, "an administrator changed the provider it is connected at", ConnectionEnds.ModeChanged, CancellationToken.None);
            // INVARIANT: nobody presents a refresh token on a lease that is about to end: storage may have been slow, and a successor would present it too.
            if (await outcome.HoldAsync(org, lease) is not { } held)
                return living is not null ? living : ConnectionWords.Later(integration, "another refresh is under way", TimeSpan.FromSeconds(1));
            lease = held;
        }
        catch
        {
            await outcome.ReleaseAsync(org, lease);
            throw;
        }

        // From here on the refresh token may be spent: whatever happens to the caller, the answer has to be stored.
        var call = client.RefreshAsync(app, grant.RefreshToken, CancellationToken.None);
        lease = await HoldAsync(org, lease, call);
        if (!(await call).TryGet(out var answer, out var failure))
        {
            if (failure.Code == FailureCode.InvalidClient)
            {
                // The refresh token was this client's, so it ends with it (RFC 6749 section 6).
                await providers.ForgetClientAsync(org, integration, app, CancellationToken.None);
                return await outcome.EndAsync(org, integration, lease.Row, "its authorization server no longer knows the client that Kontext registered there", ConnectionEnds.GrantEnded, CancellationToken.None, failure.Detail);
            }
            return failure.Code == FailureCode.InvalidGrant
                ? await EndAsync(org, integration, lease, unclaimed?.Version, living, failure)
                : await outcome.PostponeAsync(org, integration, lease, living, failure);
        }
        if (answer.AccessToken is null && answer.RefreshToken is null)
            return await outcome.PostponeAsync(org, integration, lease, living, new Failure(FailureCode.UpstreamFailed, answer.Problem ?? $"{app.Name} answered without a token."));

        var renewed = Renew(lease.Row.Value, grant, answer);
        (var version, lease) = await StoreAsync(org, lease, renewed);
        return answer.AccessToken is not null
            ? await outcome.ClaimAsync(org, integration, lease, version, renewed)
            : await outcome.PostponeAsync(org, integration, await outcome.PointAsync(org, lease, version, renewed), living, new Failure(FailureCode.UpstreamFailed, answer.Problem ?? $"{app.Name} answered without an access token."));
    }

    private static StoredGrant Renew(Connection connection, StoredGrant grant, TokenAnswer answer) => new()
    {
        AccessToken = answer.AccessToken ?? grant.AccessToken,
        // No new refresh token in the answer means the old one stays (RFC 6749 section 6).
        RefreshToken = answer.RefreshToken ?? grant.RefreshToken,
        ExpiresAt = answer.AccessToken is null ? grant.ExpiresAt : answer.ExpiresAt,
        Scopes = answer.Scopes ?? grant.Scopes,
        TokenType = answer.TokenType ?? grant.TokenType,
        RefreshedFrom = connection.CredentialVersion,
        GrantedAt = grant.GrantedAt,
    };

    /// <summary>The provider refused the grant. <paramref name="presented"/> is the version it was asked with, when that is not the row's.</summary>
    private async Task<Result<OpenedCredential>> EndAsync(OrgId org, Integration integration, RefreshLease lease, string? presented, OpenedCredential? living, Failure failure)
    {
        // A refresher that outlived its lease may have stored its answer while we asked with a spent token. INVARIANT: what was just refused is not such an answer, or it would be presented again.
        if (await grants.FindUnclaimedAsync(org, lease.Row.Value, CancellationToken.None) is { } left && left.Version != presented)
        {
            return IsUsable(left.Grant, rejected: null)
                ? await outcome.ClaimAsync(org, integration, lease, left.Version, left.Grant)
                : await outcome.PostponeAsync(
                    org, integration, await outcome.PointAsync(org, lease, left.Version, left.Grant), living, new Failure(FailureCode.Unavailable, "a refresh that was interrupted left a newer grant"));
        }
        var reason = lease.Interrupted
            ? "the last refresh was interrupted, and the provider no longer accepts what we had before it"
            : "the provider ended the grant: it expired, or access was withdrawn there";
        return await outcome.EndAsync(org, integration, lease.Row, reason, ConnectionEnds.GrantEnded, CancellationToken.None, failure.Detail);
    }

    /// <summary>Keeps the lease for as long as the provider takes.</summary>
    private async Task<RefreshLease> HoldAsync(OrgId org, RefreshLease lease, Task call)
    {
        using var answered = new CancellationTokenSource();
        while (await Task.WhenAny(call, Task.Delay(CredentialRefresh.RenewEvery, time, answered.Token)) != call)
            lease = await outcome.RenewAsync(org, lease);
        await answered.CancelAsync();
        return lease;
    }

    /// <summary>Stores the provider's answer. It exists nowhere else, so a vault that fails is asked again until it takes it: that ends only with the process.</summary>
    private async Task<(string Version, RefreshLease Lease)> StoreAsync(OrgId org, RefreshLease lease, StoredGrant renewed)
    {
        for (var delay = TimeSpan.FromMilliseconds(100); ; delay = delay * 2 < LongestPause ? delay * 2 : LongestPause)
        {
            try
            {
                return (await grants.PutAsync(org, lease.Row.Value.Id, renewed.ToSecret(), CancellationToken.None), lease);
            }
            catch (Exception)
            {
                await Task.Delay(delay, time, CancellationToken.None);
                lease = await outcome.RenewAsync(org, lease);
            }
        }
    }

    private bool IsUsable(StoredGrant grant, Secret? rejected) =>
        (grant.ExpiresAt is not { } end || end > time.GetUtcNow()) && grant.AccessToken.Reveal() != rejected?.Reveal();
}
