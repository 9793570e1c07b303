using Kontext.Domain.Policies;

namespace Kontext.Functions.Api;

/// <summary>A decision as it was recorded (contract 1.14): per layer what it said and by which rule, and what the decision depended on.</summary>
internal sealed record RecordedDecisionBody
{
    public required bool Allowed { get; init; }

    public required bool Enforced { get; init; }

    public required string OrgPolicy { get; init; }

    public required string UserConsent { get; init; }

    public required string AgentPermissions { get; init; }

    public string? DeniedBy { get; init; }

    public string? Reason { get; init; }

    public RecordedLayerBody? Org { get; init; }

    public RecordedLayerBody? User { get; init; }

    public RecordedLayerBody? Application { get; init; }

    public PolicyFactsBody? Facts { get; init; }

    public static RecordedDecisionBody Of(PolicyDecision decision)
    {
        var (org, user, application) = (LayerOf(decision, PolicyLayer.Organization), LayerOf(decision, PolicyLayer.User), LayerOf(decision, PolicyLayer.Application));
        return new RecordedDecisionBody
        {
            Allowed = decision.Allowed,
            Enforced = decision.Enforced,
            OrgPolicy = org?.Effect ?? "deny",
            UserConsent = user?.Effect ?? "deny",
            AgentPermissions = application?.Effect ?? "deny",
            DeniedBy = decision.Denial?.Rule?.ToString(),
            Reason = decision.Denial?.Reason,
            Org = org,
            User = user,
            Application = application,
            Facts = decision.Facts is { } facts ? PolicyFactsBody.Of(facts) : null,
        };
    }

    private static RecordedLayerBody? LayerOf(PolicyDecision decision, PolicyLayer layer) =>
        decision.Layers.FirstOrDefault(said => said.Layer == layer) is { } said ? new RecordedLayerBody(said.Allowed ? "allow" : said.Asks ? "ask" : "deny", said.Rule?.ToString(), said.Reason) : null;
}

/// <summary>What a layer said.</summary>
internal sealed record RecordedLayerBody(string Effect, string? Rule, string Reason);

/// <summary>What a decision depended on. A call's arguments are not among it, only how each condition on them came out.</summary>
internal sealed record PolicyFactsBody(
    string Access, IReadOnlyList<string> Roles, bool RolesKept, bool Consented, bool Attached, bool Arguments, IReadOnlyList<ConditionOutcomeBody> Conditions, IReadOnlyList<DelegatorFactsBody> Delegators)
{
    public static PolicyFactsBody Of(PolicyFacts facts) => new(
        facts.Kind switch
        {
            AccessKind.Operation => "operation",
            AccessKind.Credential => "credential",
            AccessKind.Discovery => "discovery",
            _ => throw new InvalidOperationException($"Unknown kind of access {facts.Kind}."),
        },
        facts.Roles.IsDefault ? [] : facts.Roles,
        facts.RolesKept,
        facts.Consented,
        facts.Attached,
        facts.HasArguments,
        facts.Conditions.IsDefault ? [] : [.. facts.Conditions.Select(outcome => new ConditionOutcomeBody(outcome.Condition, outcome.Held switch { true => "held", false => "failed", null => "unknown" }))],
        facts.Delegators.IsDefault ? [] : [.. facts.Delegators.Select(delegator => new DelegatorFactsBody(delegator.Application.ToString(), delegator.Attached))]);
}

/// <summary>How a condition came out: <c>held</c>, <c>failed</c> or <c>unknown</c>.</summary>
internal sealed record ConditionOutcomeBody(string Condition, string Outcome);

/// <summary>An agent that handed a person's authority on.</summary>
internal sealed record DelegatorFactsBody(string ApplicationId, bool Attached);
