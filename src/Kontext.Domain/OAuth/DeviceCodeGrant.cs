namespace Kontext.Domain.OAuth;

/// <summary>Redeems a device code once the person has approved; until then tells the agent how to go on (RFC 8628 sections 3.4 and 3.5).</summary>
public sealed class DeviceCodeGrant(IDeviceAuthorizationStore authorizations, AuthorizationCodeGrant approvals, TimeProvider time)
{
    /// <summary>For an application whose settings do not include this grant.</summary>
    internal static readonly Failure NotAllowed = new(FailureCode.UnauthorizedClient, "This application may not use the device authorization grant. An administrator can allow it in the application's OAuth settings.");

    private static readonly Failure Invalid = new(FailureCode.InvalidGrant, "The device code is not valid: it is unknown, already redeemed or another client's. Start a new device authorization.");

    /// <summary>Runs the grant.</summary>
    public async Task<Result<TokenResponse>> RunAsync(TokenClient.Agent client, TokenRequest.DeviceCode request, CancellationToken cancellationToken)
    {
        if (!client.Application.MayUseDeviceGrant)
            return NotAllowed;
        var presented = request.Code.Reveal();
        if (!OrgHandle.TryRead(presented, OrgHandle.DeviceCode, out var org) || org != client.Org)
            return Invalid;
        while (true)
        {
            var now = time.GetUtcNow();
            if (await authorizations.FindAsync(org, RandomValue.HashOf(presented), cancellationToken) is not { } current
                || current.Value.Application != client.Application.Id)
                return Invalid;
            if (now >= current.Value.ExpiresAt)
                return new Failure(FailureCode.ExpiredToken, "The device code has expired before it was redeemed. Start a new device authorization.");
            if (current.Value.Decision == DeviceDecision.Denied)
                return new Failure(FailureCode.AccessDenied, "The person refused.");
            if (current.Value.Decision == DeviceDecision.Approved)
                return await RedeemAsync(client, current.Value, request, cancellationToken);

            var (next, tooEarly) = current.Value.Polled(now);
            if (await authorizations.ReplaceAsync(org, current, next, cancellationToken) is null)
                continue; // Another poll, or the person, came in between: look again.
            return tooEarly
                ? new Failure(FailureCode.SlowDown, $"Polling is too fast: wait {next.Interval.TotalSeconds:0} seconds from now on.")
                : new Failure(FailureCode.AuthorizationPending, "The person has not decided yet. Ask again after the interval.");
        }
    }

    private async Task<Result<TokenResponse>> RedeemAsync(TokenClient.Agent client, DeviceAuthorization authorization, TokenRequest.DeviceCode request, CancellationToken cancellationToken)
    {
        if (authorization is not { User: { } user, SignedInAt: { } signedInAt })
            throw new InvalidOperationException("An approved device authorization names nobody who approved.");
        if (!approvals.Narrow(authorization.Resources, request.Resources).TryGet(out var targets, out var failure))
            return failure;
        // From here on it is what an authorization code stands for, except that it was sent nowhere.
        var approval = new AuthorizationCode
        {
            Hash = authorization.CodeHash,
            Application = authorization.Application,
            User = user,
            RedirectUri = "",
            Scopes = authorization.Scopes,
            Resources = authorization.Resources,
            Approved = authorization.Approved,
            SignedInAt = signedInAt,
            Session = authorization.Session,
            ExpiresAt = authorization.ExpiresAt,
        };
        return await approvals.RedeemAsync(client, approval, targets, Grant, Invalid, cancellationToken);
    }

    /// <summary>The grant's name in the audit trail.</summary>
    private const string Grant = "device_code";
}
