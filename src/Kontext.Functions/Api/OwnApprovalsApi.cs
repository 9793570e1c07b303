using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Domain.Policies;

namespace Kontext.Functions.Api;

/// <summary>An approval on the wire.</summary>
internal sealed record ApprovalBody(
    string Id, int Round, string State, string ApplicationId, string ApplicationName, string SessionId, string IntegrationId, string IntegrationName, string? ToolName, string? Target,
    string? Arguments, bool ArgumentsShortened, IReadOnlyList<string> Reasons, string CreatedAt, string ExpiresAt)
{
    public static ApprovalBody Of(ApprovalView view) => new(
        view.Approval.Id, view.Approval.Round, Word(view.Approval.State), view.Approval.Application.ToString(), view.Agent.Name, view.Approval.Session.ToString(),
        view.Approval.Integration.ToString(), view.Approval.IntegrationName, view.Approval.Operation, view.Approval.Target, view.Arguments, view.Approval.Shortened, view.Approval.Reasons,
        Wire.Time(view.Approval.CreatedAt), Wire.Time(view.Approval.ExpiresAt));

    private static string Word(ApprovalState state) => state switch
    {
        ApprovalState.Pending => "pending",
        ApprovalState.AllowedOnce => "allowed_once",
        ApprovalState.AllowedForSession => "allowed_for_session",
        ApprovalState.Refused => "refused",
        ApprovalState.Used => "used",
        _ => throw new InvalidOperationException($"Unknown state {state}."),
    };
}

/// <summary>What waits for the person.</summary>
internal sealed record ApprovalListBody(IReadOnlyList<ApprovalBody> Items);

/// <summary>One approval.</summary>
internal sealed record ApprovalEnvelope(ApprovalBody Approval);

/// <summary>A decision: <c>once</c>, <c>session</c> or <c>refuse</c>; the round makes sure that it is about what was read.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record ApprovalDecisionInput(string? Decision, int? Round);

/// <summary>The signed-in person's own approvals: <c>/me/approvals</c>.</summary>
internal sealed class OwnApprovalsApi(ApprovalDecisions approvals)
{
    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/me/approvals").WithMetadata(new OwnAffairs());
        group.MapGet("", (HttpContext context, OwnApprovalsApi self) => self.ListAsync(context));
        group.MapPost("/{id}", (string id, HttpContext context, OwnApprovalsApi self) => self.DecideAsync(context, id));
    }

    private async Task<IResult> ListAsync(HttpContext context)
    {
        if (!Person(context).TryGet(out var person, out var failure))
            return ApiErrors.Of(context, failure);
        var waiting = await approvals.ListAsync(person.Org, person.User.Id, context.RequestAborted);
        return Api.Ok(new ApprovalListBody([.. waiting.Select(ApprovalBody.Of)]), ApiJson.Default.ApprovalListBody);
    }

    private async Task<IResult> DecideAsync(HttpContext context, string id)
    {
        if (!Person(context).TryGet(out var person, out var failure)
            || !(await Api.ReadAsync(context, ApiJson.Default.ApprovalDecisionInput)).TryGet(out var input, out failure))
            return ApiErrors.Of(context, failure);
        if (ApprovalWords.Decision(input.Decision) is not { } decision)
            return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { ["decision"] = "Has to be once, session or refuse." }));
        if (!(await approvals.DecideAsync(person.Org, person.User, id, input.Round, decision, person, context.RequestAborted)).TryGet(out _, out failure))
            return ApiErrors.Of(context, failure);
        return await approvals.FindAsync(person.Org, person.User.Id, id, context.RequestAborted) is { } view
            ? Api.Ok(new ApprovalEnvelope(ApprovalBody.Of(view)), ApiJson.Default.ApprovalEnvelope)
            : ApiErrors.Of(context, Api.NotFound("approval"));
    }

    private static Result<AgentCaller> Person(HttpContext context) => CallerOf.Request(context) is AgentCaller caller
        ? caller
        : new Failure(FailureCode.Forbidden, "A service account approves nothing: this needs a person's token.");
}

/// <summary>Decisions in the words of API and page.</summary>
internal static class ApprovalWords
{
    /// <summary>The decision a word stands for; null for any other word.</summary>
    public static ApprovalDecision? Decision(string? word) => word switch
    {
        "once" => ApprovalDecision.Once,
        "session" => ApprovalDecision.Session,
        "refuse" => ApprovalDecision.Refuse,
        _ => null,
    };
}
