using System.Collections.Immutable;

namespace Kontext.Domain.OAuth;

/// <summary>What the person said to a device.</summary>
public enum DeviceDecision
{
    /// <summary>Nothing yet.</summary>
    Pending,

    /// <summary>Yes.</summary>
    Approved,

    /// <summary>No.</summary>
    Denied,
}

/// <summary>An agent without a browser that waits for a person (RFC 8628). Redeeming its device code creates the session whose id it carries, so it can be redeemed once.</summary>
public sealed record DeviceAuthorization
{
    /// <summary>How long the person has.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);

    /// <summary>How long the agent waits between two polls, to begin with; and by how much that grows when it does not (RFC 8628 section 3.5).</summary>
    public static readonly TimeSpan PollStep = TimeSpan.FromSeconds(5);

    /// <summary>Hash of the device code.</summary>
    public required string CodeHash { get; init; }

    /// <summary>Hash of the user code.</summary>
    public required string UserCodeHash { get; init; }

    /// <summary>The agent it is for.</summary>
    public required AppId Application { get; init; }

    /// <summary>Scopes asked for.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary>Resources asked for, canonical.</summary>
    public ImmutableArray<string> Resources { get; init; } = [];

    /// <summary>The session that redeeming creates.</summary>
    public required SessionId Session { get; init; }

    /// <summary>When it stops being of use.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>How long the agent has to wait between two polls.</summary>
    public required TimeSpan Interval { get; init; }

    /// <summary>When the agent last polled; null when it has not.</summary>
    public DateTimeOffset? PolledAt { get; init; }

    /// <summary>What the person said.</summary>
    public DeviceDecision Decision { get; init; }

    /// <summary>Who decided; null while nobody did.</summary>
    public UserId? User { get; init; }

    /// <summary>When that person signed in; null while nobody decided.</summary>
    public DateTimeOffset? SignedInAt { get; init; }

    /// <summary>Approved integrations.</summary>
    public ImmutableArray<IntegrationId> Approved { get; init; } = [];

    /// <summary>A person can still decide.</summary>
    public bool IsOpen(DateTimeOffset now) => Decision == DeviceDecision.Pending && now < ExpiresAt;

    /// <summary>The state after a poll of a pending authorization, and whether that poll came too early (RFC 8628 section 3.5).</summary>
    public (DeviceAuthorization Next, bool TooEarly) Polled(DateTimeOffset now)
    {
        var tooEarly = PolledAt is { } last && now - last < Interval;
        return (this with { PolledAt = now, Interval = tooEarly ? Interval + PollStep : Interval }, tooEarly);
    }
}

/// <summary>Keeps device authorizations until they expire.</summary>
public interface IDeviceAuthorizationStore
{
    /// <summary>Adds it; false when the user code was given out before.</summary>
    Task<bool> InsertAsync(OrgId org, DeviceAuthorization authorization, CancellationToken cancellationToken);

    /// <summary>By the device code's hash; null when unknown.</summary>
    Task<Versioned<DeviceAuthorization>?> FindAsync(OrgId org, string codeHash, CancellationToken cancellationToken);

    /// <summary>By the user code's hash; null when unknown.</summary>
    Task<Versioned<DeviceAuthorization>?> FindByUserCodeAsync(OrgId org, string userCodeHash, CancellationToken cancellationToken);

    /// <summary>Writes if nobody wrote since; null when somebody did.</summary>
    Task<Versioned<DeviceAuthorization>?> ReplaceAsync(OrgId org, Versioned<DeviceAuthorization> current, DeviceAuthorization next, CancellationToken cancellationToken);
}
