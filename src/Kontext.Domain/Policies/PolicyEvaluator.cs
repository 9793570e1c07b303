using System.Diagnostics.CodeAnalysis;

namespace Kontext.Domain.Policies;

/// <summary>Decides: rules and request in, decision out. Pure. All three layers have to allow; within a layer a deny beats an ask, an ask beats every allow, and a layer that nothing allows denies (architecture section 6).</summary>
public static class PolicyEvaluator
{
    private static readonly LayerDecision NoRule = new(PolicyLayer.Organization, false, null, "no rule of the organization allows it");
    private static readonly LayerDecision NotConsented = new(PolicyLayer.User, false, null, "the person has not approved this integration for this agent");
    private static readonly LayerDecision Consented = new(PolicyLayer.User, true, null, "the person approved it");
    private static readonly LayerDecision NoUser = new(PolicyLayer.User, true, null, "the application acts for itself");
    private static readonly LayerDecision NotAttached = new(PolicyLayer.Application, false, null, "the integration is not attached to the application");
    private static readonly LayerDecision NotCoveredByUser = new(PolicyLayer.User, false, null, "the person's own rules allow other things of this integration, not this");
    private static readonly LayerDecision NotCoveredByApplication = new(PolicyLayer.Application, false, null, "the application's rules allow other things of this integration, not this");
    private static readonly LayerDecision Attached = new(PolicyLayer.Application, true, null, "the integration is attached");

    /// <summary>Decides and, when the request may go on, gives the permit that opens a credential.</summary>
    /// <param name="rules">The compiled rules.</param>
    /// <param name="enforced">False in observe mode (contract 1.10).</param>
    /// <param name="request">What is asked for.</param>
    /// <param name="decision">The outcome with its reasons, in either case.</param>
    /// <param name="permit">The permit; null when denied.</param>
    public static bool TryPermit(PolicySet rules, bool enforced, PolicyRequest request, out PolicyDecision decision, [NotNullWhen(true)] out Permit? permit)
    {
        using var arguments = new RequestArguments(request);
        decision = Decide(rules, enforced, request, arguments) with { Facts = PolicyFacts.Of(request, arguments.Outcomes) };
        permit = decision.Passes ? new Permit(request, decision) : null;
        return permit is not null;
    }

    /// <summary>The same for a request behind which other agents stand: what one of them may not do, the one that acts for it may not either. A deny of anyone counts before all else.</summary>
    /// <param name="rules">The compiled rules.</param>
    /// <param name="enforced">False in observe mode (contract 1.10).</param>
    /// <param name="delegators">The request as each agent before would have made it, the first one first.</param>
    /// <param name="request">What is asked for.</param>
    /// <param name="decision">The outcome with its reasons, in either case.</param>
    /// <param name="permit">The permit; null when denied.</param>
    public static bool TryPermit(PolicySet rules, bool enforced, IReadOnlyList<PolicyRequest> delegators, PolicyRequest request, out PolicyDecision decision, [NotNullWhen(true)] out Permit? permit)
    {
        if (delegators.Count == 0)
            return TryPermit(rules, enforced, request, out decision, out permit);
        var decisions = new List<PolicyDecision>(delegators.Count + 1);
        foreach (var one in delegators.Append(request))
        {
            TryPermit(rules, enforced, one, out var said, out _);
            decisions.Add(said);
            if (said.Effect == PolicyEffect.Deny)
                break;
        }
        decision = decisions[Deciding([.. decisions.Select(said => (PolicyEffect?)said.Effect)])];
        // The entry is about the agent that asks, whichever agent of the chain was in the way.
        decision = decision with
        {
            Facts = decision.Facts! with
            {
                Attached = request.Attached,
                Conditions = [.. decisions.SelectMany(said => said.Facts!.Conditions).Distinct()],
                Delegators = [.. delegators.Select(delegator => new DelegatorFacts(delegator.Application, delegator.Attached))],
            },
        };
        permit = decision.Passes ? new Permit(request, decision) : null;
        return permit is not null;
    }

    /// <summary>Which of the decisions about a chain of agents counts, the one that asks being the last: the first that denies, else one that is not certain (null), else one that asks, else the last.</summary>
    internal static int Deciding(IReadOnlyList<PolicyEffect?> effects)
    {
        var last = effects.Count - 1;
        foreach (var effect in (ReadOnlySpan<PolicyEffect?>)[PolicyEffect.Deny, null])
        {
            for (var i = 0; i <= last; i++)
            {
                if (effects[i] == effect)
                    return i;
            }
        }
        for (var i = 0; i < last && effects[last] != PolicyEffect.Ask; i++)
        {
            if (effects[i] == PolicyEffect.Ask)
                return i;
        }
        return last;
    }

