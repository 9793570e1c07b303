using Kontext.Domain.Tenancy;

namespace Kontext.Domain.Vault;

/// <summary>Keeps connect sessions.</summary>
public interface IConnectSessionStore
{
    /// <summary>Adds one; its hash is new.</summary>
    Task InsertAsync(OrgId org, ConnectSession session, CancellationToken cancellationToken);

    /// <summary>The one with this hash; null when there is none. It may have expired.</summary>
    Task<Versioned<ConnectSession>?> FindAsync(OrgId org, string handleHash, CancellationToken cancellationToken);

    /// <summary>Writes if nobody wrote since; null when somebody did.</summary>
    Task<Versioned<ConnectSession>?> ReplaceAsync(OrgId org, Versioned<ConnectSession> current, ConnectSession next, CancellationToken cancellationToken);
}

/// <summary>Makes connect links that work for a quarter of an hour, for one person (contract 5.1).</summary>
public sealed class ConnectLinks(IConnectSessionStore sessions, ConnectAddresses addresses, TimeProvider time) : IConnectLinks
{
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(15);

    /// <inheritdoc/>
    public Task<ConnectLink> CreateAsync(AgentCaller caller, IntegrationId? integration, string? returnUrl, CancellationToken cancellationToken) =>
        CreateAsync(caller.Org, caller.Application, caller.User, integration, MayReturnTo(caller.Application, returnUrl) ? returnUrl : null, cancellationToken);

    /// <summary>A fresh link for an application's own user, about all its integrations.</summary>
    public Task<ConnectLink> CreateExternalAsync(OrgId org, Application application, User user, string? returnUrl, CancellationToken cancellationToken) =>
        CreateAsync(org, application, user, integration: null, returnUrl, cancellationToken);

    /// <summary>Ties an external link to the browser that opens it first. False when it is another browser's already, or gone.</summary>
    public async Task<bool> ClaimAsync(string handle, string browser, CancellationToken cancellationToken)
    {
        var hash = RandomValue.HashOf(handle);
        while (OrgHandle.TryRead(handle, OrgHandle.ConnectSession, out var org)
            && await sessions.FindAsync(org, hash, cancellationToken) is { Value.External: true } row && row.Value.ExpiresAt > time.GetUtcNow())
        {
            if (row.Value.Browser is { } claimed)
                return claimed == browser;
            if (await sessions.ReplaceAsync(org, row, row.Value with { Browser = browser }, cancellationToken) is not null)
                return true;
        }
        return false;
    }

    private async Task<ConnectLink> CreateAsync(OrgId org, Application application, User user, IntegrationId? integration, string? returnUrl, CancellationToken cancellationToken)
    {
        var handle = OrgHandle.New(org, OrgHandle.ConnectSession);
        var session = new ConnectSession
        {
            HandleHash = RandomValue.HashOf(handle),
            User = user.Id,
            Application = application.Id,
            Integration = integration,
            ReturnUrl = returnUrl,
            ExpiresAt = time.GetUtcNow() + Life,
            // Who never signs in to Kontext cannot be asked to.
            External = user.IsExternal,
        };
        await sessions.InsertAsync(org, session, cancellationToken);
        return new ConnectLink(addresses.PageOf(handle), session.HandleHash, session.ExpiresAt);
    }

    /// <inheritdoc/>
    public async Task<(OrgId Org, ConnectSession Session)?> FindAsync(string handle, CancellationToken cancellationToken) =>
        OrgHandle.TryRead(handle, OrgHandle.ConnectSession, out var org)
        && await sessions.FindAsync(org, RandomValue.HashOf(handle), cancellationToken) is { } row && row.Value.ExpiresAt > time.GetUtcNow()
            ? (org, row.Value) : null;

    /// <summary>Only to where the application itself is: the origin of one of its redirect URIs, or an address its owner listed. Anything else would make our page an open redirector.</summary>
    internal static bool MayReturnTo(Application application, string? returnUrl)
    {
        if (!Uri.TryCreate(returnUrl, UriKind.Absolute, out var target) || target.Scheme is not ("https" or "http") || target.UserInfo.Length > 0)
            return false;
        if (application.ExternalAuth is { Enabled: true } partner && partner.AllowedReturnUrls.Contains(returnUrl))
            return true;
        return application.OAuth.RedirectUris.Any(registered => Uri.TryCreate(registered, UriKind.Absolute, out var uri)
            && uri.Scheme == target.Scheme && uri.Host == target.Host && (uri.IsLoopback || uri.Port == target.Port));
    }
}
