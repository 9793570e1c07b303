using Kontext.Domain.Tenancy;

namespace Kontext.Domain.Vault;

/// <summary>Keeps connect sessions.</summary>
public interface IConnectSessionStore
{
    /// <summary>Adds one; its hash is new.</summary>
    Task InsertAsync(OrgId org, ConnectSession session, CancellationToken cancellationToken);

    /// <summary>The one with this hash; null when there is none. It may have expired.</summary>
    Task<ConnectSession?> FindAsync(OrgId org, string handleHash, CancellationToken cancellationToken);
}

/// <summary>Makes connect links that work for a quarter of an hour, for one person (contract 5.1).</summary>
public sealed class ConnectLinks(IConnectSessionStore sessions, ConnectAddresses addresses, TimeProvider time) : IConnectLinks
{
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(15);

    /// <inheritdoc/>
    public async Task<ConnectLink> CreateAsync(AgentCaller caller, IntegrationId? integration, string? returnUrl, CancellationToken cancellationToken)
    {
        var handle = OrgHandle.New(caller.Org, OrgHandle.ConnectSession);
        var session = new ConnectSession
        {
            HandleHash = RandomValue.HashOf(handle),
            User = caller.User.Id,
            Application = caller.Application.Id,
            Integration = integration,
            ReturnUrl = MayReturnTo(caller.Application, returnUrl) ? returnUrl : null,
            ExpiresAt = time.GetUtcNow() + Life,
        };
        await sessions.InsertAsync(caller.Org, session, cancellationToken);
        return new ConnectLink(addresses.PageOf(handle), session.HandleHash, session.ExpiresAt);
    }

    /// <inheritdoc/>
    public async Task<(OrgId Org, ConnectSession Session)?> FindAsync(string handle, CancellationToken cancellationToken) =>
        OrgHandle.TryRead(handle, OrgHandle.ConnectSession, out var org)
        && await sessions.FindAsync(org, RandomValue.HashOf(handle), cancellationToken) is { } session && session.ExpiresAt > time.GetUtcNow()
            ? (org, session) : null;

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
