using System.Collections.Immutable;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Policies;

namespace Kontext.Functions.Api;

/// <summary>An organization's rules as a whole: replaced, exported and imported by owners and admins.</summary>
internal sealed class PolicySetApi(IPolicyStore policies, PolicyRuleStores stores, PolicyRuleReading reading, PolicyChanges changes)
{
    private const int SchemaVersion = 1;
    private const int MaxBodyBytes = 64 * 1024 * 1024;

    // People read it in reviews: one member a line, and quotes as quotes.
    private static readonly ApiJson Reviewable = new(new JsonSerializerOptions(ApiJson.Default.Options) { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/policy");
        group.MapPut("/rules", (HttpContext context, PolicySetApi self) => self.ReplaceAsync(context));
        group.MapGet("/export", (HttpContext context, PolicySetApi self) => self.ExportAsync(context));
        group.MapPost("/import", (HttpContext context, PolicySetApi self) => self.ImportAsync(context));
    }

    private async Task<IResult> ReplaceAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!(await Api.ReadAsync(context, ApiJson.Default.PolicyReplacement, MaxBodyBytes)).TryGet(out var input, out var failure))
            return ApiErrors.Of(context, failure);
        if (input.ExpectedRevision is not { } expected)
            return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { ["expectedRevision"] = "Is required: the revision that is to be replaced, as in the ETag of GET /policy/rules." }));
        return await WriteAsync(context, caller, "policy.rules_replaced", expected, input.Rules, dryRun: false);
    }

    private async Task<IResult> ExportAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        var rules = (await policies.FindAsync(caller.Org, context.RequestAborted)).Value;
        var names = await PolicyReferences.LoadAsync(stores, caller.Org, rules.Rules, context.RequestAborted);
        PolicyChanges.Tag(context, rules.Revision);
        context.Response.Headers.ContentDisposition = "attachment; filename=\"policy.json\"";
        return Api.Ok(new PolicyDocumentBody(SchemaVersion, rules.Revision, [.. Ordered(rules, names)]), Reviewable.PolicyDocumentBody);
    }

    private async Task<IResult> ImportAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!Query(context.Request.Query).TryGet(out var query, out var failure)
            || !(await Api.ReadAsync(context, ApiJson.Default.PolicyDocumentInput, MaxBodyBytes)).TryGet(out var input, out failure))
            return ApiErrors.Of(context, failure);
        if (input.SchemaVersion != SchemaVersion)
            return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { ["schemaVersion"] = $"Has to be {SchemaVersion}." }));
        return await WriteAsync(context, caller, "policy.imported", query.ExpectedRevision, input.Rules, query.DryRun);
    }

    private async Task<IResult> WriteAsync(HttpContext context, ApiCaller caller, string change, int? expectedRevision, IReadOnlyList<PolicyRuleInput?>? inputs, bool dryRun)
    {
        if (dryRun)
        {
            var current = (await policies.FindAsync(caller.Org, context.RequestAborted)).Value;
            if (PolicyChanges.Stale(current, expectedRevision) is { } stale)
                return ApiErrors.Of(context, stale);
            return (await reading.AllAsync(caller, inputs, current.Rules, context.RequestAborted)).TryGet(out var rules, out var invalid)
                ? Answer(context, current.Revision, PolicyDifference.Between(current.Rules, [.. rules]), dryRun)
                : ApiErrors.Of(context, invalid);
        }
        if (!(await changes.ApplyAsync(context, expectedRevision, async current =>
                (await reading.AllAsync(caller, inputs, current, context.RequestAborted)).TryGet(out var rules, out var invalid) ? rules.ToImmutableArray() : invalid,
                made => (change, $"revision {made.Revision}: {PolicyWords.Summary(made.Difference)}"))).TryGet(out var made, out var failure))
            return ApiErrors.Of(context, failure);
        return Answer(context, made.Revision, made.Difference, dryRun);
    }

    private static IResult Answer(HttpContext context, int revision, PolicyDifference difference, bool dryRun)
    {
        PolicyChanges.Tag(context, revision);
        return Api.Ok(PolicyReplacedBody.Of(revision, difference, dryRun), ApiJson.Default.PolicyReplacedBody);
    }

    // By what a reader looks for: layer, integration, subject, tool. Ids come last, so that the same rules give the same document.
    private static IEnumerable<PolicyRuleBody> Ordered(PolicyRules rules, PolicyReferences names) => rules.Rules
        .Select(rule => (Rule: rule, Body: PolicyRuleBody.Of(rule) with { Integration = names.Integration(rule)?.Name, Application = names.Application(rule)?.Name, User = names.User(rule)?.DisplayName }))
        .OrderBy(entry => entry.Rule.Layer)
        .ThenBy(entry => entry.Body.Integration ?? entry.Body.IntegrationId ?? "", StringComparer.Ordinal)
        .ThenBy(entry => entry.Rule.Subject.Kind)
        .ThenBy(entry => entry.Body.Application ?? entry.Body.User ?? entry.Rule.Subject.Value ?? "", StringComparer.Ordinal)
        .ThenBy(entry => entry.Rule.Operation ?? "", StringComparer.Ordinal)
        .ThenBy(entry => entry.Rule.Effect)
        .ThenBy(entry => entry.Rule.Id.ToString(), StringComparer.Ordinal)
        .Select(entry => entry.Body);

    private static Result<(int? ExpectedRevision, bool DryRun)> Query(IQueryCollection query)
    {
        var faults = new Dictionary<string, string>();
        var (expected, dry) = (query["expectedRevision"].ToString(), query["dryRun"].ToString());
        var revision = 0;
        if (dry is not ("" or "true" or "false"))
            faults["dryRun"] = "Has to be true or false.";
        if (expected.Length == 0 ? dry != "true" : !int.TryParse(expected, NumberStyles.None, CultureInfo.InvariantCulture, out revision))
            faults["expectedRevision"] = "Has to be the revision that is to be replaced; only a dry run goes without.";
        if (faults.Count > 0)
            return Api.Invalid(faults);
        return (expected.Length == 0 ? null : revision, dry == "true");
    }
}
