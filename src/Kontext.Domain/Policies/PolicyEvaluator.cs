using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Kontext.Domain.Policies;

/// <summary>Decides: rules and request in, decision out. Pure.</summary>
public static class PolicyEvaluator
{
    /// <summary>Decides and, when the request may go on, gives the permit that opens a credential.</summary>
    /// <param name="rules">The compiled rules.</param>
    /// <param name="enforced">False in observe mode (contract 1.10).</param>
    /// <param name="request">What is asked for.</param>
    /// <param name="decision">The outcome with its reasons, in either case.</param>
    /// <param name="permit">The permit; null when denied.</param>
    public static bool TryPermit(PolicySet rules, bool enforced, PolicyRequest request, out PolicyDecision decision, [NotNullWhen(true)] out Permit? permit)
    {
        decision = new PolicyDecision(false, enforced, ImmutableArray<LayerDecision>.Empty);
        permit = decision.Passes ? new Permit(request, decision) : null;
        return permit is not null;
    }
}
