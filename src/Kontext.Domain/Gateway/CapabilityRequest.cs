namespace Kontext.Domain.Gateway;

/// <summary>What became of a request.</summary>
public enum CapabilityRequestStatus
{
    /// <summary>Nobody has decided yet.</summary>
    Open,

    /// <summary>An administrator provided it, or is about to.</summary>
    Granted,

    /// <summary>An administrator said no.</summary>
    Declined,
}

/// <summary>Something an agent needed for its person and does not have: an integration that is not attached, or a tool that policy denies. An administrator sees it and decides.</summary>
public sealed record CapabilityRequest
{
    /// <summary>The longest name that is kept.</summary>
    public const int MaxName = 200;

    /// <summary>The longest reason that is kept.</summary>
    public const int MaxReason = 500;

    /// <summary>Its id. The same agent asking for the same person for the same thing has the same.</summary>
    public required string Id { get; init; }

    /// <summary>The agent.</summary>
    public required AppId Application { get; init; }

    /// <summary>Its name at the time.</summary>
    public required string ApplicationName { get; init; }

    /// <summary>The person.</summary>
    public required UserId User { get; init; }

    /// <summary>Their name at the time; null when they have none.</summary>
    public string? UserName { get; init; }

    /// <summary>What was asked for, in the agent's words.</summary>
    public required string Capability { get; init; }

    /// <summary>What for, in the agent's words; null when it did not say.</summary>
    public string? Reason { get; init; }

    /// <summary>What became of it.</summary>
    public CapabilityRequestStatus Status { get; init; }

    /// <summary>When it was first asked for.</summary>
    public required DateTimeOffset AskedAt { get; init; }

    /// <summary>When it was decided; null while it is open.</summary>
    public DateTimeOffset? ResolvedAt { get; init; }

    /// <summary>Who decided; null while it is open.</summary>
    public string? ResolvedBy { get; init; }

    /// <summary>What they said to the agent; null for nothing.</summary>
    public string? Note { get; init; }

    /// <summary>The id of a request.</summary>
    public static string IdOf(AppId application, UserId user, string capability) =>
        RandomValue.HashOf($"{application}\n{user}\n{capability.ToUpperInvariant()}");
}

/// <summary>Keeps requests for capabilities, a few hundred per organization.</summary>
public interface ICapabilityRequestStore
{
    /// <summary>All of them as stored now.</summary>
    Task<IReadOnlyList<Versioned<CapabilityRequest>>> ListAsync(OrgId org, CancellationToken cancellationToken);

    /// <summary>One as stored now; null when there is none.</summary>
    Task<Versioned<CapabilityRequest>?> FindAsync(OrgId org, string id, CancellationToken cancellationToken);

    /// <summary>Adds one; null when it is there already.</summary>
    Task<Versioned<CapabilityRequest>?> InsertAsync(OrgId org, CapabilityRequest request, CancellationToken cancellationToken);

    /// <summary>Writes if nobody wrote since; null when somebody did.</summary>
    Task<Versioned<CapabilityRequest>?> ReplaceAsync(OrgId org, Versioned<CapabilityRequest> current, CapabilityRequest next, CancellationToken cancellationToken);

    /// <summary>Deletes if nobody wrote since.</summary>
    Task DeleteAsync(OrgId org, Versioned<CapabilityRequest> current, CancellationToken cancellationToken);
}
