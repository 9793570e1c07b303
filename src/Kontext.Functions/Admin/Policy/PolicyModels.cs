using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Policy;

/// <summary>What rules refer to, by id, for people to read and choose from.</summary>
/// <param name="Integrations">Names of integrations.</param>
/// <param name="Applications">Names of applications.</param>
/// <param name="People">Names of people who were active lately.</param>
internal sealed record PolicyNames(IReadOnlyDictionary<string, string> Integrations, IReadOnlyDictionary<string, string> Applications, IReadOnlyDictionary<string, string> People)
{
    /// <summary>The people, to choose from.</summary>
    public IReadOnlyList<(string Id, string Name)> Suggestions => [.. People.Select(person => (person.Key, person.Value)).OrderBy(person => person.Value, StringComparer.OrdinalIgnoreCase)];

    /// <summary>Whom a rule is about.</summary>
    public string SubjectOf(PolicyRuleBody rule) => rule switch
    {
        { ApplicationId: { } application } => $"Application {Applications.GetValueOrDefault(application, application)}",
        { UserId: { } user } => $"Person {People.GetValueOrDefault(user, user)}",
        { Role: { } role } => $"Role {role}",
        _ => "Everyone",
    };

    /// <summary>What it is about.</summary>
    public string ObjectOf(PolicyRuleBody rule) =>
        (rule.IntegrationId is { } integration ? Integrations.GetValueOrDefault(integration, integration) : "Every integration") + (rule.ToolName is { } tool ? ": " + tool : "");

    /// <summary>All that it says, in a line.</summary>
    public string Words(PolicyRuleBody rule) => string.Join(" · ", (IEnumerable<string>)
    [
        rule.Action, rule.Level, SubjectOf(rule), ObjectOf(rule),
        .. rule.Conditions is { Count: > 0 } conditions ? [string.Join("; ", conditions.Select(RuleForm.Line))] : (string[])[],
        .. rule.Description is { Length: > 0 } why ? [why] : (string[])[],
    ]);
}

/// <summary>What the page of all rules shows.</summary>
internal sealed record PolicyModel(AdminFrame Frame, IReadOnlyList<PolicyRuleBody> Rules, PolicyNames Names, bool Enforced) : AdminModel(Frame);

/// <summary>What the form of a rule shows.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Id">The rule; null for a new one.</param>
/// <param name="Names">What can be chosen.</param>
/// <param name="Form">What was entered.</param>
/// <param name="Replay">What the rule would have done in the last day; null when it was not asked.</param>
internal sealed record RuleModel(AdminFrame Frame, string? Id, PolicyNames Names, FormState Form, PolicyReplayBody? Replay) : AdminModel(Frame);

/// <summary>What the page that explains a decision shows.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Names">What can be chosen.</param>
/// <param name="Form">What was asked.</param>
/// <param name="Decision">The answer; null before it was asked, or when it was refused.</param>
internal sealed record CheckModel(AdminFrame Frame, PolicyNames Names, FormState Form, PolicyCheckBody? Decision) : AdminModel(Frame);

/// <summary>What the page for whole sets of rules shows.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Form">What was entered.</param>
/// <param name="Names">What rules refer to.</param>
/// <param name="Replay">What the rules would have decided otherwise; null when it was not asked.</param>
/// <param name="Change">How they differ from those there are; null when it was not asked.</param>
internal sealed record ProposalModel(AdminFrame Frame, FormState Form, PolicyNames Names, PolicyReplayBody? Replay, PolicyReplacedBody? Change) : AdminModel(Frame);
