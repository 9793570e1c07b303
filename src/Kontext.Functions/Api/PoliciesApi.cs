using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Api;

/// <summary>Policy settings (contract 1.10).</summary>
internal sealed record PolicySettingsBody(bool PolicyEnabled);

/// <summary>Changes of the settings.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record PolicySettingsInput(bool? PolicyEnabled);

/// <summary>A rule on the wire: action, scope, level and toolName as documented (contract 1.10), the rest is ours.</summary>
internal sealed record PolicyRuleBody(string Id, string Action, string Scope, string Level, string? ToolName, string? IntegrationId, string? ApplicationId, string? UserId, string? Role, IReadOnlyList<PolicyConditionBody>? Conditions, string? Description, string CreatedAt, string? CreatedBy)
{
    public static PolicyRuleBody Of(PolicyRule rule) => new(
        rule.Id.ToString(),
        rule.Effect switch { PolicyEffect.Allow => "allow", PolicyEffect.Ask => "ask", _ => "deny" },
        rule.Operation is null ? "server" : "tool",
        rule.Layer switch { PolicyLayer.Organization => "org", PolicyLayer.User => "user", _ => "agent" },
        rule.Operation,
        rule.Integration?.ToString(),
        rule.Subject.Kind == PolicySubjectKind.Application ? rule.Subject.Value : null,
        rule.Subject.Kind == PolicySubjectKind.User ? rule.Subject.Value : null,
        rule.Subject.Kind == PolicySubjectKind.Role ? rule.Subject.Value : null,
        rule.Conditions.IsEmpty ? null : [.. rule.Conditions.Select(PolicyConditionBody.Of)],
        rule.Description,
        Wire.Time(rule.CreatedAt),
        rule.CreatedBy);
}

/// <summary>A condition on the wire.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record PolicyConditionBody(string Path, string Operator, IReadOnlyList<string>? Values)
{
    private static readonly ImmutableArray<(string Word, ConditionOperator Operator)> Words =
    [
        ("equals", ConditionOperator.Equals), ("one_of", ConditionOperator.OneOf), ("matches", ConditionOperator.Matches), ("starts_with", ConditionOperator.StartsWith),
        ("at_most", ConditionOperator.AtMost), ("at_least", ConditionOperator.AtLeast), ("size_at_most", ConditionOperator.SizeAtMost), ("present", ConditionOperator.Present), ("absent", ConditionOperator.Absent),
    ];

    public static PolicyConditionBody Of(PolicyCondition condition) =>
        new(condition.Path, Words.First(word => word.Operator == condition.Operator).Word, condition.Values);

    /// <summary>The condition; null when the operator is unknown.</summary>
    public PolicyCondition? ToCondition() =>
        Words.FirstOrDefault(word => word.Word == Operator) is { Word: not null } found ? new PolicyCondition(Path ?? "", found.Operator, Values?.ToImmutableArray() ?? []) : null;

    /// <summary>The operators' words.</summary>
    public static string Operators => string.Join(", ", Words.Select(word => word.Word));
}

/// <summary>One rule.</summary>
internal sealed record PolicyRuleEnvelope(PolicyRuleBody Rule);

/// <summary>A new rule.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record NewPolicyRule
{
    public string? Action { get; init; }

    public string? Scope { get; init; }

    public string? Level { get; init; }

    public string? ToolName { get; init; }

    public string? IntegrationId { get; init; }

    public string? ApplicationId { get; init; }

    public string? UserId { get; init; }

    public string? Role { get; init; }

    public IReadOnlyList<PolicyConditionBody>? Conditions { get; init; }

    public string? Description { get; init; }
}

