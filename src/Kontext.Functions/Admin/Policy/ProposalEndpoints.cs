using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Account;
using Kontext.Functions.Api;
using Kontext.Functions.Pages;

namespace Kontext.Functions.Admin.Policy;

/// <summary>All rules at once: tried against what happened, compared, imported.</summary>
internal static class ProposalEndpoints
{
    private const string Path = PolicyEndpoints.Path + "/proposal";
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, NewLine = "\n", Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Map(RouteGroupBuilder policy)
    {
        policy.MapGet("/proposal", (HttpContext context, AdminPages pages) => pages.ShowAsync<ProposalPage>(context, StartAsync));
        policy.MapPost("/proposal", (HttpContext context, AdminPages pages) => pages.PostAsync(context, Path, DecideAsync));
    }

    private static async Task<Result<AdminModel>> StartAsync(AdminVisit visit)
    {
        if (!(await visit.GetAsync("/policy/export", ApiJson.Default.PolicyDocumentBody)).TryGet(out var document, out var failure))
            return failure;
        var text = JsonSerializer.SerializeToNode(document, ApiJson.Default.PolicyDocumentBody)!.ToJsonString(Readable);
        return await ViewAsync(visit, FormState.Of(("document", text), ("hours", "24"), ("revision", document.Revision.ToString(CultureInfo.InvariantCulture))), null, null);
    }

    private static async Task<Result<AdminModel>> ViewAsync(AdminVisit visit, FormState form, PolicyReplayBody? replay, PolicyReplacedBody? change) =>
        (await PolicyEndpoints.NamesAsync(visit)).TryGet(out var names, out var failure) ? new ProposalModel(visit.Frame, form, names, replay, change) : failure;

    private static async Task<Result<Posted>> DecideAsync(AdminVisit visit, OAuthParameters form)
    {
        if (!PolicyProposal.Read(form["document"]).TryGet(out var document, out var refused))
            return await AgainAsync(visit, refused);
        switch (form["decision"])
        {
            case "import":
                var expected = form["revision"] is { } revision ? "?expectedRevision=" + Uri.EscapeDataString(revision) : "";
                return (await ImportAsync(visit, document, expected)).TryGet(out var imported, out refused)
                    ? new Posted.To(PolicyEndpoints.Path, $"The rules are at revision {imported.Revision}: {imported.Added} added, {imported.Removed} removed, {imported.Changed} changed.")
                    : await AgainAsync(visit, Overtaken(refused));
            case "compare":
                return (await ImportAsync(visit, document, "?dryRun=true")).TryGet(out var change, out refused) ? await AnswerAsync(visit, null, change) : await AgainAsync(visit, refused);
            default:
                var hours = int.TryParse(form["hours"], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 24;
                return (await PolicyProposal.ReplayAsync(visit, (JsonArray)document["rules"]!.DeepClone(), hours, form["cursor"])).TryGet(out var replay, out refused)
                    ? await AnswerAsync(visit, replay, null)
                    : await AgainAsync(visit, refused);
        }
    }

    /// <summary>Says of rules that changed meanwhile how to go on without losing what was entered.</summary>
    private static Failure Overtaken(Failure refused) => refused.CurrentRevision is { } revision
        ? new Failure(FailureCode.Conflict, $"Nothing was imported: somebody else changed the rules since you opened this page. They are at revision {revision} now. Compare yours with them, then import.")
        : refused;

    private static Task<Result<PolicyReplacedBody>> ImportAsync(AdminVisit visit, JsonObject document, string query) =>
        visit.SendAsync(HttpMethods.Post, "/policy/import" + query, Encoding.UTF8.GetBytes(document.ToJsonString()), ApiJson.Default.PolicyReplacedBody);

    private static async Task<Result<Posted>> AnswerAsync(AdminVisit visit, PolicyReplayBody? replay, PolicyReplacedBody? change)
    {
        var kept = FormState.Refused(visit.Context, new Failure(FailureCode.InvalidRequest, "")) with { Message = null };
        // What was compared is what an import then replaces.
        if (change is not null)
            kept = kept.With("revision", change.Revision.ToString(CultureInfo.InvariantCulture));
        return (await ViewAsync(visit, kept, replay, change)).TryGet(out var model, out var failure) ? new Posted.Answer(PageResult.Of<ProposalPage>(model)) : failure;
    }

    private static async Task<Result<Posted>> AgainAsync(AdminVisit visit, Failure refused) =>
        (await ViewAsync(visit, FormState.Refused(visit.Context, refused), null, null)).TryGet(out var model, out var failure) ? AdminPages.Again<ProposalPage>(model) : failure;
}
