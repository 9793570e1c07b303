using System.Collections.Immutable;

namespace Kontext.Domain.Policies;

/// <summary>What one layer said and why.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="Allowed">Whether it let the request pass.</param>
/// <param name="Rule">The rule that decided; null when consent, attachment or the lack of any rule did.</param>
/// <param name="Reason">In words, for people.</param>
public sealed record LayerDecision(PolicyLayer Layer, bool Allowed, RuleId? Rule, string Reason)
{
    /// <summary>It did not let the request pass, but a person's approval would.</summary>
    public bool Asks { get; init; }

    /// <summary>What it came to.</summary>
    public PolicyEffect Effect => Allowed ? PolicyEffect.Allow : Asks ? PolicyEffect.Ask : PolicyEffect.Deny;
}

/// <summary>The outcome over all layers: a value that goes into the audit entry and into the error.</summary>
/// <param name="Allowed">All three layers allowed.</param>
/// <param name="Enforced">False in observe mode: the outcome is recorded, the request passes.</param>
/// <param name="Layers">Organization, user, application, in this order.</param>
public sealed record PolicyDecision(bool Allowed, bool Enforced, ImmutableArray<LayerDecision> Layers)
{
    /// <summary>What it depended on; null in entries from before that was recorded.</summary>
    public PolicyFacts? Facts { get; init; }

    /// <summary>The request may go on.</summary>
    public bool Passes => Allowed || !Enforced;

    /// <summary>Nothing but a person's approval is missing: a layer asks for it and none denies.</summary>
    public bool Asks => !Allowed && Layers.All(layer => layer.Allowed || layer.Asks);

    /// <summary>What it came to.</summary>
    public PolicyEffect Effect => Allowed ? PolicyEffect.Allow : Asks ? PolicyEffect.Ask : PolicyEffect.Deny;

    /// <summary>The first layer that denied, else the first that asks; null when all allowed.</summary>
    public LayerDecision? Denial => Layers.FirstOrDefault(layer => !layer.Allowed && !layer.Asks) ?? Layers.FirstOrDefault(layer => !layer.Allowed);
}

/// <summary>Proof that policy let a request pass. Only the evaluator makes one, and credentials are opened only against one.</summary>
public sealed class Permit
{
    internal Permit(PolicyRequest request, PolicyDecision decision) => (Request, Decision) = (request, decision);

    /// <summary>What was permitted.</summary>
    public PolicyRequest Request { get; }

    /// <summary>Why.</summary>
    public PolicyDecision Decision { get; }
}
