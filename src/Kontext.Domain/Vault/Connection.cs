using System.Collections.Immutable;

namespace Kontext.Domain.Vault;

/// <summary>Whether a connection can be used (contract 1.8).</summary>
public enum ConnectionStatus
{
    /// <summary>A credential is stored and believed valid.</summary>
    Connected,

    /// <summary>None is stored, it was revoked, or it can no longer be refreshed.</summary>
    Disconnected,
}

/// <summary>What is known about a stored credential from asking the provider.</summary>
public enum Validity
{
    /// <summary>Nobody asked, or there was no answer that tells.</summary>
    Unknown,

    /// <summary>The provider accepted it.</summary>
    Valid,

    /// <summary>The provider refused it.</summary>
    Invalid,
}

/// <summary>A person's link to an integration: one per person and integration (contract 1.8).</summary>
public sealed record Connection
{
    /// <summary>Its id; kept when the person reconnects.</summary>
    public required ConnectionId Id { get; init; }

    /// <summary>Whose.</summary>
    public required UserId User { get; init; }

    /// <summary>To what.</summary>
    public required IntegrationId Integration { get; init; }

    /// <summary>The integration's connection epoch when this was made; a connection of an earlier epoch is void.</summary>
    public int Epoch { get; init; }

    /// <summary>Usable or not.</summary>
    public ConnectionStatus Status { get; init; }

    /// <summary>Why it is not usable, for people; null while it is.</summary>
    public string? Reason { get; init; }

    /// <summary>The same for programs, one of <see cref="ConnectionEnds"/>; null while it is usable.</summary>
    public string? ReasonCode { get; init; }

    /// <summary>When it ended; null while it is usable.</summary>
    public DateTimeOffset? DisconnectedAt { get; init; }

    /// <summary>When the provider last confirmed that a grant of this connection is dead, also one from before the person connected again; null when it never did.</summary>
    public DateTimeOffset? GrantRevokedAt { get; init; }

    /// <summary>What the provider said of the credential when it was last asked.</summary>
    public Validity Validity { get; init; }

    /// <summary>When it was last asked; null when never.</summary>
    public DateTimeOffset? CheckedAt { get; init; }

    /// <summary>What came of asking, in words; null when nobody asked.</summary>
    public string? CheckMessage { get; init; }

    /// <summary>Scopes the provider granted.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary>Scopes the service demanded and the grant lacks (RFC 6750 section 3.1): asked for when the person connects again.</summary>
    public ImmutableArray<string> MissingScopes { get; init; } = [];

    /// <summary>The account at the provider, as people know it; null when not known.</summary>
    public string? Account { get; init; }

    /// <summary>Version of the credential in the vault that this row stands for.</summary>
    public string? CredentialVersion { get; init; }

    /// <summary>The access token, sealed; null when each use reads the vault.</summary>
    public string? SealedAccessToken { get; init; }

    /// <summary>When the access token ends; null when it does not, or nobody said.</summary>
    public DateTimeOffset? AccessExpiresAt { get; init; }

    /// <summary>A refresh token is stored.</summary>
    public bool Refreshable { get; init; }

    /// <summary>Counts lease holders: a writer with an older number lost its lease.</summary>
    public long Fence { get; init; }

    /// <summary>Until when the current refresher holds the lease; null when nobody refreshes.</summary>
    public DateTimeOffset? LeaseUntil { get; init; }

    /// <summary>Set before the provider is called, cleared with the result: a crash in between leaves it standing.</summary>
    public DateTimeOffset? RefreshIntentAt { get; init; }

    /// <summary>Not before this time is the provider asked again, after a transient failure.</summary>
    public DateTimeOffset? RetryAt { get; init; }

    /// <summary>Transient failures in a row.</summary>
    public int Failures { get; init; }

    /// <summary>The last failure in words; null after a success.</summary>
    public string? LastError { get; init; }

    /// <summary>When the person connected.</summary>
    public required DateTimeOffset ConnectedAt { get; init; }

    /// <summary>When the credential was last refreshed; null when never.</summary>
    public DateTimeOffset? RefreshedAt { get; init; }
}

/// <summary>Keeps connections. All writes are conditional on what was read.</summary>
public interface IConnectionStore
{
    /// <summary>The connection, at most a second old with regard to revocation; null when there is none.</summary>
    ValueTask<Connection?> CurrentAsync(OrgId org, UserId user, IntegrationId integration, CancellationToken cancellationToken);

    /// <summary>The row as stored now.</summary>
    Task<Versioned<Connection>?> FindAsync(OrgId org, UserId user, IntegrationId integration, CancellationToken cancellationToken);

    /// <summary>Adds it; null when there is one.</summary>
    Task<Versioned<Connection>?> InsertAsync(OrgId org, Connection connection, CancellationToken cancellationToken);

    /// <summary>Writes if nobody wrote since; null when somebody did. <paramref name="cutOff"/> makes every instance forget what it knew within a second.</summary>
    Task<Versioned<Connection>?> ReplaceAsync(OrgId org, Versioned<Connection> current, Connection next, bool cutOff, CancellationToken cancellationToken);

    /// <summary>All connections of a person.</summary>
    Task<IReadOnlyList<Connection>> ListAsync(OrgId org, UserId user, CancellationToken cancellationToken);

    /// <summary>A page of everybody's connections to an integration, in the order of people's ids.</summary>
    Task<Page<Connection>> ListOfAsync(OrgId org, IntegrationId integration, string? cursor, int limit, CancellationToken cancellationToken);
}
