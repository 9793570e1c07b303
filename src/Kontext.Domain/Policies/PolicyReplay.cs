using System.Collections.Immutable;
using Kontext.Domain.Audit;

namespace Kontext.Domain.Policies;

/// <summary>What other rules would have made of a recorded decision.</summary>
public enum ReplayOutcome
{
    /// <summary>The same.</summary>
    Unchanged,

    /// <summary>Another one.</summary>
    Changed,

    /// <summary>It depends on something the entry does not hold.</summary>
    Undecidable,
}

/// <summary>Why it cannot be said what other rules would have made of a decision.</summary>
public enum ReplayGap
{
    /// <summary>The entry is from before the facts of decisions were kept, or was shortened.</summary>
    NotRecorded,

    /// <summary>A rule that would decide looks at the call's arguments, with a condition no rule had then. Arguments are not kept.</summary>
    Arguments,
}

/// <summary>One layer under the other rules.</summary>
/// <param name="Decision">What it says; where it is not certain, what it says if the unknown counts for the request.</param>
/// <param name="Certain">False when it depends on something unknown.</param>
public sealed record ReplayedLayer(LayerDecision Decision, bool Certain);

/// <summary>A recorded decision under other rules.</summary>
/// <param name="Outcome">Whether it would have come out otherwise.</param>
/// <param name="Gap">What is missing, when that cannot be said; else null.</param>
/// <param name="Effect">The outcome under the other rules; null when it cannot be said.</param>
/// <param name="Layers">The layers under the other rules; empty when nothing can be said.</param>
public sealed record ReplayedDecision(ReplayOutcome Outcome, ReplayGap? Gap, PolicyEffect? Effect, ImmutableArray<ReplayedLayer> Layers)
{
    /// <summary>Every layer allows; null when it cannot be said.</summary>
    public bool? Allowed => Effect is { } effect ? effect == PolicyEffect.Allow : null;
}

/// <summary>Holds a set of rules against decisions of the past, by the evaluator that decides live. What an entry does not hold is taken once for and once against the request, and only where both agree is there an answer: never a guess.</summary>
public static class PolicyReplay
{
    // The audit marks text it shortened so.
    private const string Shortened = "...";
    private const int ShortenedFrom = 4_000;

    /// <summary>What the rules would have made of it; null when the entry holds no decision.</summary>
    public static ReplayedDecision? Run(PolicySet rules, AuditEvent happened)
    {
        if (happened.Policy is not { } before)
            return null;
        if (before.Facts is not { RolesKept: true } facts || RequestsOf(happened, facts) is not { } requests)
            return new ReplayedDecision(ReplayOutcome.Undecidable, ReplayGap.NotRecorded, null, []);
        var targetKnown = happened.Target is not { Length: > ShortenedFrom } target || !target.EndsWith(Shortened, StringComparison.Ordinal);
        var arguments = RecordedArguments.Of(facts, targetKnown, happened.Target);
        var decisions = requests.ConvertAll(request => Decide(rules, request, arguments));
        var decided = decisions[PolicyEvaluator.Deciding(decisions.ConvertAll(decision => decision.Effect))];
        return decided.Effect is { } effect
            ? decided with { Outcome = effect == before.Effect ? ReplayOutcome.Unchanged : ReplayOutcome.Changed }
            : decided with { Gap = targetKnown ? ReplayGap.Arguments : ReplayGap.NotRecorded };
    }

    /// <summary>What the rules say of a request whose target and arguments are not known.</summary>
    public static ReplayedDecision Foresee(PolicySet rules, PolicyRequest request) =>
        Decide(rules, request, RecordedArguments.Unknown());

    // What the extremes agree on holds for everything between them.
    private static ReplayedDecision Decide(PolicySet rules, PolicyRequest request, ImmutableArray<RecordedArguments> arguments)
    {
        var possible = arguments.Select(some => PolicyEvaluator.Decide(rules, enforced: true, request, some)).ToList();
        var (best, worst) = (possible[0], possible[^1]);
        var layers = Enumerable.Range(0, best.Layers.Length).Select(layer => new ReplayedLayer(
            best.Layers[layer].Allowed && worst.Layers[layer].Allowed ? worst.Layers[layer] : best.Layers[layer],
            possible.TrueForAll(decision => decision.Layers[layer].Effect == best.Layers[layer].Effect)));
        return possible.TrueForAll(decision => decision.Effect == best.Effect)
            ? new ReplayedDecision(ReplayOutcome.Unchanged, null, best.Effect, [.. layers])
            : new ReplayedDecision(ReplayOutcome.Undecidable, ReplayGap.Arguments, null, [.. layers]);
    }

    // The agents before come first, as they did then.
    private static List<PolicyRequest>? RequestsOf(AuditEvent happened, PolicyFacts facts)
    {
        if (!AppId.TryParse(happened.Agent?.Id, null, out var application) || !IntegrationId.TryParse(happened.Integration?.Id, null, out var integration))
            return null;
        UserId? user = null;
        if (happened.User is { } person)
        {
            if (!UserId.TryParse(person.Id, null, out var id))
                return null;
            user = id;
        }
        string? operation = null;
        if (facts.Kind == AccessKind.Operation)
        {
            // The name may hold colons itself, but the entry tells it.
            var prefix = happened.Integration!.Name + ":";
            if (happened.Capability?.StartsWith(prefix, StringComparison.Ordinal) != true)
                return null;
            operation = happened.Capability[prefix.Length..];
        }
        var own = new PolicyRequest
        {
            Kind = facts.Kind,
            User = user,
            Roles = facts.Roles,
            Application = application,
            Integration = integration,
            IntegrationName = happened.Integration!.Name ?? "",
            Operation = operation,
            Consented = facts.Consented,
            Attached = facts.Attached,
            Target = happened.Target,
        };
        return [.. facts.Delegators.Select(delegator => own with { Application = delegator.Application, Attached = delegator.Attached }), own];
    }
}
