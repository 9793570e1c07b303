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
        var organization = Rule(rules.Of(PolicyLayer.Organization), request, arguments, out _) ?? NoRule;
        // Consent and attachment are necessary, whatever a rule allows. They cover the whole integration until the layer has allow rules about it: then only what those cover.
        var user = request.User is null ? NoUser
            : !request.Consented ? NotConsented
            : Rule(rules.Of(PolicyLayer.User), request, arguments, out var narrowed) ?? (narrowed ? NotCoveredByUser : Consented);
        var application = !request.Attached ? NotAttached
            : Rule(rules.Of(PolicyLayer.Application), request, arguments, out narrowed) ?? (narrowed ? NotCoveredByApplication : Attached);

        decision = new PolicyDecision(organization.Allowed && user.Allowed && application.Allowed, enforced, [organization, user, application]);
        permit = decision.Passes ? new Permit(request, decision) : null;
        return permit is not null;
    }

    /// <summary>The permit for what only needed a person's approval, against that approval.</summary>
    /// <exception cref="InvalidOperationException">The decision denies, or the approval is of something else.</exception>
    internal static Permit Permit(PolicyRequest request, PolicyDecision decision, GivenApproval approval) =>
        decision.Asks && approval.Covers(request) ? new Permit(request, decision) : throw new InvalidOperationException("An approval was used for what it does not cover.");

    /// <summary>What the rules of a layer say: a deny if any applies, else an allow if any applies, else nothing; and whether there are allow rules about the integration at all.</summary>
    private static LayerDecision? Rule(LayerRules layer, PolicyRequest request, RequestArguments arguments, out bool narrowed)
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
    private static bool Visit(LayerRules layer, RuleKey subject, PolicyRequest request, RequestArguments arguments, ref LayerDecision? said, ref bool narrowed) =>
        Visit(layer.Find(subject), request, arguments, ref said, ref narrowed)
        || Visit(layer.Find(subject with { Integration = request.Integration.Value }), request, arguments, ref said, ref narrowed);

    private static bool Visit(RuleBucket? bucket, PolicyRequest request, RequestArguments arguments, ref LayerDecision? said, ref bool narrowed)
    {
        if (bucket is null)
            return false;
        narrowed |= bucket.Allows;
        return request.Kind switch
        {
            AccessKind.Operation => VisitOperation(bucket, request.Operation ?? "", arguments, ref said),
            AccessKind.Credential => VisitCredential(bucket, ref said),
            AccessKind.Discovery => VisitDiscovery(bucket, ref said),
            _ => throw new InvalidOperationException($"Unknown kind of access {request.Kind}."),
        };
    }

    private static bool VisitOperation(RuleBucket bucket, string operation, RequestArguments arguments, ref LayerDecision? said)
    {
        if (VisitAll(bucket.Whole, arguments, ref said) || VisitAll(bucket.Exact(operation), arguments, ref said))
            return true;
        foreach (var rule in bucket.Patterns)
        {
            if (Wildcard.Matches(rule.Rule.Operation!, operation) && Takes(rule, arguments, ref said))
                return true;
        }
        return false;
    }

    private static bool VisitAll(CompiledRule[] rules, RequestArguments arguments, ref LayerDecision? said)
    {
        foreach (var rule in rules)
        {
            if (Takes(rule, arguments, ref said))
                return true;
        }
        return false;
    }

    private static bool Takes(CompiledRule rule, RequestArguments arguments, ref LayerDecision? said)
    {
        var denies = rule.Denies;
        // A rule that would change nothing need not look at the arguments. One that asks does so when its conditions cannot be read.
        if ((!denies && (said is { Asks: true } || (said is not null && rule.Allows) || !rule.Readable)) || !arguments.Satisfy(rule.Rule.Conditions, unreadable: !rule.Allows))
            return false;
        said = rule.Said;
        return denies;
    }

    // The raw credential can do everything: any deny on the integration stands against it, and only an allow for all of it counts.
    private static bool VisitCredential(RuleBucket bucket, ref LayerDecision? said)
    {
        foreach (var rule in bucket.All)
        {
            if (rule.SaidOfCredential is { Allowed: false, Asks: false })
            {
                said = rule.SaidOfCredential;
                return true;
            }
            if ((said is null || (said.Allowed && rule.Asks)) && rule.IsWhole && rule.Rule.Conditions.IsEmpty && rule.Readable)
                said = rule.Said;
        }
        return false;
    }

    // What the integration offers may be asked when anything of it could be allowed; each operation is decided on its own afterwards.
    private static bool VisitDiscovery(RuleBucket bucket, ref LayerDecision? said)
    {
        foreach (var rule in bucket.All)
        {
            if (rule.Denies && rule.IsWhole && rule.Rule.Conditions.IsEmpty)
            {
                said = rule.Said;
                return true;
            }
            if (said is null && !rule.Denies && rule.Readable)
                said = rule.SaidOfDiscovery;
        }
        return false;
    }
}
