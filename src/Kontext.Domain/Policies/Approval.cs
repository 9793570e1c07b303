using System.Collections.Immutable;

namespace Kontext.Domain.Policies;

/// <summary>Where an approval stands.</summary>
public enum ApprovalState
{
    /// <summary>The person has not decided.</summary>
    Pending,

    /// <summary>One call may go through.</summary>
    AllowedOnce,

    /// <summary>Calls of the operation may go through as long as the session lives.</summary>
    AllowedForSession,

    /// <summary>The person said no.</summary>
    Refused,

    /// <summary>The one call that was allowed went through.</summary>
    Used,
}

/// <summary>What a person can decide.</summary>
public enum ApprovalDecision
{
    /// <summary>This call, one time.</summary>
    Once,

    /// <summary>This operation, while the session lives, whatever its arguments.</summary>
    Session,

    /// <summary>Not this call.</summary>
    Refuse,
}

/// <summary>A call that waits, or waited, for a person's approval; also what stands for a session after the person allowed the operation for all of it.</summary>
public sealed record Approval
{
    /// <summary>Names the request: the same request of the same session has the same id, which nobody can compute without the organization's key.</summary>
    public required string Id { get; init; }

    /// <summary>How often the same request was put to the person; a form of an earlier time decides nothing.</summary>
    public int Round { get; init; } = 1;

    /// <summary>The id under which a decision for the whole session is kept.</summary>
    public required string StandingId { get; init; }

    /// <summary>Who decides.</summary>
    public required UserId User { get; init; }

    /// <summary>Which agent asks.</summary>
    public required AppId Application { get; init; }

    /// <summary>In which session.</summary>
    public required SessionId Session { get; init; }

    /// <summary>On which integration.</summary>
    public required IntegrationId Integration { get; init; }

    /// <summary>The integration's name when it was asked.</summary>
    public required string IntegrationName { get; init; }

    /// <summary>What kind of access.</summary>
    public required AccessKind Kind { get; init; }

    /// <summary>The operation; null for the raw credential.</summary>
    public string? Operation { get; init; }

    /// <summary>What it acts on; null when unknown.</summary>
    public string? Target { get; init; }

    /// <summary>What is to be done, as shown to the person; sealed, since arguments may be confidential. Null without arguments.</summary>
    public string? SealedArguments { get; init; }

    /// <summary>The arguments are longer than what is shown of them.</summary>
    public bool Shortened { get; init; }

    /// <summary>Why it is asked, one sentence per rule.</summary>
    public ImmutableArray<string> Reasons { get; init; } = [];

    /// <summary>When it was asked.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When the question, or the decision, stops counting.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>Where it stands.</summary>
    public ApprovalState State { get; init; }

    /// <summary>The capability's full name; the integration's for the raw credential.</summary>
    public string Capability => Operation is null ? IntegrationName : $"{IntegrationName}:{Operation}";
}

/// <summary>Where a person decides about a call.</summary>
/// <param name="Url">The page.</param>
/// <param name="Id">The approval's id.</param>
/// <param name="ExpiresAt">When it stops working.</param>
public sealed record ApprovalLink(Uri Url, string Id, DateTimeOffset ExpiresAt);

/// <summary>An approval a person gave, as proof for the evaluator. Only <see cref="Approvals"/> finds one.</summary>
public sealed class GivenApproval
{
    internal GivenApproval(Versioned<Approval> row) => Row = row;

    internal Versioned<Approval> Row { get; }

    internal bool Covers(PolicyRequest request) =>
        Row.Value.User == request.User && Row.Value.Application == request.Application && Row.Value.Integration == request.Integration
        && Row.Value.Kind == request.Kind && Row.Value.Operation == request.Operation
        && Row.Value.State is (ApprovalState.AllowedOnce or ApprovalState.AllowedForSession);
}

/// <summary>Keeps approvals, each under the person who decides.</summary>
public interface IApprovalStore
{
    /// <summary>The person's approval with this id; null when there is none. It may have expired.</summary>
    Task<Versioned<Approval>?> FindAsync(OrgId org, UserId user, string id, CancellationToken cancellationToken);

    /// <summary>Adds one; null when there is one with this id.</summary>
    Task<Versioned<Approval>?> InsertAsync(OrgId org, Approval approval, CancellationToken cancellationToken);

    /// <summary>Writes if nobody wrote since; null when somebody did.</summary>
    Task<Versioned<Approval>?> ReplaceAsync(OrgId org, Versioned<Approval> current, Approval next, CancellationToken cancellationToken);

    /// <summary>Deletes if nobody wrote since; false when somebody did.</summary>
    Task<bool> DeleteAsync(OrgId org, Versioned<Approval> approval, CancellationToken cancellationToken);

    /// <summary>The person's approvals that have not expired. Those that have are removed on the way.</summary>
    Task<IReadOnlyList<Approval>> ListAsync(OrgId org, UserId user, DateTimeOffset now, CancellationToken cancellationToken);
}

/// <summary>Where the pages of approvals are.</summary>
/// <param name="Issuer">The public address without a trailing slash.</param>
public sealed record ApprovalAddresses(string Issuer)
{
    /// <summary>The page of one approval.</summary>
    public Uri PageOf(string id) => new($"{Issuer}/approvals/{Uri.EscapeDataString(id)}");

    /// <summary>The page of all that wait for a person.</summary>
    public Uri All => new($"{Issuer}/approvals");
}
