using System.Globalization;

namespace Kontext.Domain.Policies;

/// <summary>What a rule has to be like before it is stored.</summary>
public static class PolicyRuleValidation
{
    private const int MaxConditions = 20;
    private const int MaxValues = 100;
    private const int MaxText = 200;
    private const int MaxValueText = 1000;
    private const int MaxRuleText = 30_000;

    /// <summary>What is wrong, field by field; empty for a good rule.</summary>
    public static IReadOnlyDictionary<string, string> Check(PolicyRule rule)
    {
        var errors = new Dictionary<string, string>();
        switch (rule.Subject)
        {
            case { Kind: PolicySubjectKind.Role } subject when string.IsNullOrWhiteSpace(subject.Value) || subject.Value.Length > MaxText:
                errors["role"] = "Name a role.";
                break;
            case { Kind: PolicySubjectKind.User } subject when !UserId.TryParse(subject.Value, null, out _):
                errors["userId"] = "Has to be the id of a user.";
                break;
            case { Kind: PolicySubjectKind.Application } subject when !AppId.TryParse(subject.Value, null, out _):
                errors["applicationId"] = "Has to be the id of an application.";
                break;
        }
        if (rule.Layer == PolicyLayer.Application && rule.Subject.Kind != PolicySubjectKind.Application)
            errors["applicationId"] = "A rule of the level agent is about one application.";
        if (rule.Layer == PolicyLayer.User && rule.Subject.Kind is PolicySubjectKind.Everyone)
            errors["userId"] = "A rule of the level user is about one user, role or application.";
        if (rule.Operation is { } operation && (operation.Length is 0 or > MaxText || !PrintableText.IsPrintable(operation)))
            errors["toolName"] = $"At most {MaxText} characters. {PrintableText.Rule}";
        if (rule.Description is { } description && (description.Length > 500 || !PrintableText.HasPrintableLines(description)))
            errors["description"] = $"At most 500 characters. {PrintableText.Rule}";
        if (rule.Conditions.Length > MaxConditions)
            errors["conditions"] = $"At most {MaxConditions}.";
        foreach (var condition in rule.Conditions)
        {
            if (Problem(condition) is { } problem)
                errors["conditions"] = $"{condition.Path}: {problem}";
        }
        // Many rules share a row: one that filled a row of its own would make every change of the others dear.
        if (errors.Count == 0 && Length(rule) > MaxRuleText)
            errors["conditions"] = $"The rule has more than {MaxRuleText} characters in all.";
        return errors;
    }

    private static int Length(PolicyRule rule) =>
        (rule.Operation?.Length ?? 0) + (rule.Description?.Length ?? 0) + (rule.Subject.Value?.Length ?? 0)
        + rule.Conditions.Sum(condition => condition.Path.Length + condition.Values.Sum(value => value.Length));

    private static string? Problem(PolicyCondition condition)
    {
        if (condition.Path != "target" && !(condition.Path.StartsWith("arguments.", StringComparison.Ordinal) && condition.Path.Length <= MaxText && condition.Path.Split('.').All(segment => segment.Length > 0)))
            return "The path has to be target, or arguments. and a dot path.";
        var wanted = condition.Operator switch
        {
            ConditionOperator.Present or ConditionOperator.Absent => 0,
            ConditionOperator.OneOf => condition.Values.Length is > 0 and <= MaxValues ? condition.Values.Length : -1,
            _ => 1,
        };
        if (condition.Values.Length != wanted)
            return wanted == 0 ? "Takes no values." : condition.Operator == ConditionOperator.OneOf ? $"Takes 1 to {MaxValues} values." : "Takes one value.";
        if (condition.Values.Any(value => value is null || value.Length > MaxValueText))
            return $"A value is a text of at most {MaxValueText} characters.";
        return condition.Operator is ConditionOperator.AtMost or ConditionOperator.AtLeast or ConditionOperator.SizeAtMost
            && !decimal.TryParse(condition.Values[0], NumberStyles.Float, CultureInfo.InvariantCulture, out _)
            ? "The value has to be a number."
            : null;
    }
}
