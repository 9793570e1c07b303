using Kontext.Domain;
using Kontext.Domain.Policies;
using Kontext.Functions.Api;
using Kontext.Functions.OAuth;
using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Account;

/// <summary>The pages on which a person sees what waits for their approval and decides.</summary>
internal static class ApprovalsEndpoints
{
    private const string Path = "/approvals";

    public static void Map(IEndpointRouteBuilder app)
    {
        var group = app.MapGroup(Path).WithMetadata(new Surface(Authenticate: null, PageErrors.Of));
        group.MapGet("", ListAsync);
        group.MapGet("/{id}", ShowAsync);
        group.MapPost("/{id}", DecideAsync);
    }

    private static async Task<IResult> ListAsync(HttpContext context, BrowserSessions browser, ApprovalDecisions approvals)
    {
        if (await browser.CurrentAsync(context) is not { } person)
            return SignInEndpoints.Redirect(Path);
        var waiting = await approvals.ListAsync(person.Org, person.User.Id, context.RequestAborted);
        return PageResult.Of<ApprovalsPage>(new ApprovalsModel(person.User.DisplayName, [.. waiting.Select(view => ModelOf(person, view))]));
    }

    private static async Task<IResult> ShowAsync(string id, HttpContext context, BrowserSessions browser, ApprovalDecisions approvals)
    {
        if (await browser.CurrentAsync(context) is not { } person)
            return SignInEndpoints.Redirect($"{Path}/{Uri.EscapeDataString(id)}");
        return await approvals.FindAsync(person.Org, person.User.Id, id, context.RequestAborted) is { } view
            ? PageResult.Of<ApprovalPage>(ModelOf(person, view))
            : PageErrors.Of(context, new Failure(FailureCode.NotFound, "There is no such question for you. Perhaps it was put to somebody else."));
    }

    private static async Task<IResult> DecideAsync(string id, HttpContext context, BrowserSessions browser, ApprovalDecisions approvals)
    {
        if (!(await FormFields.ReadAsync(context.Request, context.RequestAborted)).TryGet(out var form, out var failure))
            return PageErrors.Of(context, failure);
        var here = $"{Path}/{Uri.EscapeDataString(id)}";
        // Not by a redirect: the browser would hold the provider's address against the form-action of the page it came from.
        if (await browser.CurrentAsync(context) is not { } person)
            return ContinuePage.To($"/login?return_to={Uri.EscapeDataString(here)}", "Your sign-in has ended", "It was too long ago. Sign in again to go on.", "Sign in");
        if (!browser.IsCsrf(context, person, form["csrf"]) || ApprovalWords.Decision(form["decision"]) is not { } decision || !int.TryParse(form["round"], out var round))
            return PageErrors.Of(context, new Failure(FailureCode.InvalidRequest, "The form is out of date, or came from another page. Go back, reload the page and try again."));
        return (await approvals.DecideAsync(person.Org, person.User, id, round, decision, by: null, context.RequestAborted)).TryGet(out _, out failure) || failure.Code == FailureCode.Conflict
            ? SeeOther.To(here)
            : PageErrors.Of(context, failure);
    }

    private static ApprovalModel ModelOf(BrowserUser person, ApprovalView view) => new(
        person.User.DisplayName, view.Approval.Id, view.Approval.Round, view.Agent.Name, view.Approval.IntegrationName, view.Approval.Operation, view.Approval.Target,
        view.Arguments, view.Approval.Shortened, view.Approval.Reasons, view.Approval.CreatedAt, view.Approval.ExpiresAt, view.Open, OutcomeOf(view), person.CsrfToken);

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
