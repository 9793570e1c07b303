using System.Collections.Immutable;

namespace Kontext.Domain.Policies;

/// <summary>The rules of an organization, compiled once per revision; immutable and swapped whole. Rules about others cost a decision nothing: it looks up only what is about its own person, roles, application and integration.</summary>
public sealed class PolicySet
{
    private static readonly PolicyLayer[] Layers = [PolicyLayer.Organization, PolicyLayer.User, PolicyLayer.Application];

    private readonly LayerRules[] layers;

    private PolicySet(PolicyRules rules)
    {
        (Revision, Rules) = (rules.Revision, rules.Rules);
        layers = [.. Layers.Select(layer => new LayerRules(rules.Rules.Where(rule => rule.Layer == layer)))];
    }

    /// <summary>The revision it was compiled from.</summary>
    public int Revision { get; }

    /// <summary>The rules it was compiled from.</summary>
    public ImmutableArray<PolicyRule> Rules { get; }

    /// <summary>Compiles.</summary>
    public static PolicySet Compile(PolicyRules rules) => new(rules);

    internal LayerRules Of(PolicyLayer layer) => layers[(int)layer];
}
