using System.Collections.Immutable;

namespace Kontext.Domain.Policies;

/// <summary>The rules of an organization, compiled once per revision; immutable and swapped whole.</summary>
public sealed class PolicySet
{
    private PolicySet(int revision, ImmutableArray<PolicyRule> rules) => (Revision, Rules) = (revision, rules);

    /// <summary>The revision it was compiled from.</summary>
    public int Revision { get; }

    /// <summary>The rules it was compiled from.</summary>
    public ImmutableArray<PolicyRule> Rules { get; }

    /// <summary>Compiles.</summary>
    public static PolicySet Compile(PolicyRules rules) => new(rules.Revision, rules.Rules);
}
