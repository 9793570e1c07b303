using System.Collections.Immutable;

namespace Kontext.Domain.Policies;

/// <summary>What a decision depended on that its audit entry does not say elsewhere, so that other rules can be held against it later and give exactly what they would have given then.
/// Of the call's arguments nothing is kept but how each condition that was looked at came out.</summary>
public sealed record PolicyFacts
{
    private const int MaxRoleCharacters = 2_000;

    /// <summary>What kind of access it was.</summary>
    public required AccessKind Kind { get; init; }

    /// <summary>The person's roles; empty as well when there were too many to keep (<see cref="RolesKept"/>).</summary>
    public ImmutableArray<string> Roles { get; init; } = [];

    /// <summary>False when the roles were too long for an audit entry.</summary>
    public bool RolesKept { get; init; } = true;

    /// <summary>The person had approved the integration for the agent.</summary>
    public required bool Consented { get; init; }

    /// <summary>The integration was attached to the agent.</summary>
    public required bool Attached { get; init; }

    /// <summary>The call had arguments.</summary>
    public bool HasArguments { get; init; }

    /// <summary>The conditions on arguments that were looked at.</summary>
    public ImmutableArray<ConditionOutcome> Conditions { get; init; } = [];

    /// <summary>The agents before this one, for which policy had to allow the same.</summary>
    public ImmutableArray<DelegatorFacts> Delegators { get; init; } = [];

    /// <summary>The facts of a request.</summary>
    internal static PolicyFacts Of(PolicyRequest request, ImmutableArray<ConditionOutcome> conditions)
    {
        var length = 0;
        foreach (var role in request.Roles)
            length += role.Length;
        var kept = length <= MaxRoleCharacters;
        return new PolicyFacts
        {
            Kind = request.Kind,
            Roles = kept ? request.Roles : [],
            RolesKept = kept,
            Consented = request.Consented,
            Attached = request.Attached,
            HasArguments = !request.Arguments.IsEmpty,
            Conditions = conditions,
        };
    }
}

/// <summary>How a condition on an argument came out.</summary>
/// <param name="Condition">The condition's key (<see cref="CompiledCondition.Key"/>): a hash of path, operator and values.</param>
/// <param name="Held">Whether it held; null when it could not be evaluated.</param>
public readonly record struct ConditionOutcome(string Condition, bool? Held);

/// <summary>An agent that handed a person's authority on.</summary>
/// <param name="Application">Which.</param>
/// <param name="Attached">The integration was attached to it.</param>
public readonly record struct DelegatorFacts(AppId Application, bool Attached);
