using Kontext.Domain;
using Kontext.Domain.Policies;
using Kontext.Functions.Api;
using Kontext.Functions.Pages;

namespace Kontext.Functions.Account;

/// <summary>The pages on which a person sees what waits for their approval and decides.</summary>
internal static class ApprovalsEndpoints
{
    private const string Path = "/approvals";

    public static void Map(IEndpointRouteBuilder app)
    {
        var group = app.MapGroup(Path).WithMetadata(new Surface(Authenticate: null, (context, failure) => LoadErrors.Of(context, failure, "approvals", Path)));
        group.MapGet("", (HttpContext context, SignedInPages pages, ApprovalDecisions approvals) => pages.ShowAsync(context, async (user, person) =>
        {
            var waiting = await approvals.ListAsync(user.Org, user.User.Id, context.RequestAborted);
            return PageResult.Of<ApprovalsPage>(new ApprovalsModel(person, [.. waiting.Select(view => ModelOf(person, view))]));
        }));
        group.MapGet("/{id}", (string id, HttpContext context, SignedInPages pages, ApprovalDecisions approvals) => pages.ShowAsync(context, async (user, person) =>
            await approvals.FindAsync(user.Org, user.User.Id, id, context.RequestAborted) is { } view
                ? PageResult.Of<ApprovalPage>(ModelOf(person, view))
                : PageErrors.Of(context, new Failure(FailureCode.NotFound, "There is no such question for you. Perhaps it was put to somebody else."))));
        group.MapPost("/{id}", DecideAsync);
    }

    private static Task<IResult> DecideAsync(string id, HttpContext context, SignedInPages pages, ApprovalDecisions approvals)
    {
        var here = $"{Path}/{Uri.EscapeDataString(id)}";
        return pages.PostAsync(context, here, async (user, form) =>
        {
            if (ApprovalWords.Decision(form["decision"]) is not { } decision || !int.TryParse(form["round"], out var round))
                return new Posted.Answer(PageErrors.Of(context, new Failure(FailureCode.InvalidRequest, "The form is out of date, or came from another page. Go back, reload the page and try again.")));
            // The page itself says what became of it, whoever decided first.
            return (await approvals.DecideAsync(user.Org, user.User, id, round, decision, by: null, context.RequestAborted)).TryGet(out _, out var failure) || failure.Code == FailureCode.Conflict
                ? new Posted.To(here, Notice: null)
                : new Posted.Answer(PageErrors.Of(context, failure));
        });
    }

    private static ApprovalModel ModelOf(PagePerson person, ApprovalView view) => new(
        person, view.Approval.Id, view.Approval.Round, view.Agent.Name, view.Approval.IntegrationName, view.Approval.Operation, view.Approval.Target,
        view.Arguments, view.Approval.Shortened, view.Approval.Reasons, view.Approval.CreatedAt, view.Approval.ExpiresAt, view.Open, OutcomeOf(view));

    private static string OutcomeOf(ApprovalView view) => view.Approval.State switch
    {
        ApprovalState.AllowedOnce => "You allowed this once. The agent can try again now.",
        ApprovalState.AllowedForSession => "You allowed this for the agent's session. The agent can try again now.",
        ApprovalState.Refused => "You refused this. The agent was told so.",
        ApprovalState.Used => "You allowed this once, and the agent has done it.",
        ApprovalState.Pending => "This question is no longer open: its time is over, or the agent's session has ended. Nothing was done.",
        _ => throw new InvalidOperationException($"Unknown state {view.Approval.State}."),
    };
}
