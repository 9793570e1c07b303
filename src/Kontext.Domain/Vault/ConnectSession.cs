namespace Kontext.Domain.Vault;

/// <summary>A short-lived link that lets one person connect integrations for one agent (contract 5.1). The page behind it still demands that person's sign-in, unless an application vouched for them.</summary>
public sealed record ConnectSession
{
    /// <summary>Hash of the handle in the link.</summary>
    public required string HandleHash { get; init; }

    /// <summary>Who may use it.</summary>
    public required UserId User { get; init; }

    /// <summary>Which agent asked.</summary>
    public required AppId Application { get; init; }

    /// <summary>The one integration it is about; null for all of the application's.</summary>
    public IntegrationId? Integration { get; init; }

    /// <summary>Where to go afterwards; null for nowhere.</summary>
    public string? ReturnUrl { get; init; }

    /// <summary>When it stops working.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>The link itself says who the person is, because an application vouched for its own user: no sign-in follows (contract 5.4).</summary>
    public bool External { get; init; }

    /// <summary>Hash of the secret of the one browser in which an external link works: the first that opened it; null before.</summary>
    public string? Browser { get; init; }
}

/// <summary>A connect link as handed out.</summary>
/// <param name="Url">The address to open in a browser.</param>
/// <param name="SessionId">Names the connect session; not the handle.</param>
/// <param name="ExpiresAt">When it stops working.</param>
public sealed record ConnectLink(Uri Url, string SessionId, DateTimeOffset ExpiresAt);

/// <summary>Makes connect links and resolves them.</summary>
public interface IConnectLinks
{
    /// <summary>A fresh link for the caller's person; about one integration when given.</summary>
    Task<ConnectLink> CreateAsync(AgentCaller caller, IntegrationId? integration, string? returnUrl, CancellationToken cancellationToken);

    /// <summary>Resolves a handle; null when unknown or expired.</summary>
    Task<(OrgId Org, ConnectSession Session)?> FindAsync(string handle, CancellationToken cancellationToken);
}