/// <summary>Policy settings and rules (contract 2.7): read by everybody in the organization; the organization's rules changed by owners and admins.</summary>
internal sealed class PoliciesApi(IPolicyStore policies, IOrganizationStore organizations, IIntegrationStore integrations, TimeProvider time)
{
    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/policy");
        group.MapGet("/settings", (HttpContext context, PoliciesApi self) => self.ReadSettingsAsync(context));
        group.MapPatch("/settings", (HttpContext context, PoliciesApi self) => self.ChangeSettingsAsync(context));
        group.MapGet("/rules", (HttpContext context, PoliciesApi self) => self.ListAsync(context));
        group.MapPost("/rules", (HttpContext context, PoliciesApi self) => self.AddAsync(context));
        group.MapGet("/rules/{id}", (RuleId id, HttpContext context, PoliciesApi self) => self.ReadAsync(context, id));
        group.MapDelete("/rules/{id}", (RuleId id, HttpContext context, PoliciesApi self) => self.RemoveAsync(context, id));
    }

    private async Task<IResult> ReadSettingsAsync(HttpContext context)
    {
        var organization = await organizations.CurrentAsync(ApiCaller.Of(context).Org, context.RequestAborted);
        return Api.Ok(new PolicySettingsBody(organization!.PolicyEnabled), ApiJson.Default.PolicySettingsBody);
    }

    private async Task<IResult> ChangeSettingsAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!(await Api.ReadAsync(context, ApiJson.Default.PolicySettingsInput)).TryGet(out var input, out var failure))
            return ApiErrors.Of(context, failure);
        if (input.PolicyEnabled is not { } enabled)
            return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { ["policyEnabled"] = "Is required." }));
        Versioned<Organization>? written = null;
        while (written is null)
        {
            var current = (await organizations.FindAsync(caller.Org, context.RequestAborted))!;
            written = await organizations.ReplaceAsync(current, current.Value with { PolicyEnabled = enabled }, context.RequestAborted);
        }
        await Api.RecordAsync(context, caller, "policy.settings_changed", target: null, $"policyEnabled={(enabled ? "true" : "false")}");
        return Api.Ok(new PolicySettingsBody(enabled), ApiJson.Default.PolicySettingsBody);
    }

    // The bare array is what existing clients read (contract 1.10).
    private async Task<IResult> ListAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        var rules = await policies.FindAsync(caller.Org, context.RequestAborted);
        return Api.Ok<IReadOnlyList<PolicyRuleBody>>([.. (rules?.Value.Rules ?? []).Where(rule => MaySee(caller, rule)).Select(PolicyRuleBody.Of)], ApiJson.Default.IReadOnlyListPolicyRuleBody);
    }

    private async Task<IResult> ReadAsync(HttpContext context, RuleId id)
    {
        var caller = ApiCaller.Of(context);
        var rules = await policies.FindAsync(caller.Org, context.RequestAborted);
        return rules?.Value.Rules.FirstOrDefault(rule => rule.Id == id && MaySee(caller, rule)) is { } found
            ? Api.Ok(new PolicyRuleEnvelope(PolicyRuleBody.Of(found)), ApiJson.Default.PolicyRuleEnvelope)
            : ApiErrors.Of(context, Api.NotFound("rule"));
    }

    private async Task<IResult> AddAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (!(await Api.ReadAsync(context, ApiJson.Default.NewPolicyRule)).TryGet(out var input, out var failure)
            || !ToRule(input, caller).TryGet(out var rule, out failure))
            return ApiErrors.Of(context, failure);
        if (rule.Integration is { } integration && await integrations.CurrentAsync(caller.Org, integration, context.RequestAborted) is not { Archived: false })
            return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { ["integrationId"] = "Has to be the id of an integration of this organization." }));
        if (!MayChange(caller, rule))
            return ApiErrors.Of(context, new Failure(FailureCode.Forbidden, "Rules of the organization and of applications need the role owner or admin. Your own rules have the level user and your userId."));
        await UpdateAsync(context, caller, rules => rules.Add(rule));
        await Api.RecordAsync(context, caller, "policy.rule_added", target: null, rule.Id.ToString());
        return Api.Ok(new PolicyRuleEnvelope(PolicyRuleBody.Of(rule)), ApiJson.Default.PolicyRuleEnvelope, StatusCodes.Status201Created);
    }

    private async Task<IResult> RemoveAsync(HttpContext context, RuleId id)
    {
        var caller = ApiCaller.Of(context);
        var rules = await policies.FindAsync(caller.Org, context.RequestAborted);
        if (rules?.Value.Rules.FirstOrDefault(rule => rule.Id == id && MaySee(caller, rule)) is not { } found)
            return ApiErrors.Of(context, Api.NotFound("rule"));
        if (!MayChange(caller, found))
            return ApiErrors.Of(context, new Failure(FailureCode.Forbidden, "This rule can be removed by owners and admins."));
        await UpdateAsync(context, caller, all => all.RemoveAll(rule => rule.Id == id));
        await Api.RecordAsync(context, caller, "policy.rule_removed", target: null, id.ToString());
        return Results.NoContent();
    }

    private async Task UpdateAsync(HttpContext context, ApiCaller caller, Func<ImmutableArray<PolicyRule>, ImmutableArray<PolicyRule>> change)
    {
        Versioned<PolicyRules>? written = null;
        while (written is null)
        {
            var current = await policies.FindAsync(caller.Org, context.RequestAborted) ?? new Versioned<PolicyRules>(PolicyRules.None, "");
            written = await policies.ReplaceAsync(caller.Org, current, new PolicyRules(current.Value.Revision + 1, change(current.Value.Rules)), context.RequestAborted);
        }
    }

    private Result<PolicyRule> ToRule(NewPolicyRule input, ApiCaller caller)
    {
        var errors = new Dictionary<string, string>();
        if (input.Action is not ("allow" or "deny" or "ask"))
            errors["action"] = "Has to be allow, deny or ask.";
        var layer = input.Level switch { "org" => PolicyLayer.Organization, "user" => PolicyLayer.User, "agent" or "application" => PolicyLayer.Application, _ => (PolicyLayer?)null };
        if (layer is null)
            errors["level"] = "Has to be org, user or agent.";
        if (input.Scope is not (null or "server" or "tool"))
            errors["scope"] = "Has to be server (the whole integration) or tool.";
        if (input.Scope == "tool" && string.IsNullOrEmpty(input.ToolName))
            errors["toolName"] = "Is required for the scope tool.";
        if (input.Scope == "server" && input.ToolName is not null)
            errors["toolName"] = "Leave it out for the scope server.";
        IntegrationId? integration = null;
        if (input.IntegrationId is not null)
        {
            if (IntegrationId.TryParse(input.IntegrationId, null, out var id))
                integration = id;
            else
                errors["integrationId"] = "Has to be the id of an integration.";
        }
        var conditions = ImmutableArray.CreateBuilder<PolicyCondition>();
        foreach (var sent in input.Conditions ?? [])
        {
            if (sent?.ToCondition() is { } condition)
                conditions.Add(condition);
            else
                errors["conditions"] = $"Each operator has to be one of {PolicyConditionBody.Operators}.";
        }
        if (new[] { input.ApplicationId, input.UserId, input.Role }.Count(value => value is not null) > 1)
            errors["applicationId"] = "Name one subject: applicationId, userId or role.";
        if (errors.Count > 0)
            return Api.Invalid(errors);

        var now = time.GetUtcNow();
        var rule = new PolicyRule
        {
            Id = Ids.New<RuleId>(now),
            Layer = layer!.Value,
            Effect = input.Action switch { "allow" => PolicyEffect.Allow, "ask" => PolicyEffect.Ask, _ => PolicyEffect.Deny },
            Subject = input switch
            {
                { ApplicationId: { } application } => new PolicySubject(PolicySubjectKind.Application, AppId.TryParse(application, null, out var id) ? id.ToString() : application),
                { UserId: { } user } => new PolicySubject(PolicySubjectKind.User, user),
                { Role: { } role } => new PolicySubject(PolicySubjectKind.Role, role),
                _ => new PolicySubject(PolicySubjectKind.Everyone),
            },
            Integration = integration,
            Operation = input.ToolName,
            Conditions = conditions.ToImmutable(),
            Description = input.Description,
            CreatedAt = now,
            CreatedBy = caller.Actor.Name,
        };
        return PolicyRuleValidation.Check(rule) is { Count: > 0 } found ? Api.Invalid(found) : rule;
    }

    private static bool MaySee(ApiCaller caller, PolicyRule rule) =>
        caller.Privileged || rule.Layer == PolicyLayer.Organization || IsOwn(caller, rule);

    private static bool MayChange(ApiCaller caller, PolicyRule rule) => caller.Privileged || IsOwn(caller, rule);

    private static bool IsOwn(ApiCaller caller, PolicyRule rule) =>
        rule.Layer == PolicyLayer.User && rule.Subject.Kind == PolicySubjectKind.User && rule.Subject.Value == caller.User?.ToString();
}
