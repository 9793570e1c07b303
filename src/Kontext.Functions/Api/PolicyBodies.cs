using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Kontext.Domain.Policies;

namespace Kontext.Functions.Api;

/// <summary>Policy settings (contract 1.10).</summary>
internal sealed record PolicySettingsBody(bool PolicyEnabled);

/// <summary>Changes of the settings.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record PolicySettingsInput(bool? PolicyEnabled)
{
    /// <summary>What the caller believes to be the case; the change is refused when it is not. Null asks for no such check.</summary>
    public bool? ExpectedPolicyEnabled { get; init; }
}

/// <summary>A rule on the wire: action, scope, level and toolName as documented (contract 1.10), the rest is ours.</summary>
internal sealed record PolicyRuleBody(string Id, string Action, string Scope, string Level, string? ToolName, string? IntegrationId, string? ApplicationId, string? UserId, string? Role, IReadOnlyList<PolicyConditionBody>? Conditions, string? Description, string CreatedAt, string? CreatedBy)
{
    /// <summary>The integration's name, for readers of an export.</summary>
    public string? Integration { get; init; }

    /// <summary>The application's name, likewise.</summary>
    public string? Application { get; init; }

    /// <summary>The person's name, likewise.</summary>
    public string? User { get; init; }

    public static PolicyRuleBody Of(PolicyRule rule) => new(
        rule.Id.ToString(),
        PolicyWords.Effect(rule.Effect),
        rule.Operation is null ? "server" : "tool",
        PolicyWords.Level(rule.Layer),
        rule.Operation,
        rule.Integration?.ToString(),
        rule.Subject.Kind == PolicySubjectKind.Application ? rule.Subject.Value : null,
        rule.Subject.Kind == PolicySubjectKind.User ? rule.Subject.Value : null,
        rule.Subject.Kind == PolicySubjectKind.Role ? rule.Subject.Value : null,
        rule.Conditions.IsEmpty ? null : [.. rule.Conditions.Select(PolicyConditionBody.Of)],
        rule.Description,
        Wire.Time(rule.CreatedAt),
        rule.CreatedBy);
}

/// <summary>A condition on the wire.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record PolicyConditionBody(string Path, string Operator, IReadOnlyList<string>? Values)
{
    private static readonly ImmutableArray<(string Word, ConditionOperator Operator)> Words =
    [
        ("equals", ConditionOperator.Equals), ("one_of", ConditionOperator.OneOf), ("matches", ConditionOperator.Matches), ("starts_with", ConditionOperator.StartsWith),
        ("at_most", ConditionOperator.AtMost), ("at_least", ConditionOperator.AtLeast), ("size_at_most", ConditionOperator.SizeAtMost), ("present", ConditionOperator.Present), ("absent", ConditionOperator.Absent),
    ];

    public static PolicyConditionBody Of(PolicyCondition condition) =>
        new(condition.Path, Words.First(word => word.Operator == condition.Operator).Word, condition.Values);

    /// <summary>The condition; null when the operator is unknown.</summary>
    public PolicyCondition? ToCondition() =>
        Words.FirstOrDefault(word => word.Word == Operator) is { Word: not null } found ? new PolicyCondition(Path ?? "", found.Operator, Values?.ToImmutableArray() ?? []) : null;

    /// <summary>The operators' words.</summary>
    public static string Operators => string.Join(", ", Words.Select(word => word.Word));
}

/// <summary>One rule.</summary>
internal sealed record PolicyRuleEnvelope(PolicyRuleBody Rule);

/// <summary>A rule as callers send it. Takes everything that a rule is answered with, so that what was read can be sent back.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record PolicyRuleInput
{
    /// <summary>The rule's id; one that is known keeps its maker and date.</summary>
    public string? Id { get; init; }

    public string? Action { get; init; }

    public string? Scope { get; init; }

    public string? Level { get; init; }

    public string? ToolName { get; init; }

    public string? IntegrationId { get; init; }

    /// <summary>The integration's name; has to be that of <see cref="IntegrationId"/> when both are given.</summary>
    public string? Integration { get; init; }

    public string? ApplicationId { get; init; }

    /// <summary>The application's name, which has to be that of <see cref="ApplicationId"/>.</summary>
    public string? Application { get; init; }

    public string? UserId { get; init; }

    /// <summary>The person's name, which has to be that of <see cref="UserId"/>.</summary>
    public string? User { get; init; }

    public string? Role { get; init; }

    public IReadOnlyList<PolicyConditionBody>? Conditions { get; init; }

    public string? Description { get; init; }

    /// <summary>Not taken over: a rule's date is ours to say.</summary>
    public string? CreatedAt { get; init; }

    /// <summary>Not taken over either.</summary>
    public string? CreatedBy { get; init; }
}

/// <summary>A whole set of rules in place of the one there is.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record PolicyReplacement(int? ExpectedRevision, IReadOnlyList<PolicyRuleInput?>? Rules);

/// <summary>A set of rules as one document to review, keep and import.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record PolicyDocumentInput(int? SchemaVersion, int? Revision, IReadOnlyList<PolicyRuleInput?>? Rules);

/// <summary>The same as it is answered.</summary>
internal sealed record PolicyDocumentBody(int SchemaVersion, int Revision, IReadOnlyList<PolicyRuleBody> Rules);

/// <summary>A rule before and after.</summary>
internal sealed record ChangedRuleBody(PolicyRuleBody Before, PolicyRuleBody After);

/// <summary>How a set of rules differs from the one before.</summary>
internal sealed record PolicyDifferenceBody(IReadOnlyList<PolicyRuleBody> Added, IReadOnlyList<PolicyRuleBody> Removed, IReadOnlyList<ChangedRuleBody> Changed)
{
    public static PolicyDifferenceBody Of(PolicyDifference difference) => new(
        [.. difference.Added.Select(PolicyRuleBody.Of)],
        [.. difference.Removed.Select(PolicyRuleBody.Of)],
        [.. difference.Changed.Select(rule => new ChangedRuleBody(PolicyRuleBody.Of(rule.Before), PolicyRuleBody.Of(rule.After)))]);
}

/// <summary>What became of a whole set of rules.</summary>
/// <param name="Revision">The revision that holds now.</param>
/// <param name="DryRun">Nothing was written.</param>
/// <param name="Added">How many rules are new.</param>
/// <param name="Removed">How many are gone.</param>
/// <param name="Changed">How many say something else.</param>
/// <param name="Unchanged">How many say the same.</param>
/// <param name="Differences">All of them, for a dry run; else null.</param>
internal sealed record PolicyReplacedBody(int Revision, bool DryRun, int Added, int Removed, int Changed, int Unchanged, PolicyDifferenceBody? Differences)
{
    public static PolicyReplacedBody Of(int revision, PolicyDifference difference, bool dryRun) => new(
        revision, dryRun, difference.Added.Length, difference.Removed.Length, difference.Changed.Length, difference.Unchanged, dryRun ? PolicyDifferenceBody.Of(difference) : null);
}