    /// <summary>Decides on what is known of target and arguments; gives no permit.</summary>
    internal static PolicyDecision Decide(PolicySet rules, bool enforced, PolicyRequest request, IConditionOutcomes arguments)
    {
        var organization = Rule(rules.Of(PolicyLayer.Organization), request, arguments, out _) ?? NoRule;
        // Consent and attachment are necessary, whatever a rule allows. They cover the whole integration until the layer has allow rules about it: then only what those cover.
        var user = request.User is null ? NoUser
            : !request.Consented ? NotConsented
            : Rule(rules.Of(PolicyLayer.User), request, arguments, out var narrowed) ?? (narrowed ? NotCoveredByUser : Consented);
        var application = !request.Attached ? NotAttached
            : Rule(rules.Of(PolicyLayer.Application), request, arguments, out narrowed) ?? (narrowed ? NotCoveredByApplication : Attached);

        return new PolicyDecision(organization.Allowed && user.Allowed && application.Allowed, enforced, [organization, user, application]);
    }

    /// <summary>The permit for what only needed a person's approval, against that approval.</summary>
    /// <exception cref="InvalidOperationException">The decision denies, or the approval is of something else.</exception>
    internal static Permit Permit(PolicyRequest request, PolicyDecision decision, GivenApproval approval) =>
        decision.Asks && approval.Covers(request) ? new Permit(request, decision) : throw new InvalidOperationException("An approval was used for what it does not cover.");

    /// <summary>What the rules of a layer say: a deny if any applies, else an allow if any applies, else nothing; and whether there are allow rules about the integration at all.</summary>
    private static LayerDecision? Rule(LayerRules layer, PolicyRequest request, IConditionOutcomes arguments, out bool narrowed)
    {
        narrowed = false;
        if (layer.IsEmpty)
            return null;
        LayerDecision? said = null;
        if (Visit(layer, new RuleKey(PolicySubjectKind.Everyone, Guid.Empty, null, Guid.Empty), request, arguments, ref said, ref narrowed)
            || Visit(layer, new RuleKey(PolicySubjectKind.Application, request.Application.Value, null, Guid.Empty), request, arguments, ref said, ref narrowed)
            || (request.User is { } user && Visit(layer, new RuleKey(PolicySubjectKind.User, user.Value, null, Guid.Empty), request, arguments, ref said, ref narrowed)))
            return said;
        foreach (var role in request.Roles)
        {
            if (Visit(layer, new RuleKey(PolicySubjectKind.Role, Guid.Empty, role, Guid.Empty), request, arguments, ref said, ref narrowed))
                break;
        }
        return said;
    }

    // True when a deny was found: nothing can change that any more.
    private static bool Visit(LayerRules layer, RuleKey subject, PolicyRequest request, IConditionOutcomes arguments, ref LayerDecision? said, ref bool narrowed) =>
        Visit(layer.Find(subject), request, arguments, ref said, ref narrowed)
        || Visit(layer.Find(subject with { Integration = request.Integration.Value }), request, arguments, ref said, ref narrowed);

    private static bool Visit(RuleBucket? bucket, PolicyRequest request, IConditionOutcomes arguments, ref LayerDecision? said, ref bool narrowed)
    {
        if (bucket is null)
            return false;
        narrowed |= bucket.Allows;
        return request.Kind switch
        {
            AccessKind.Operation => VisitOperation(bucket, request.Operation ?? "", arguments, ref said),
            AccessKind.Credential => Take(bucket.Credential, ref said),
            AccessKind.Discovery => Take(bucket.Discovery, ref said),
            _ => throw new InvalidOperationException($"Unknown kind of access {request.Kind}."),
        };
    }

    private static bool VisitOperation(RuleBucket bucket, string operation, IConditionOutcomes arguments, ref LayerDecision? said)
    {
        if (VisitAll(bucket.Whole, arguments, ref said) || VisitAll(bucket.Exact(operation), arguments, ref said))
            return true;
        foreach (var rules in bucket.Patterns.For(operation))
        {
            foreach (var rule in rules)
            {
                if (Wildcard.Matches(rule.Rule.Operation!, operation) && Takes(rule, arguments, ref said))
                    return true;
            }
        }
        return false;
    }

    private static bool VisitAll(CompiledRule[] rules, IConditionOutcomes arguments, ref LayerDecision? said)
    {
        foreach (var rule in rules)
        {
            if (Takes(rule, arguments, ref said))
                return true;
        }
        return false;
    }

    private static bool Takes(CompiledRule rule, IConditionOutcomes arguments, ref LayerDecision? said)
    {
        var denies = rule.Denies;
        // A rule that would change nothing need not look at the arguments. One that asks does so when its conditions cannot be read.
        if ((!denies && (said is { Asks: true } || (said is not null && rule.Allows) || !rule.Readable)) || (rule.Conditions.Length > 0 && !arguments.Satisfy(rule.Conditions, rule.Effect)))
            return false;
        said = rule.Said;
        return denies;
    }

    // A deny ends the search; to ask beats to allow; otherwise what was said first stays.
    private static bool Take(LayerDecision? decided, ref LayerDecision? said)
    {
        if (decided is null)
            return false;
        var denies = decided is { Allowed: false, Asks: false };
        if (denies || said is null || (decided.Asks && !said.Asks))
            said = decided;
        return denies;
    }
}
