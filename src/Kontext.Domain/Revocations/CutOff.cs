using System.Collections.Immutable;
using Kontext.Domain.Audit;
using Kontext.Domain.Vault;

namespace Kontext.Domain.Revocations;

/// <summary>What can be cut off.</summary>
public enum CutOffKind
{
    /// <summary>One approval of one person for one agent; for good.</summary>
    Session,

    /// <summary>A person's connection to an integration; for good, the person may connect again.</summary>
    Connection,

    /// <summary>An agent, for everybody.</summary>
    Application,

    /// <summary>A person, with every agent.</summary>
    User,

    /// <summary>An integration, for everybody.</summary>
    Integration,

    /// <summary>All agents of the organization.</summary>
    Organization,
}

/// <summary>What is cut off.</summary>
public sealed record CutOffTarget
{
    /// <summary>What kind of thing.</summary>
    public required CutOffKind Kind { get; init; }

    /// <summary>The agent, for <see cref="CutOffKind.Application"/> and <see cref="CutOffKind.Session"/>.</summary>
    public AppId? Application { get; init; }

    /// <summary>The session.</summary>
    public SessionId? Session { get; init; }

    /// <summary>The person, for <see cref="CutOffKind.User"/>, <see cref="CutOffKind.Connection"/> and <see cref="CutOffKind.Session"/>.</summary>
    public UserId? User { get; init; }

    /// <summary>The integration, for <see cref="CutOffKind.Integration"/> and <see cref="CutOffKind.Connection"/>.</summary>
    public IntegrationId? Integration { get; init; }

    /// <summary>Its name at the time; null when it has none.</summary>
    public string? Name { get; init; }

    /// <summary>Can it be undone? What people have to approve or connect again cannot.</summary>
    public bool IsReinstatable => Kind is not (CutOffKind.Session or CutOffKind.Connection);
}

/// <summary>A connection that was ended by a cut-off and of which something is left.</summary>
/// <param name="User">Whose.</param>
/// <param name="Integration">To what.</param>
/// <param name="AtProvider">What became of the grant at the provider.</param>
/// <param name="SecretsDeleted">The vault no longer holds anything of it.</param>
/// <param name="LivesUntil">When a token that could not be revoked ends; null when nobody knows.</param>
/// <param name="Detail">Why something could not be done.</param>
public sealed record CutOffRemainder(UserId User, IntegrationId Integration, ProviderRevocation AtProvider, bool SecretsDeleted, DateTimeOffset? LivesUntil, string? Detail);

/// <summary>A cut-off: who ordered it, why, and what came of it (architecture 8).</summary>
public sealed record CutOff
{
    /// <summary>Its id; ids sort by time.</summary>
    public required CutOffId Id { get; init; }

    /// <summary>What is cut off.</summary>
    public required CutOffTarget Target { get; init; }

    /// <summary>Why, in the administrator's words; null when nothing was said.</summary>
    public string? Reason { get; init; }

    /// <summary>Who.</summary>
    public required AuditParty By { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>End the connections under it as well, at their providers.</summary>
    public bool Disconnect { get; init; }

    /// <summary>The audit entry that says so was made.</summary>
    public bool Recorded { get; init; }

    /// <summary>When everything was done that can be; null while something is left to do.</summary>
    public DateTimeOffset? CompletedAt { get; init; }

    /// <summary>Sessions that were ended, where each was.</summary>
    public int Sessions { get; init; }

    /// <summary>Connections that were ended.</summary>
    public int Connections { get; init; }

    /// <summary>Connections of which something is left, as many as are kept (<see cref="CutOffs.MaxRemainders"/>).</summary>
    public ImmutableArray<CutOffRemainder> Remainders { get; init; } = [];

    /// <summary>When it was undone; null when it was not.</summary>
    public DateTimeOffset? ReinstatedAt { get; init; }

    /// <summary>Who undid it.</summary>
    public AuditParty? ReinstatedBy { get; init; }
}

/// <summary>Keeps the cut-offs of an organization.</summary>
public interface ICutOffStore
{
    /// <summary>The cut-off; null when unknown.</summary>
    Task<Versioned<CutOff>?> FindAsync(OrgId org, CutOffId id, CancellationToken cancellationToken);

    /// <summary>Adds it.</summary>
    Task<Versioned<CutOff>> InsertAsync(OrgId org, CutOff cutOff, CancellationToken cancellationToken);

    /// <summary>Writes if nobody wrote since; null when somebody did.</summary>
    Task<Versioned<CutOff>?> ReplaceAsync(OrgId org, Versioned<CutOff> current, CutOff next, CancellationToken cancellationToken);

    /// <summary>A page, newest first.</summary>
    Task<Page<CutOff>> ListAsync(OrgId org, string? cursor, int limit, CancellationToken cancellationToken);
}
