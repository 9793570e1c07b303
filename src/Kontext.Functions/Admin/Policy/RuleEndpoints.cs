using System.Text.Json;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Account;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Policy;

/// <summary>One rule: made, changed, tried against what happened, deleted.</summary>
internal static class RuleEndpoints
{
    private const string Path = PolicyEndpoints.Path;
    private const int TriedHours = 24;

    public static void Map(RouteGroupBuilder policy)
    {
        var rules = policy.MapGroup("/rules");
        rules.MapGet("/new", (HttpContext context, AdminPages pages) => pages.ShowAsync<RulePage>(context, visit => ViewAsync(visit, null, FormState.Of(
            ("action", "allow"), ("level", visit.Query("level") ?? "org"), ("integrationId", visit.Query("integrationId")), ("applicationId", visit.Query("applicationId"))), null)));
        rules.MapPost("/new", (HttpContext context, AdminPages pages) => pages.PostAsync(context, Path + "/rules/new", (visit, form) => SaveAsync(visit, null, form)));
        rules.MapGet("/{id}", (RuleId id, HttpContext context, AdminPages pages) => pages.ShowAsync<RulePage>(context, visit => ReadAsync(visit, id)));
        rules.MapPost("/{id}", (RuleId id, HttpContext context, AdminPages pages) => pages.PostAsync(context, $"{Path}/rules/{id}", (visit, form) => SaveAsync(visit, id.ToString(), form)));
        rules.MapPost("/{id}/delete", (RuleId id, HttpContext context, AdminPages pages) => pages.PostAsync(context, Path, (visit, form) => DeleteAsync(visit, id, form)));
    }

    private static async Task<Result<AdminModel>> ReadAsync(AdminVisit visit, RuleId id) =>
        (await visit.GetAsync($"/policy/rules/{id}", ApiJson.Default.PolicyRuleEnvelope)).TryGet(out var found, out var failure)
            ? await ViewAsync(visit, found.Rule.Id, RuleForm.Of(found.Rule).With(RuleForm.Seen, RuleForm.FingerprintOf(found.Rule)), null)
            : failure;

    private static async Task<Result<AdminModel>> ViewAsync(AdminVisit visit, string? id, FormState form, PolicyReplayBody? replay) =>
        (await PolicyEndpoints.NamesAsync(visit)).TryGet(out var names, out var failure) ? new RuleModel(visit.Frame, id, names, form, replay) : failure;

    private static async Task<Result<Posted>> SaveAsync(AdminVisit visit, string? id, OAuthParameters form)
    {
        if (!RuleForm.InputOf(form).TryGet(out var input, out var refused))
            return await AgainAsync(visit, id, refused);
        if (form["decision"] == "try")
            return await TryAsync(visit, id, input);
        if (id is not null)
            return await ChangeAsync(visit, id, input, form[RuleForm.Seen]);
        return (await visit.SendAsync(HttpMethods.Post, "/policy/rules", input, ApiJson.Default.PolicyRuleInput, ApiJson.Default.PolicyRuleEnvelope)).TryGet(out _, out refused)
            ? new Posted.To(Path, "The rule is added.")
            : await AgainAsync(visit, id, refused);
    }

    /// <summary>Changes a rule that still says what the form was opened with. One that somebody else changed meanwhile is shown, and replaced when that is sent once more.</summary>
    private static async Task<Result<Posted>> ChangeAsync(AdminVisit visit, string id, PolicyRuleInput input, string? seen)
    {
        if (!(await visit.GetTaggedAsync($"/policy/rules/{id}", ApiJson.Default.PolicyRuleEnvelope)).TryGet(out var current, out var refused))
            return await AgainAsync(visit, id, refused);
        var rule = current.Value.Rule;
        if (RuleForm.FingerprintOf(rule) is var fingerprint && fingerprint != seen)
        {
            if (!(await PolicyEndpoints.NamesAsync(visit)).TryGet(out var names, out var failure))
                return failure;
            var stale = new Failure(FailureCode.Conflict, $"Nothing was changed: somebody else changed this rule since you opened it. It is now: {names.Words(rule)}. What you entered is below; save it again to put it in place of that.");
            return AdminPages.Again<RulePage>(new RuleModel(visit.Frame, id, names, FormState.Refused(visit.Context, stale).With(RuleForm.Seen, fingerprint), null));
        }
        return (await visit.SendAsync(HttpMethods.Put, $"/policy/rules/{id}", input, ApiJson.Default.PolicyRuleInput, ApiJson.Default.PolicyRuleEnvelope, ifMatch: current.Tag)).TryGet(out _, out refused)
            ? new Posted.To(Path, "The rule is changed.")
            : await AgainAsync(visit, id, refused);
    }

    /// <summary>Holds the rules as they would be against what happened in the last day.</summary>
    private static async Task<Result<Posted>> TryAsync(AdminVisit visit, string? id, PolicyRuleInput input)
    {
        if (!(await visit.GetAsync("/policy/rules", ApiJson.Default.IReadOnlyListPolicyRuleBody)).TryGet(out var rules, out var failure))
            return failure;
        var proposed = new JsonArray([.. rules.Where(rule => rule.Id != id).Select(rule => JsonSerializer.SerializeToNode(rule, ApiJson.Default.PolicyRuleBody)), JsonSerializer.SerializeToNode(input with { Id = id }, ApiJson.Default.PolicyRuleInput)]);
        if (!(await PolicyProposal.ReplayAsync(visit, proposed, TriedHours, cursor: null)).TryGet(out var replay, out var refused))
            return await AgainAsync(visit, id, refused);
        var kept = FormState.Refused(visit.Context, new Failure(FailureCode.InvalidRequest, "")) with { Message = null };
        return (await ViewAsync(visit, id, kept, replay)).TryGet(out var model, out failure)
            ? new Posted.Answer(Pages.PageResult.Of<RulePage>(model))
            : failure;
    }

    private static async Task<Result<Posted>> DeleteAsync(AdminVisit visit, RuleId id, OAuthParameters form)
    {
        if (!SignedInPages.IsConfirmed(form))
            return new Posted.Question("Delete this rule?", PolicyPage.DeleteQuestion, "Delete");
        return (await visit.SendAsync(HttpMethods.Delete, $"/policy/rules/{id}")).TryGet(out _, out var failure) ? new Posted.To(Path, "The rule is deleted.") : failure;
    }

    private static async Task<Result<Posted>> AgainAsync(AdminVisit visit, string? id, Failure refused) =>
        (await ViewAsync(visit, id, FormState.Refused(visit.Context, refused), null)).TryGet(out var model, out var failure) ? AdminPages.Again<RulePage>(model) : failure;
}
