using Kontext.Domain.Integrations;

namespace Kontext.Domain.Vault;

/// <summary>What the holder of a lease does: repair what an earlier refresh left behind, call the provider, store the answer before anything points to it.</summary>
public sealed class LeasedRefresh(GrantVault grants, ProviderDirectory providers, IProviderClient client, RefreshOutcome outcome, TimeProvider time)
{
    // 0.1 s to 6.4 s, doubling: together less than half a lease, which is renewed in between.
    private const int StoreAttempts = 8;

    /// <summary>Refreshes under the lease. <paramref name="living"/> is the old token while it can still be served, <paramref name="rejected"/> one the integration refused.</summary>
    public async Task<Result<OpenedCredential>> RunAsync(OrgId org, Integration integration, RefreshLease lease, OpenedCredential? living, Secret? rejected)
    {
        StoredGrant? grant;
        ProviderApp? app;
        try
        {
            var unclaimed = lease.Interrupted ? await grants.FindUnclaimedAsync(org, lease.Row.Value, CancellationToken.None) : null;
            if (unclaimed is { } left && IsUsable(left.Grant, rejected))
                return await outcome.ClaimAsync(org, integration, lease, left.Version, left.Grant);
            grant = unclaimed?.Grant ?? await grants.ReadAsync(org, lease.Row.Value, CancellationToken.None);
            if (grant?.RefreshToken is null)
                return await outcome.EndAsync(org, integration, lease.Row, "the stored grant cannot be read", ConnectionEnds.Unreadable, CancellationToken.None);
            if (!(await providers.ResolveAsync(org, integration, CancellationToken.None)).TryGet(out app, out var unresolved))
                return await outcome.PostponeAsync(org, integration, lease, living, unresolved);
            if (!grant.IsOf(app))
                return await outcome.EndAsync(org, integration, lease.Row, "an administrator changed the provider it is connected at", ConnectionEnds.ModeChanged, CancellationToken.None);
        }
        catch
        {
            await outcome.ReleaseAsync(org, lease);
            throw;
        }

        // From here on the refresh token may be spent: whatever happens to the caller, the answer has to be stored.
        if (!(await client.RefreshAsync(app, grant.RefreshToken, CancellationToken.None)).TryGet(out var answer, out var failure))
        {
            return failure.Code == FailureCode.InvalidGrant
                ? await EndAsync(org, integration, lease, failure)
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

    private async Task<Result<OpenedCredential>> EndAsync(OrgId org, Integration integration, RefreshLease lease, Failure failure)
    {
        // A refresher that outlived its lease may have stored its answer while we asked with a spent token.
        if (await grants.FindUnclaimedAsync(org, lease.Row.Value, CancellationToken.None) is { } left)
            return await outcome.ClaimAsync(org, integration, lease, left.Version, left.Grant);
        var reason = lease.Interrupted
            ? "the last refresh was interrupted, and the provider no longer accepts what we had before it"
            : "the provider ended the grant: it expired, or access was withdrawn there";
        return await outcome.EndAsync(org, integration, lease.Row, reason, ConnectionEnds.GrantEnded, CancellationToken.None, failure.Detail);
    }

    /// <summary>Stores the provider's answer. It exists nowhere else, so a vault that fails is asked again for as long as the lease can be kept.</summary>
    private async Task<(string Version, RefreshLease Lease)> StoreAsync(OrgId org, RefreshLease lease, StoredGrant renewed)
    {
        var delay = TimeSpan.FromMilliseconds(100);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return (await grants.PutAsync(org, lease.Row.Value.Id, renewed.ToSecret(), CancellationToken.None), lease);
            }
            catch (Exception) when (attempt < StoreAttempts)
            {
                await Task.Delay(delay, time, CancellationToken.None);
                delay *= 2;
                lease = await outcome.RenewAsync(org, lease);
            }
        }
    }

    private bool IsUsable(StoredGrant grant, Secret? rejected) =>
        (grant.ExpiresAt is not { } end || end > time.GetUtcNow()) && grant.AccessToken.Reveal() != rejected?.Reveal();
}
