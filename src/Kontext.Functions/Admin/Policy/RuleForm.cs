using System.Security.Cryptography;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Policy;

/// <summary>A rule as forms have it: conditions are lines of path, operator and values.</summary>
internal static class RuleForm
{
    /// <summary>What a rule can do.</summary>
    public static readonly IReadOnlyList<(string Value, string Text)> Actions = [("allow", "Allow"), ("ask", "Ask the person each time"), ("deny", "Deny")];

    /// <summary>The layers.</summary>
    public static readonly IReadOnlyList<(string Value, string Text)> Levels = [("org", "Organization"), ("user", "Person"), ("agent", "Application")];

    /// <summary>The field that says which state of the rule the form was opened with.</summary>
    public const string Seen = "seen";

    /// <summary>Names a state of a rule.</summary>
    public static string FingerprintOf(PolicyRuleBody rule) => Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(rule, ApiJson.Default.PolicyRuleBody)));

    /// <summary>The rule as sent.</summary>
    public static Result<PolicyRuleInput> InputOf(OAuthParameters form)
    {
        if (!ConditionsOf(form["conditions"]).TryGet(out var conditions, out var failure))
            return failure;
        return new PolicyRuleInput
        {
            Action = form["action"],
            Level = form["level"],
            IntegrationId = form["integrationId"],
            ToolName = form["toolName"],
            ApplicationId = form["applicationId"],
            UserId = form["userId"],
            Role = form["role"],
            Conditions = conditions.Count == 0 ? null : conditions,
            Description = form["description"],
        };
    }

    /// <summary>A form that holds a rule.</summary>
    public static FormState Of(PolicyRuleBody rule) => FormState.Of(
        ("action", rule.Action), ("level", rule.Level), ("integrationId", rule.IntegrationId), ("toolName", rule.ToolName), ("applicationId", rule.ApplicationId), ("userId", rule.UserId), ("role", rule.Role),
        ("conditions", rule.Conditions is null ? null : Lines.Text(rule.Conditions.Select(Line))), ("description", rule.Description));

    /// <summary>A condition on one line.</summary>
    public static string Line(PolicyConditionBody condition) => $"{condition.Path} {condition.Operator} {string.Join(", ", condition.Values ?? [])}".TrimEnd();

    private static Result<List<PolicyConditionBody>> ConditionsOf(string? text)
    {
        var conditions = new List<PolicyConditionBody>();
        foreach (var line in Lines.Of(text))
        {
            var parts = line.Split(' ', 3, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (parts.Length < 2)
                return Api.Api.Invalid(new Dictionary<string, string> { ["conditions"] = $"Each line needs a path and an operator: {line}" });
            conditions.Add(new PolicyConditionBody(parts[0], parts[1], parts.Length < 3 ? null : parts[2].Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)));
        }
        return conditions;
    }
}
