using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Admin;
using Kontext.Functions.Admin.Parts;
using Kontext.Functions.Admin.Policy;
using Kontext.Functions.Api;
using Kontext.Functions.Organizations;
using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Account;

/// <summary>The page on which a person narrows what their own agents may do: rules of the layer of the person, about that person (contract 1.10). They are made and removed by the API, as the person.</summary>
internal sealed class RulesEndpoints(SignedInPages pages, ManagementApi api, ServiceDirectory services)
{
    private const string Path = RulesModel.Path;
    private const int MaxOthers = 50;

    public static void Map(IEndpointRouteBuilder app)
    {
        var group = app.MapGroup(Path).WithMetadata(new Surface(Authenticate: null, (context, failure) => LoadErrors.Of(context, failure, "rules", Path)));
        group.MapGet("", (HttpContext context, RulesEndpoints self) => self.ShowAsync(context));
        group.MapPost("", (HttpContext context, RulesEndpoints self) => self.AddAsync(context));
        group.MapPost("/remove", (HttpContext context, RulesEndpoints self) => self.RemoveAsync(context));
    }

    private Task<IResult> ShowAsync(HttpContext context) => pages.ShowAsync(context, async (user, person) =>
        (await ViewAsync(context, user, person, FormState.Of(("action", "ask")))).TryGet(out var model, out var failure)
            ? PageResult.Of<RulesPage>(model)
            : LoadErrors.Of(context, failure, "rules", Path));

    private Task<IResult> AddAsync(HttpContext context) => pages.PostAsync(context, Path, async (user, form) =>
    {
        var rule = new PolicyRuleInput
        {
            Action = form["action"],
            Level = "user",
            UserId = user.User.Id.ToString(),
            IntegrationId = form["integrationId"],
            ToolName = form["toolName"],
            Description = form["description"],
        };
        var request = new ApiRequest(HttpMethods.Post, "/policy/rules", System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(rule, ApiJson.Default.PolicyRuleInput));
        if ((await api.SendAsync(context, user, request, ApiJson.Default.PolicyRuleEnvelope)).TryGet(out _, out var refused))
            return new Posted.To(Path, "Your agents keep to this rule from the next call on.");
        return (await ViewAsync(context, user, await pages.PersonAsync(context, user), FormState.Refused(context, refused))).TryGet(out var model, out var failure)
            ? new Posted.Answer(PageResult.Of<RulesPage>(model, StatusCodes.Status400BadRequest))
            : failure;
    });

    private Task<IResult> RemoveAsync(HttpContext context) => pages.PostAsync(context, Path, async (user, form) =>
    {
        if (!SignedInPages.IsConfirmed(form))
            return new Posted.Question("Remove this rule?", RulesPage.RemoveQuestion, "Remove");
        // Only what this page shows: an administrator may remove more elsewhere.
        if (!(await RulesAsync(context, user)).TryGet(out var rules, out var failure))
            return failure;
        if (!rules.Any(rule => rule.Id == form["rule"] && IsAbout(rule, user)))
            return new Failure(FailureCode.NotFound, "There is no such rule any more.");
        return (await api.SendAsync(context, user, new ApiRequest(HttpMethods.Delete, $"/policy/rules/{form["rule"]}"))).TryGet(out _, out failure)
            ? new Posted.To(Path, "The rule is removed.")
            : failure;
    });

    private async Task<Result<RulesModel>> ViewAsync(HttpContext context, BrowserUser user, PagePerson person, FormState form)
    {
        if (!(await RulesAsync(context, user)).TryGet(out var rules, out var failure))
            return failure;
        var offered = await services.AllAsync(user.Org, context.RequestAborted);
        var names = offered.ToDictionary(integration => integration.Id.ToString(), integration => integration.Name);
        var others = rules.Where(rule => rule.Level == "org" && rule.Action != "allow" && MayConcern(rule, user)).ToList();
        return new RulesModel(
            person, [.. rules.Where(rule => IsAbout(rule, user)).Select(rule => LineOf(rule, names))],
            [.. others.Take(MaxOthers).Select(rule => LineOf(rule, names))], Math.Max(0, others.Count - MaxOthers),
            [.. names.Select(service => (service.Key, service.Value))], form, !user.User.IsAuditor);
    }

    private Task<Result<IReadOnlyList<PolicyRuleBody>>> RulesAsync(HttpContext context, BrowserUser user) =>
        api.SendAsync(context, user, new ApiRequest(HttpMethods.Get, "/policy/rules"), ApiJson.Default.IReadOnlyListPolicyRuleBody);

    private static bool IsAbout(PolicyRuleBody rule, BrowserUser user) => rule.Level == "user" && rule.UserId == user.User.Id.ToString();

    private static bool MayConcern(PolicyRuleBody rule, BrowserUser user) =>
        rule.UserId is { } about ? about == user.User.Id.ToString() : rule.Role is not { } role || user.User.Roles.Contains(role);

    private static RuleLine LineOf(PolicyRuleBody rule, Dictionary<string, string> names)
    {
        var service = rule.IntegrationId is { } id ? names.GetValueOrDefault(id, "a service that is gone") : "every service";
        return new RuleLine(
            rule.Id, rule.Action, rule.ToolName is { } tool ? $"{tool} of {service}" : service, [.. (rule.Conditions ?? []).Select(RuleForm.Line)],
            rule.Description, rule.CreatedBy, Wired.Moment(rule.CreatedAt));
    }
}
