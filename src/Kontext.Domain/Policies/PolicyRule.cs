using System.Collections.Immutable;

namespace Kontext.Domain.Policies;

/// <summary>Who sets a rule. All three layers must allow (contract 1.10).</summary>
public enum PolicyLayer
{
    /// <summary>Administrators, for the whole organization (<c>org</c> on the wire).</summary>
    Organization,

    /// <summary>The person: consent, and rules of their own (<c>user</c>).</summary>
    User,

    /// <summary>The application's owner: attached integrations, and rules (<c>agent</c>).</summary>
    Application,
}

/// <summary>What a rule does where it applies.</summary>
public enum PolicyEffect
{
    /// <summary>Lets the request pass this layer unless a rule of the same layer denies.</summary>
    Allow,

    /// <summary>Stops the request, whatever else allows it.</summary>
    Deny,

    /// <summary>Lets the request wait for a person's approval, unless a rule of the same layer denies.</summary>
    Ask,
}

/// <summary>Whom a rule is about.</summary>
public enum PolicySubjectKind
{
    /// <summary>Everyone in the organization.</summary>
    Everyone,

    /// <summary>People with a role.</summary>
    Role,

    /// <summary>One person.</summary>
    User,

    /// <summary>One application.</summary>
    Application,
}

/// <summary>Whom a rule is about: a kind and, except for everyone, a role name or an id.</summary>
public readonly record struct PolicySubject(PolicySubjectKind Kind, string? Value = null);

/// <summary>One rule of one layer.</summary>
public sealed record PolicyRule
{
    /// <summary>Its id, quoted in decisions.</summary>
    public required RuleId Id { get; init; }

    /// <summary>The layer it belongs to.</summary>
    public required PolicyLayer Layer { get; init; }

    /// <summary>Allow, deny or ask.</summary>
    public required PolicyEffect Effect { get; init; }

    /// <summary>Whom it is about. A rule of the user layer is about one user, one of the application layer about one application.</summary>
    public required PolicySubject Subject { get; init; }

    /// <summary>The integration; null means every integration.</summary>
    public IntegrationId? Integration { get; init; }

    /// <summary>An operation (<c>create_issue</c>) or a pattern (<c>list_*</c>); null means the whole integration.</summary>
    public string? Operation { get; init; }

    /// <summary>What must hold of target and arguments as well; all of them.</summary>
    public ImmutableArray<PolicyCondition> Conditions { get; init; } = [];

    /// <summary>Why the rule exists, for people; null when nobody said.</summary>
    public string? Description { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Who made it, as shown to people.</summary>
    public string? CreatedBy { get; init; }

    /// <summary>Is it the same rule but for who made it and when?</summary>
    public bool SaysTheSameAs(PolicyRule other) =>
        Id == other.Id && Layer == other.Layer && Effect == other.Effect && Subject == other.Subject && Integration == other.Integration
        && Operation == other.Operation && Description == other.Description
        && Conditions.AsSpan().SequenceEqual(other.Conditions.AsSpan(), ConditionComparer.Instance);
}

/// <summary>How a condition compares.</summary>
public enum ConditionOperator
{
    /// <summary>Equals <see cref="PolicyCondition.Values"/>[0].</summary>
    Equals,

    /// <summary>Is one of the values.</summary>
    OneOf,

    /// <summary>Matches a pattern in which * stands for any run of characters.</summary>
    Matches,

    /// <summary>Begins with the value.</summary>
    StartsWith,

    /// <summary>Is a number not greater than the value.</summary>
    AtMost,

    /// <summary>Is a number not less than the value.</summary>
    AtLeast,

    /// <summary>Is a text or array of at most this many characters or items.</summary>
    SizeAtMost,

    /// <summary>Is there at all.</summary>
    Present,

    /// <summary>Is not there.</summary>
    Absent,
}

/// <summary>A condition on the target or on an argument. One that cannot be read denies its rule's target rather than being skipped.</summary>
/// <param name="Path"><c>target</c>, or <c>arguments.</c> and a dot path into the call's arguments.</param>
/// <param name="Operator">How to compare.</param>
/// <param name="Values">What to compare with; empty for presence.</param>
public sealed record PolicyCondition(string Path, ConditionOperator Operator, ImmutableArray<string> Values);

/// <summary>Compares conditions by what they say.</summary>
internal sealed class ConditionComparer : IEqualityComparer<PolicyCondition>
{
    public static ConditionComparer Instance { get; } = new();

    public bool Equals(PolicyCondition? x, PolicyCondition? y) =>
        x?.Path == y?.Path && x?.Operator == y?.Operator && (x?.Values ?? []).AsSpan().SequenceEqual((y?.Values ?? []).AsSpan());

    public int GetHashCode(PolicyCondition condition) => HashCode.Combine(condition.Path, condition.Operator, condition.Values.Length);
}
