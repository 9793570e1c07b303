using System.Collections.Frozen;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Account;
using Kontext.Functions.Admin.Audit;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Policy;

/// <summary>Rules by layer, whether they are enforced, and the questions one can ask of them.</summary>
internal static class PolicyEndpoints
{
    /// <summary>Where it is.</summary>
    public const string Path = AdminEndpoints.Path + "/policy";

    private const int MaxNames = 2000;

    public static void Map(RouteGroupBuilder console)
    {
        var group = console.MapGroup("/policy");
        group.MapGet("", (HttpContext context, AdminPages pages) => pages.ShowAsync<PolicyPage>(context, ViewAsync));
        group.MapPost("/settings", (HttpContext context, AdminPages pages) => pages.PostAsync(context, Path, EnforceAsync));
        group.MapGet("/check", (HttpContext context, AdminPages pages) => pages.ShowAsync<CheckPage>(context, PolicyCheck.ViewAsync));
        group.MapGet("/export", (HttpContext context, AdminPages pages) => pages.AnswerAsync(context, visit => Task.FromResult(Result.Of(visit.Download("/policy/export")))));
        RuleEndpoints.Map(group);
        ProposalEndpoints.Map(group);
    }

    /// <summary>The names of what rules refer to.</summary>
    public static async Task<Result<PolicyNames>> NamesAsync(AdminVisit visit)
    {
        if (!(await visit.AllAsync("/integrations", ApiJson.Default.IntegrationListBody, list => (list.Items, list.NextCursor), MaxNames)).TryGet(out var integrations, out var failure)
            || !(await visit.AllAsync("/applications", ApiJson.Default.ApplicationListBody, list => (list.Items, list.NextCursor), MaxNames)).TryGet(out var applications, out failure)
            || !(await AuditEndpoints.PeopleAsync(visit)).TryGet(out var people, out failure))
            return failure;
        return new PolicyNames(integrations.ToFrozenDictionary(item => item.Id, item => item.Name), applications.ToFrozenDictionary(item => item.Id, item => item.Name), people.ToFrozenDictionary(item => item.Id, item => item.Name));
    }

    private static async Task<Result<AdminModel>> ViewAsync(AdminVisit visit)
    {
        if (!(await visit.GetAsync("/policy/rules", ApiJson.Default.IReadOnlyListPolicyRuleBody)).TryGet(out var rules, out var failure)
            || !(await visit.GetAsync("/policy/settings", ApiJson.Default.PolicySettingsBody)).TryGet(out var settings, out failure)
            || !(await NamesAsync(visit)).TryGet(out var names, out failure))
            return failure;
        return new PolicyModel(visit.Frame, rules, names, settings.PolicyEnabled);
    }

    private static async Task<Result<Posted>> EnforceAsync(AdminVisit visit, OAuthParameters form)
    {
        var enforce = form["enforce"] == "yes";
        if (!SignedInPages.IsConfirmed(form))
            return enforce
                ? new Posted.Question("Enforce the rules?", PolicyPage.EnforceQuestion, "Enforce")
                : new Posted.Question("Only observe?", PolicyPage.ObserveQuestion, "Only observe");
        var input = new PolicySettingsInput(enforce) { ExpectedPolicyEnabled = !enforce };
        return (await visit.SendAsync(HttpMethods.Patch, "/policy/settings", input, ApiJson.Default.PolicySettingsInput, ApiJson.Default.PolicySettingsBody)).TryGet(out var settings, out var failure)
            ? new Posted.To(Path, settings.PolicyEnabled ? "The rules are enforced." : "Decisions are recorded and nothing is refused.")
            : failure;
    }
}
