using System.Text;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Work;
using Kontext.Functions.Storage;
using Kontext.Functions.Work;

namespace Kontext.Functions.Api;

/// <summary>The organization's background work that failed as often as the queue tries: seen and replayed by owners, admins and service accounts.</summary>
internal sealed class FailedWorkApi(FailedWorkStore failed, IWorkQueue queue)
{
    private const int Listed = 200;

    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/work/failed");
        group.MapGet("", (HttpContext context, FailedWorkApi self) => self.ListAsync(context));
        group.MapPost("/{id:guid}/replay", (Guid id, HttpContext context, FailedWorkApi self) => self.ReplayAsync(context, id));
    }

    private async Task<IResult> ListAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        return caller.DemandPrivilege() is { } refused
            ? ApiErrors.Of(context, refused)
            : Api.Ok(new FailedWorkListBody([.. (await failed.ListAsync(caller.Org, Listed, context.RequestAborted)).Select(FailedWorkBody.Of)]), ApiJson.Default.FailedWorkListBody);
    }

    private async Task<IResult> ReplayAsync(HttpContext context, Guid id)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (await failed.FindAsync(caller.Org, id, context.RequestAborted) is not { } found)
            return ApiErrors.Of(context, Api.NotFound("failed work"));
        // Whoever's message it is was read from its text, so that a replay can be about nobody else.
        if (WorkMessage.Read(Encoding.UTF8.GetBytes(found.Value.Message)) is not { } item || item.Org != caller.Org)
            return ApiErrors.Of(context, new Failure(FailureCode.Conflict, "This version of the program cannot read the message; it would fail again."));
        await queue.EnqueueAsync(item, TimeSpan.Zero, context.RequestAborted);
        await Api.RecordAsync(context, caller, "work.replayed", new AuditParty(id.ToString("D"), found.Value.Kind));
        await failed.RemoveAsync(caller.Org, id, CancellationToken.None);
        return Results.NoContent();
    }
}
