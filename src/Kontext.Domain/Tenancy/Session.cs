using System.Collections.Immutable;

namespace Kontext.Domain.Tenancy;

/// <summary>What one approval created: an agent acting for a person until it expires or is revoked (contract 1.12). Its row is also the refresh token family.</summary>
public sealed record Session
{
    /// <summary>Its id, <c>sid</c> in tokens.</summary>
    public required SessionId Id { get; init; }

    /// <summary>Which agent.</summary>
    public required AppId Application { get; init; }

    /// <summary>For whom.</summary>
    public required UserId User { get; init; }

    /// <summary>Name shown to people.</summary>
    public required string Name { get; init; }

    /// <summary>Granted scopes.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary>Resources that tokens of this session may be for (RFC 8707).</summary>
    public ImmutableArray<string> Resources { get; init; } = [];

    /// <summary>Integrations the person approved on the consent page.</summary>
    public ImmutableArray<IntegrationId> Approved { get; init; } = [];

    /// <summary>The key its refresh tokens are bound to (RFC 9449 section 5); null when they are not, as for confidential clients.</summary>
    public string? KeyThumbprint { get; init; }

    /// <summary>No consent page stood between person and agent: the application vouches for its own users, or the person is at the command line. Policy still decides.</summary>
    public bool ConsentImplied { get; init; }

    /// <summary>The session this one was made from by token exchange; null for one that a person approved. It lives no longer than that one.</summary>
    public SessionName? Parent { get; init; }

    /// <summary>Sessions made from this one, to be ended with it.</summary>
    public ImmutableArray<SessionName> Children { get; init; } = [];

    /// <summary>When the person approved.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>End of the approval; refresh tokens stop then.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>When the newest access token ends.</summary>
    public DateTimeOffset? TokenExpiresAt { get; init; }

    /// <summary>When it was cut off; null while it lives.</summary>
    public DateTimeOffset? RevokedAt { get; init; }

    /// <summary>Why it was cut off, for people.</summary>
    public string? RevokedReason { get; init; }

    /// <summary>It was cut off, and the audit entry that says so is still to be made.</summary>
    public bool RevocationUnrecorded { get; init; }

    /// <summary>The refresh token generation that is valid now.</summary>
    public int Generation { get; init; }

    /// <summary>When the current generation replaced the one before.</summary>
    public DateTimeOffset RotatedAt { get; init; }

    /// <summary>Last seen using a token, to the minute.</summary>
    public DateTimeOffset? LastActiveAt { get; init; }

    /// <summary>Host name the MCP client reported; null when it did not.</summary>
    public string? Hostname { get; init; }

    /// <summary>User agent of the MCP client; null when unknown.</summary>
    public string? UserAgent { get; init; }

    /// <summary>What the MCP client says it is; null when it did not.</summary>
    public ClientInfo? ClientInfo { get; init; }

    /// <summary>May the agent use the integration as far as the person's approval goes?</summary>
    public bool Covers(IntegrationId integration) => ConsentImplied || Approved.Contains(integration);

    /// <summary>Tokens of this session are accepted.</summary>
    public bool IsLive(DateTimeOffset now) => RevokedAt is null && now < ExpiresAt;
}

/// <summary>What a client says it is (MCP <c>clientInfo</c>). It may say anything: for people to recognize it by, and for nothing else.</summary>
public sealed record ClientInfo(string? Name, string? Title, string? Version);

/// <summary>Names a session together with the agent it belongs to, which its row is found by.</summary>
public sealed record SessionName(AppId Application, SessionId Session);

/// <summary>Keeps agent sessions.</summary>
public interface ISessionStore
{
    /// <summary>The session, at most a second old; null when unknown.</summary>
    ValueTask<Session?> CurrentAsync(OrgId org, AppId application, SessionId session, CancellationToken cancellationToken);

    /// <summary>The row as stored now, for a conditional write.</summary>
    Task<Versioned<Session>?> FindAsync(OrgId org, AppId application, SessionId session, CancellationToken cancellationToken);

    /// <summary>Adds it; false when the id was used before.</summary>
    Task<bool> InsertAsync(OrgId org, Session session, CancellationToken cancellationToken);

    /// <summary>Writes if nobody wrote since; null when somebody did.</summary>
    Task<Versioned<Session>?> ReplaceAsync(OrgId org, Versioned<Session> current, Session next, CancellationToken cancellationToken);

    /// <summary>The application's sessions, newest first, at most <paramref name="limit"/>.</summary>
    Task<IReadOnlyList<Session>> ListAsync(OrgId org, AppId application, int limit, CancellationToken cancellationToken);

    /// <summary>Those that come after a session, from the newest where none is named: fewer than <paramref name="limit"/> only when nothing older is left.</summary>
    Task<IReadOnlyList<Session>> ListAsync(OrgId org, AppId application, SessionId? after, int limit, CancellationToken cancellationToken);

    /// <summary>The person's sessions with any application that began at or after <paramref name="since"/>, newest first, at most <paramref name="limit"/>.</summary>
    Task<IReadOnlyList<Session>> ListForUserAsync(OrgId org, UserId user, DateTimeOffset since, int limit, CancellationToken cancellationToken);

    /// <summary>Those that come after a session, from the newest where none is named: fewer than <paramref name="limit"/> only when nothing older is left.</summary>
    Task<IReadOnlyList<Session>> ListForUserAsync(OrgId org, UserId user, DateTimeOffset since, SessionId? after, int limit, CancellationToken cancellationToken);

    /// <summary>Deletes the application's sessions that began before <paramref name="before"/> and have ended, with their entries by person; gives how many.</summary>
    Task<int> ForgetAsync(OrgId org, AppId application, DateTimeOffset before, CancellationToken cancellationToken);

    /// <summary>A person's session, whatever application it is with; null when it is nobody's or another person's.</summary>
    Task<Session?> FindForUserAsync(OrgId org, UserId user, SessionId session, CancellationToken cancellationToken);
}
