using System.Collections.Immutable;

namespace Kontext.Domain.Policies;

/// <summary>What is known of a target and arguments that are not at hand: what the audit kept of a past call, or nothing of a call that was not made yet.
/// A condition it knows nothing of can be taken either for or against the request; where both give the same decision, that is the decision.</summary>
internal sealed class RecordedArguments : IConditionOutcomes
{
    private readonly Dictionary<string, bool?> known;
    private readonly bool targetKnown;
    private readonly string? target;
    private readonly bool hasArguments;
    private readonly bool inFavour;

    private RecordedArguments(Dictionary<string, bool?> known, bool targetKnown, string? target, bool hasArguments, bool inFavour) =>
        (this.known, this.targetKnown, this.target, this.hasArguments, this.inFavour) = (known, targetKnown, target, hasArguments, inFavour);

    /// <summary>A call nobody made yet: nothing is known.</summary>
    public static RecordedArguments Unknown(bool inFavour) => new([], false, null, hasArguments: true, inFavour);

    /// <summary>A call as it was recorded.</summary>
    public static RecordedArguments Of(PolicyFacts facts, bool targetKnown, string? target, bool inFavour) =>
        new(Index(facts.Conditions), targetKnown, target, facts.HasArguments, inFavour);

    /// <inheritdoc/>
    public bool Satisfy(CompiledCondition[] conditions, bool denies)
    {
        foreach (var condition in conditions)
        {
            if (!Holds(condition, denies))
                return false;
        }
        return true;
    }

    private bool Holds(CompiledCondition condition, bool denies)
    {
        if (condition.IsTarget && targetKnown)
            return condition.Compare(target) ?? denies;
        if (condition.IsArgument && !hasArguments)
            return condition.Compare(null) ?? denies;
        if (condition.IsArgument && known.TryGetValue(condition.Key, out var held))
            return held ?? denies;
        if (!condition.IsTarget && !condition.IsArgument)
            return denies;
        // Unknown: in favour of the request, what denies does not apply and what allows does.
        return inFavour ? !denies : denies;
    }

    private static Dictionary<string, bool?> Index(ImmutableArray<ConditionOutcome> outcomes) =>
        outcomes.DistinctBy(outcome => outcome.Condition).ToDictionary(outcome => outcome.Condition, outcome => outcome.Held);
}
