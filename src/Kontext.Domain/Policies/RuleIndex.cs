namespace Kontext.Domain.Policies;

/// <summary>The rules of one layer, found by whom and what they are about.</summary>
internal sealed class LayerRules
{
    private readonly Dictionary<RuleKey, RuleBucket> buckets = [];

    public LayerRules(IEnumerable<PolicyRule> rules)
    {
        foreach (var group in rules.GroupBy(RuleKey.Of))
            buckets[group.Key] = new RuleBucket([.. group.Select(rule => new CompiledRule(rule))]);
    }

    public bool IsEmpty => buckets.Count == 0;

    public RuleBucket? Find(RuleKey key) => buckets.GetValueOrDefault(key);
}

/// <summary>Whom and what a rule is about. A rule whose subject cannot be read is kept under everyone: it can only deny more than was meant, never less.</summary>
internal readonly record struct RuleKey(PolicySubjectKind Kind, Guid Id, string? Role, Guid Integration)
{
    public static RuleKey Of(PolicyRule rule)
    {
        var integration = rule.Integration?.Value ?? Guid.Empty;
        return rule.Subject switch
        {
            { Kind: PolicySubjectKind.Role, Value: { } role } => new(PolicySubjectKind.Role, Guid.Empty, role, integration),
            { Kind: PolicySubjectKind.User, Value: { } user } when UserId.TryParse(user, null, out var id) => new(PolicySubjectKind.User, id.Value, null, integration),
            { Kind: PolicySubjectKind.Application, Value: { } application } when AppId.TryParse(application, null, out var id) => new(PolicySubjectKind.Application, id.Value, null, integration),
            _ => new(PolicySubjectKind.Everyone, Guid.Empty, null, integration),
        };
    }
}

/// <summary>Rules about the same subject and integration.</summary>
internal sealed class RuleBucket
{
    private readonly Dictionary<string, CompiledRule[]> exact;

    public RuleBucket(CompiledRule[] rules)
    {
        Allows = rules.Any(rule => rule.Allows);
        // Neither of these two looks at the request, so what they come to is known from here on.
        Credential = OfCredential(rules);
        Discovery = OfDiscovery(rules);
        Whole = [.. rules.Where(rule => rule.IsWhole)];
        Patterns = new PatternIndex(rules.Where(rule => rule.IsPattern));
        exact = rules.Where(rule => !rule.IsWhole && !rule.IsPattern).GroupBy(rule => rule.Rule.Operation!).ToDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal);
    }

    /// <summary>What the rules say of the raw credential. It can do everything: any deny stands against it, and only an allow for all of it counts. Null when they say nothing.</summary>
    public LayerDecision? Credential { get; }

    /// <summary>What they say of asking what the integration offers: it may be asked when anything of it could be allowed; each operation is decided on its own afterwards.</summary>
    public LayerDecision? Discovery { get; }

    /// <summary>There is an allow rule among them: in the layers of person and application it narrows what consent and attachment allow.</summary>
    public bool Allows { get; }

    public CompiledRule[] Whole { get; }

    public PatternIndex Patterns { get; }

    public CompiledRule[] Exact(string operation) => exact.GetValueOrDefault(operation, []);

    private static LayerDecision? OfCredential(CompiledRule[] rules) =>
        rules.FirstOrDefault(rule => rule.SaidOfCredential is { Allowed: false, Asks: false })?.SaidOfCredential
        ?? rules.FirstOrDefault(rule => rule.Asks && rule.IsWhole && rule.Conditions.Length == 0)?.Said
        ?? rules.FirstOrDefault(rule => rule.IsWhole && rule.Conditions.Length == 0 && rule.Readable)?.Said;

    private static LayerDecision? OfDiscovery(CompiledRule[] rules) =>
        rules.FirstOrDefault(rule => rule.Denies && rule.IsWhole && rule.Conditions.Length == 0)?.Said
        ?? rules.FirstOrDefault(rule => !rule.Denies && rule.Readable)?.SaidOfDiscovery;
}

/// <summary>A rule with what it says, so that a decision only has to point at it.</summary>
internal sealed class CompiledRule
{
    public CompiledRule(PolicyRule rule)
    {
        Rule = rule;
        Conditions = [.. rule.Conditions.Select(condition => new CompiledCondition(condition))];
        var known = rule.Subject.Kind == PolicySubjectKind.Everyone || RuleKey.Of(rule).Kind == rule.Subject.Kind;
        // An ask rule whose subject cannot be read must neither be skipped nor open a way: it denies.
        Denies = rule.Effect == PolicyEffect.Deny || (rule.Effect == PolicyEffect.Ask && !known);
        // An allow rule whose subject cannot be read must not allow everyone.
        Readable = rule.Effect == PolicyEffect.Deny || known;
        var name = rule.Description is { Length: > 0 } description ? $"\"{description}\"" : rule.Id.ToString();
        var layer = rule.Layer switch { PolicyLayer.Organization => "the organization's", PolicyLayer.User => "the person's", _ => "the application's" };
        var verb = Allows ? "allows" : Asks ? "asks for a person's approval of" : "denies";
        Said = new LayerDecision(rule.Layer, Allows, rule.Id, $"{layer} rule {name} {verb} it") { Asks = Asks };
        SaidOfCredential = Allows || (IsWhole && rule.Conditions.IsEmpty)
            ? Said
            : Said with { Reason = $"{layer} rule {name} {verb} {rule.Operation ?? "part of what it can do"}, which a raw credential could do. Use the gateway {(Asks ? "instead" : "for the rest")}", Asks = false };
        SaidOfDiscovery = Asks ? Said with { Allowed = true, Asks = false } : Said;
    }

    public PolicyRule Rule { get; }

    public CompiledCondition[] Conditions { get; }

    public bool Allows => Rule.Effect == PolicyEffect.Allow;

    /// <summary>What it comes to where it applies.</summary>
    public PolicyEffect Effect => Denies ? PolicyEffect.Deny : Rule.Effect;

    public bool Asks => Rule.Effect == PolicyEffect.Ask && !Denies;

    public bool Denies { get; }

    public bool Readable { get; }

    public bool IsWhole => Rule.Operation is null or "*";

    public bool IsPattern => !IsWhole && Rule.Operation!.Contains('*', StringComparison.Ordinal);

    /// <summary>The decision of its layer when this rule decides.</summary>
    public LayerDecision Said { get; }

    /// <summary>The same for a raw credential.</summary>
    public LayerDecision SaidOfCredential { get; }

    /// <summary>The same for asking what the integration offers: what needs approval is shown.</summary>
    public LayerDecision SaidOfDiscovery { get; }
}
