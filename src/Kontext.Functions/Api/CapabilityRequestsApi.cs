using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Domain.Gateway;

namespace Kontext.Functions.Api;

/// <summary>A request on the wire.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Status"><c>open</c>, <c>granted</c> or <c>declined</c>.</param>
/// <param name="Capability">What was asked for, in the agent's words.</param>
/// <param name="Reason">What for, in the agent's words.</param>
/// <param name="ApplicationId">The agent.</param>
/// <param name="ApplicationName">Its name at the time.</param>
/// <param name="UserId">The person it acted for.</param>
/// <param name="UserName">Their name at the time.</param>
/// <param name="AskedAt">When it was first asked for.</param>
/// <param name="ResolvedAt">When it was decided.</param>
/// <param name="ResolvedBy">Who decided.</param>
/// <param name="Note">What they said to the agent.</param>
internal sealed record CapabilityRequestBody(
    string Id, string Status, string Capability, string? Reason, string ApplicationId, string ApplicationName, string UserId, string? UserName, string AskedAt, string? ResolvedAt, string? ResolvedBy, string? Note)
{
    public static CapabilityRequestBody Of(CapabilityRequest request) => new(
        request.Id, WordOf(request.Status), request.Capability, request.Reason, request.Application.ToString(), request.ApplicationName, request.User.ToString(), request.UserName,
        Wire.Time(request.AskedAt), Wire.Time(request.ResolvedAt), request.ResolvedBy, request.Note);

    public static string WordOf(CapabilityRequestStatus status) => status switch
    {
        CapabilityRequestStatus.Open => "open",
        CapabilityRequestStatus.Granted => "granted",
        CapabilityRequestStatus.Declined => "declined",
    };
}

/// <summary>Requests, the newest first.</summary>
internal sealed record CapabilityRequestListBody(IReadOnlyList<CapabilityRequestBody> Items);

/// <summary>One request.</summary>
internal sealed record CapabilityRequestEnvelope(CapabilityRequestBody CapabilityRequest);

/// <summary>A decision.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record CapabilityResolution(string? Resolution, string? Note);

/// <summary>What agents asked for and do not have, for those who can provide it: <c>/capability-requests</c>.</summary>
internal sealed class CapabilityRequestsApi(ICapabilityRequestStore store, CapabilityRequests requests)
{
    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/capability-requests");
        group.MapGet("", (HttpContext context, CapabilityRequestsApi self) => self.ListAsync(context));
        group.MapPost("/{id}/resolve", (string id, HttpContext context, CapabilityRequestsApi self) => self.ResolveAsync(context, id));
    }

    private async Task<IResult> ListAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        var wanted = context.Request.Query["status"].ToString();
        if (wanted is not ("" or "open" or "granted" or "declined"))
            return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { ["status"] = "Has to be open, granted or declined." }));
        var found = (await store.ListAsync(caller.Org, context.RequestAborted)).Select(request => request.Value)
            .Where(request => wanted.Length == 0 || CapabilityRequestBody.WordOf(request.Status) == wanted)
            .OrderByDescending(request => request.AskedAt);
        return Api.Ok(new CapabilityRequestListBody([.. found.Select(CapabilityRequestBody.Of)]), ApiJson.Default.CapabilityRequestListBody);
    }

    private async Task<IResult> ResolveAsync(HttpContext context, string id)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!(await Api.ReadAsync(context, ApiJson.Default.CapabilityResolution)).TryGet(out var sent, out var failure))
            return ApiErrors.Of(context, failure);
        CapabilityRequestStatus? status = sent.Resolution switch
        {
            "granted" => CapabilityRequestStatus.Granted,
            "declined" => CapabilityRequestStatus.Declined,
            _ => null,
        };
        if (status is null)
            return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { ["resolution"] = "Has to be granted or declined." }));
        // Other characters are in no id, and some of them in no key.
        return id.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_')
            && await requests.ResolveAsync(caller.Org, id, status.Value, sent.Note, caller.Actor, context.RequestAborted) is { } resolved
            ? Api.Ok(new CapabilityRequestEnvelope(CapabilityRequestBody.Of(resolved)), ApiJson.Default.CapabilityRequestEnvelope)
            : ApiErrors.Of(context, Api.NotFound("capability request"));
    }
}
