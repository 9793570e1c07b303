using System.Collections.Immutable;

namespace Kontext.Domain.Policies;

/// <summary>What is known of a target and arguments that are not at hand: what the audit kept of a past call, or nothing of a call that was not made yet.
/// A condition it knows nothing of can be taken either for or against the request, and as holding or not for rules that ask: where all of that gives the same decision, that is the decision.</summary>
internal sealed class RecordedArguments : IConditionOutcomes
{
    private readonly Dictionary<string, bool?> known;
    private readonly bool targetKnown;
    private readonly string? target;
    private readonly bool hasArguments;
    private readonly bool inFavour;
    private readonly bool asked;

    private RecordedArguments(Dictionary<string, bool?> known, bool targetKnown, string? target, bool hasArguments, bool inFavour, bool asked) =>
        (this.known, this.targetKnown, this.target, this.hasArguments, this.inFavour, this.asked) = (known, targetKnown, target, hasArguments, inFavour, asked);

    /// <summary>A call nobody made yet: nothing is known. All that could be, the best first and the worst last.</summary>
    public static ImmutableArray<RecordedArguments> Unknown() => All([], false, null, hasArguments: true);

    /// <summary>A call as it was recorded: all that could have been, the best first and the worst last.</summary>
    public static ImmutableArray<RecordedArguments> Of(PolicyFacts facts, bool targetKnown, string? target) => All(Index(facts.Conditions), targetKnown, target, facts.HasArguments);

    /// <inheritdoc/>
    public bool Satisfy(CompiledCondition[] conditions, PolicyEffect effect)
    {
        foreach (var condition in conditions)
        {
            if (!Holds(condition, effect))
                return false;
        }
        return true;
    }

    // More rules that allow, or fewer that deny, never turn a yes into a no. A rule that asks turns a yes into a question and a no for want of rules too: it is tried both ways.
    private static ImmutableArray<RecordedArguments> All(Dictionary<string, bool?> known, bool targetKnown, string? target, bool hasArguments) =>
    [
        new(known, targetKnown, target, hasArguments, inFavour: true, asked: false),
        new(known, targetKnown, target, hasArguments, inFavour: true, asked: true),
        new(known, targetKnown, target, hasArguments, inFavour: false, asked: false),
        new(known, targetKnown, target, hasArguments, inFavour: false, asked: true),
    ];

    private bool Holds(CompiledCondition condition, PolicyEffect effect)
    {
        var restricts = effect != PolicyEffect.Allow;
        if (condition.IsTarget && targetKnown)
            return condition.Compare(target) ?? restricts;
        if (condition.IsArgument && !hasArguments)
            return condition.Compare(null) ?? restricts;
        if (condition.IsArgument && known.TryGetValue(condition.Key, out var held))
            return held ?? restricts;
        if (!condition.IsTarget && !condition.IsArgument)
            return restricts;
        return effect switch { PolicyEffect.Allow => inFavour, PolicyEffect.Deny => !inFavour, _ => asked };
    }

    private static Dictionary<string, bool?> Index(ImmutableArray<ConditionOutcome> outcomes) =>
        outcomes.DistinctBy(outcome => outcome.Condition).ToDictionary(outcome => outcome.Condition, outcome => outcome.Held);
}
