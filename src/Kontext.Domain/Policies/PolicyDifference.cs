using System.Collections.Immutable;

namespace Kontext.Domain.Policies;

/// <summary>A rule before and after a change.</summary>
public sealed record ChangedRule(PolicyRule Before, PolicyRule After);

/// <summary>How two sets of rules differ; a rule is the same one when it has the same id.</summary>
/// <param name="Added">Rules that only the next set has.</param>
/// <param name="Removed">Rules that only the current set has.</param>
/// <param name="Changed">Rules that say something else.</param>
/// <param name="Unchanged">How many say the same.</param>
public sealed record PolicyDifference(ImmutableArray<PolicyRule> Added, ImmutableArray<PolicyRule> Removed, ImmutableArray<ChangedRule> Changed, int Unchanged)
{
    /// <summary>Compares.</summary>
    public static PolicyDifference Between(ImmutableArray<PolicyRule> current, ImmutableArray<PolicyRule> next)
    {
        var before = current.ToDictionary(rule => rule.Id);
        var (added, changed) = (ImmutableArray.CreateBuilder<PolicyRule>(), ImmutableArray.CreateBuilder<ChangedRule>());
        var unchanged = 0;
        foreach (var rule in next)
        {
            if (!before.Remove(rule.Id, out var known))
                added.Add(rule);
            else if (known.SaysTheSameAs(rule))
                unchanged++;
            else
                changed.Add(new ChangedRule(known, rule));
        }
        return new PolicyDifference(added.ToImmutable(), [.. current.Where(rule => before.ContainsKey(rule.Id))], changed.ToImmutable(), unchanged);
    }
}
