using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Domain.Policies;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Api;

/// <summary>Policy settings and single rules (contract 2.7): the organization's rules are read by everybody in it and changed by owners and admins; a person makes rules about themselves, an application's owner about the application.</summary>
internal sealed class PoliciesApi(IPolicyStore policies, IOrganizationStore organizations, PolicyRuleStores stores, PolicyRuleReading reading, PolicyChanges changes)
{
    private static readonly Failure Denied = new(FailureCode.Forbidden, "Rules of the organization need the role owner or admin. Your own rules have the level user and your userId; rules of your applications have the level agent and the applicationId.");

    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/policy");
        group.MapGet("/settings", (HttpContext context, PoliciesApi self) => self.ReadSettingsAsync(context));
        group.MapPatch("/settings", (HttpContext context, PoliciesApi self) => self.ChangeSettingsAsync(context));
        group.MapGet("/rules", (HttpContext context, PoliciesApi self) => self.ListAsync(context));
        group.MapPost("/rules", (HttpContext context, PoliciesApi self) => self.AddAsync(context));
        group.MapGet("/rules/{id}", (RuleId id, HttpContext context, PoliciesApi self) => self.ReadAsync(context, id));
        group.MapPut("/rules/{id}", (RuleId id, HttpContext context, PoliciesApi self) => self.ChangeAsync(context, id));
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
            if (input.ExpectedPolicyEnabled is { } expected && expected != current.Value.PolicyEnabled)
                return ApiErrors.Of(context, new Failure(FailureCode.Conflict, $"policyEnabled is {Word(current.Value.PolicyEnabled)}, not {Word(expected)}. Nothing was changed."));
            written = await Api.ChangeAsync(context, caller, "policy.settings_changed", null, $"policyEnabled={Word(enabled)}",
                () => organizations.ReplaceAsync(current, current.Value with { PolicyEnabled = enabled }, context.RequestAborted));
        }
        return Api.Ok(new PolicySettingsBody(enabled), ApiJson.Default.PolicySettingsBody);
    }

    // The bare array is what existing clients read (contract 1.10).
    private async Task<IResult> ListAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        var rules = (await policies.FindAsync(caller.Org, context.RequestAborted)).Value;
        PolicyChanges.Tag(context, rules.Revision);
        return Api.Ok<IReadOnlyList<PolicyRuleBody>>([.. (await VisibleAsync(caller, rules.Rules, context.RequestAborted)).Select(PolicyRuleBody.Of)], ApiJson.Default.IReadOnlyListPolicyRuleBody);
    }

    private async Task<IResult> ReadAsync(HttpContext context, RuleId id)
    {
        var caller = ApiCaller.Of(context);
        var rules = (await policies.FindAsync(caller.Org, context.RequestAborted)).Value;
        return await FindAsync(caller, rules.Rules, id, context.RequestAborted) is { } found ? Answer(context, found, rules.Revision) : ApiErrors.Of(context, Api.NotFound("rule"));
    }

    private async Task<IResult> AddAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (!(await Api.ReadAsync(context, ApiJson.Default.PolicyRuleInput)).TryGet(out var input, out var failure)
            || !(await reading.OneAsync(caller, input, known: null, context.RequestAborted)).TryGet(out var rule, out failure))
            return ApiErrors.Of(context, failure);
        if (!await MayChangeAsync(caller, rule, context.RequestAborted))
            return ApiErrors.Of(context, Denied);
        if (!(await reading.CheckReferencesAsync(caller, input, rule, known: null, context.RequestAborted)).TryGet(out _, out failure)
            || !(await changes.ApplyAsync(context, expectedRevision: null, rules => Task.FromResult<Result<ImmutableArray<PolicyRule>>>(rules.Add(rule)),
                change => ("policy.rule_added", $"{rule.Id} in revision {change.Revision}: {PolicyWords.Summary(rule)}"))).TryGet(out var change, out failure))
            return ApiErrors.Of(context, failure);
        return Answer(context, rule, change.Revision, StatusCodes.Status201Created);
    }

    private async Task<IResult> ChangeAsync(HttpContext context, RuleId id)
    {
        var caller = ApiCaller.Of(context);
        if (!(await Api.ReadAsync(context, ApiJson.Default.PolicyRuleInput)).TryGet(out var input, out var failure) || !PolicyChanges.Expected(context).TryGet(out var expected, out failure))
            return ApiErrors.Of(context, failure);
        PolicyRule? next = null;
        if (!(await changes.ApplyAsync(context, expected, async rules =>
            {
                if (await FindAsync(caller, rules, id, context.RequestAborted) is not { } current)
                    return Api.NotFound("rule");
                if (!(await reading.OneAsync(caller, input, current, context.RequestAborted)).TryGet(out next, out var invalid))
                    return invalid;
                if (!await MayChangeAsync(caller, current, context.RequestAborted) || !await MayChangeAsync(caller, next, context.RequestAborted))
                    return Denied;
                return (await reading.CheckReferencesAsync(caller, input, next, current, context.RequestAborted)).TryGet(out _, out invalid) ? rules.Replace(current, next) : invalid;
            }, change => ("policy.rule_changed", $"{id} in revision {change.Revision}: {PolicyWords.Summary(change.Difference.Changed[0].After)}; before: {PolicyWords.Summary(change.Difference.Changed[0].Before)}")))
            .TryGet(out var change, out failure))
            return ApiErrors.Of(context, failure);
        return Answer(context, next!, change.Revision);
    }

    private async Task<IResult> RemoveAsync(HttpContext context, RuleId id)
    {
        var caller = ApiCaller.Of(context);
        if (!PolicyChanges.Expected(context).TryGet(out var expected, out var failure)
            || !(await changes.ApplyAsync(context, expected, async rules =>
            {
                if (await FindAsync(caller, rules, id, context.RequestAborted) is not { } found)
                    return Api.NotFound("rule");
                return await MayChangeAsync(caller, found, context.RequestAborted) ? rules.Remove(found) : Denied;
            }, change => ("policy.rule_removed", $"{id} in revision {change.Revision}: {PolicyWords.Summary(change.Difference.Removed[0])}"))).TryGet(out var change, out failure))
            return ApiErrors.Of(context, failure);
        PolicyChanges.Tag(context, change.Revision);
        return Results.NoContent();
    }

    private async Task<PolicyRule?> FindAsync(ApiCaller caller, ImmutableArray<PolicyRule> rules, RuleId id, CancellationToken cancellationToken) =>
        rules.FirstOrDefault(rule => rule.Id == id) is { } found && (await VisibleAsync(caller, [found], cancellationToken)).Count == 1 ? found : null;

    private async Task<List<PolicyRule>> VisibleAsync(ApiCaller caller, ImmutableArray<PolicyRule> rules, CancellationToken cancellationToken)
    {
        if (caller.Privileged)
            return [.. rules];
        var references = await PolicyReferences.LoadAsync(stores, caller.Org, rules.Where(rule => rule.Layer == PolicyLayer.Application), cancellationToken);
        return [.. rules.Where(rule => rule.Layer == PolicyLayer.Organization || IsOwn(caller, rule, references.Application(rule)))];
    }

    private async Task<bool> MayChangeAsync(ApiCaller caller, PolicyRule rule, CancellationToken cancellationToken) =>
        caller.Privileged || IsOwn(caller, rule, (await PolicyReferences.LoadAsync(stores, caller.Org, [rule], cancellationToken)).Application(rule));

    private static bool IsOwn(ApiCaller caller, PolicyRule rule, Application? application) => rule.Layer switch
    {
        PolicyLayer.User => rule.Subject.Kind == PolicySubjectKind.User && rule.Subject.Value == caller.User?.ToString(),
        PolicyLayer.Application => application is not null && caller.MaySee(application),
        _ => false,
    };

    private static IResult Answer(HttpContext context, PolicyRule rule, int revision, int status = StatusCodes.Status200OK)
    {
        PolicyChanges.Tag(context, revision);
        return Api.Ok(new PolicyRuleEnvelope(PolicyRuleBody.Of(rule)), ApiJson.Default.PolicyRuleEnvelope, status);
    }

    private static string Word(bool flag) => flag ? "true" : "false";
}
