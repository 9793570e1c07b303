using System.Collections.Immutable;

namespace Kontext.Domain.Policies;

/// <summary>What kind of access is asked for.</summary>
public enum AccessKind
{
    /// <summary>One operation of an integration, through the gateway or proxy.</summary>
    Operation,

    /// <summary>The raw credential (token exchange): equals every operation at once, so a rule that denies any one of them denies this.</summary>
    Credential,

    /// <summary>Asking the integration what it offers; the answer is filtered operation by operation.</summary>
    Discovery,
}

/// <summary>Everything a decision may depend on.</summary>
public sealed record PolicyRequest
{
    /// <summary>What kind of access.</summary>
    public required AccessKind Kind { get; init; }

    /// <summary>For whom; null when a confidential client acts for itself.</summary>
    public required UserId? User { get; init; }

    /// <summary>That person's roles.</summary>
    public ImmutableArray<string> Roles { get; init; } = [];

    /// <summary>Which agent.</summary>
    public required AppId Application { get; init; }

    /// <summary>On which integration.</summary>
    public required IntegrationId Integration { get; init; }

    /// <summary>The integration whose connections serve it; null when those are its own.</summary>
    public IntegrationId? ConnectionOf { get; init; }

    /// <summary>The integration's name, for the words of the decision.</summary>
    public required string IntegrationName { get; init; }

    /// <summary>The operation; null unless <see cref="Kind"/> is <see cref="AccessKind.Operation"/>.</summary>
    public string? Operation { get; init; }

    /// <summary>The person approved this integration for this agent (or needs not to, acting for itself).</summary>
    public required bool Consented { get; init; }

    /// <summary>The integration is attached to the application.</summary>
    public required bool Attached { get; init; }

    /// <summary>What the operation acts on, such as <c>acme/frontend</c>; null when unknown.</summary>
    public string? Target { get; init; }

    /// <summary>The call's arguments as UTF-8 JSON; empty when there are none. Parsed only when a condition looks at them.</summary>
    public ReadOnlyMemory<byte> Arguments { get; init; }
}

/// <summary>Keeps the rules of an organization.</summary>
public interface IPolicyStore
{
    /// <summary>The compiled rules, at most a second old.</summary>
    ValueTask<PolicySet> CurrentAsync(OrgId org, CancellationToken cancellationToken);

    /// <summary>All rules as stored now, with the revision they make up.</summary>
    Task<Versioned<PolicyRules>> FindAsync(OrgId org, CancellationToken cancellationToken);

    /// <summary>Replaces the rules if nobody changed them since; null when somebody did.</summary>
    Task<Versioned<PolicyRules>?> ReplaceAsync(OrgId org, Versioned<PolicyRules> current, PolicyRules next, CancellationToken cancellationToken);
}

/// <summary>All rules of an organization, and how often they were changed.</summary>
public sealed record PolicyRules(int Revision, ImmutableArray<PolicyRule> Rules)
{
    /// <summary>No rules yet.</summary>
    public static PolicyRules None { get; } = new(0, []);
}
