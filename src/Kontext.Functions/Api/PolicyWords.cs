using System.Globalization;
using Kontext.Domain.Policies;

namespace Kontext.Functions.Api;

/// <summary>Rules and their changes in the words of the wire and the audit trail.</summary>
internal static class PolicyWords
{
    private const int MaxNamed = 20;

    /// <summary>The layer's word in a rule (contract 1.10).</summary>
    public static string Level(PolicyLayer layer) => layer switch { PolicyLayer.Organization => "org", PolicyLayer.User => "user", _ => "agent" };

    /// <summary>The layer's word in a decision (contract 1.14).</summary>
    public static string Layer(PolicyLayer layer) => layer switch { PolicyLayer.Organization => "org", PolicyLayer.User => "user", _ => "application" };

    /// <summary>What a rule says, in one line.</summary>
    public static string Summary(PolicyRule rule)
    {
        var subject = rule.Subject.Kind switch
        {
            PolicySubjectKind.Everyone => "everyone",
            PolicySubjectKind.Role => $"role {rule.Subject.Value}",
            PolicySubjectKind.User => $"user {rule.Subject.Value}",
            _ => $"application {rule.Subject.Value}",
        };
        var what = $"{(rule.Integration is { } integration ? $"integration {integration}" : "every integration")}{(rule.Operation is null ? "" : $", tool {rule.Operation}")}";
        var conditions = rule.Conditions.Length switch { 0 => "", 1 => ", 1 condition", var count => string.Create(CultureInfo.InvariantCulture, $", {count} conditions") };
        return $"{Effect(rule.Effect)} {subject} at level {Level(rule.Layer)}: {what}{conditions}";
    }

    /// <summary>What a change of the whole set did, in one line.</summary>
    public static string Summary(PolicyDifference difference) => string.Create(
        CultureInfo.InvariantCulture,
        $"{difference.Added.Length} added{Named(difference.Added)}, {difference.Removed.Length} removed{Named(difference.Removed)}, {difference.Changed.Length} changed{Named(difference.Changed.Select(rule => rule.After))}, {difference.Unchanged} unchanged");

    private static string Named(IEnumerable<PolicyRule> rules)
    {
        var ids = string.Join(' ', rules.Take(MaxNamed).Select(rule => rule.Id));
        return ids.Length == 0 ? "" : $" ({ids}{(rules.Skip(MaxNamed).Any() ? " ..." : "")})";
    }

    /// <summary>An effect in the words of the wire.</summary>
    public static string Effect(PolicyEffect effect) => effect switch { PolicyEffect.Allow => "allow", PolicyEffect.Ask => "ask", _ => "deny" };
}
