using System.Text;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Work;
using Kontext.Functions.Storage;
using Kontext.Functions.Work;

namespace Kontext.Functions.Api;

/// <summary>The organization's background work that failed as often as the queue tries: seen, replayed and dismissed by owners, admins and service accounts. Messages that nobody can read belong to no organization:
/// that there are some is told to those of the deployment's own organization, but not what is in them, which may be another's.</summary>
internal sealed class FailedWorkApi(FailedWorkStore failed, IWorkQueue queue, IOrganizationStore organizations, KontextSettings settings)
{
    private const int Listed = 200;

    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/work/failed");
        group.MapGet("", (HttpContext context, FailedWorkApi self) => self.ListAsync(context));
        group.MapPost("/{id:guid}/replay", (Guid id, HttpContext context, FailedWorkApi self) => self.ReplayAsync(context, id));
        group.MapDelete("/{id:guid}", (Guid id, HttpContext context, FailedWorkApi self) => self.DismissAsync(context, id));
    }

    private async Task<IResult> ListAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        var items = (await failed.ListAsync(caller.Org, Listed, context.RequestAborted)).Select(FailedWorkBody.Of).ToList();
        if (await SeesNobodysAsync(caller, context.RequestAborted))
            items.AddRange((await failed.ListAsync(FailedWorkStore.Nobody, Listed, context.RequestAborted)).Select(FailedWorkBody.OfNobody));
        return Api.Ok(new FailedWorkListBody([.. items.Take(Listed)]), ApiJson.Default.FailedWorkListBody);
    }

    private async Task<IResult> ReplayAsync(HttpContext context, Guid id)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (await FindAsync(caller, id, context.RequestAborted) is not { } found)
            return ApiErrors.Of(context, Api.NotFound("failed work"));
        // Whoever's message it is was read from its text, so that a replay can be about nobody else.
        if (WorkMessage.Read(Encoding.UTF8.GetBytes(found.Work.Message)) is not { } item || item.Org != caller.Org)
            return ApiErrors.Of(context, new Failure(FailureCode.Conflict, "This version of the program cannot read the message; it would fail again."));
        await queue.EnqueueAsync(item, TimeSpan.Zero, context.RequestAborted);
        await Api.RecordAsync(context, caller, "work.replayed", new AuditParty(id.ToString("D"), found.Work.Kind));
        await failed.RemoveAsync(found.Org, id, CancellationToken.None);
        return Results.NoContent();
    }

    private async Task<IResult> DismissAsync(HttpContext context, Guid id)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (await FindAsync(caller, id, context.RequestAborted) is not { } found)
            return ApiErrors.Of(context, Api.NotFound("failed work"));
        await Api.RecordAsync(context, caller, "work.dismissed", new AuditParty(id.ToString("D"), found.Org == FailedWorkStore.Nobody ? WorkMessage.Unreadable : found.Work.Kind));
        await failed.RemoveAsync(found.Org, id, CancellationToken.None);
        return Results.NoContent();
    }

    private async Task<(OrgId Org, FailedWork Work)?> FindAsync(ApiCaller caller, Guid id, CancellationToken cancellationToken)
    {
        if (await failed.FindAsync(caller.Org, id, cancellationToken) is { } own)
            return (caller.Org, own.Value);
        return await SeesNobodysAsync(caller, cancellationToken) && await failed.FindAsync(FailedWorkStore.Nobody, id, cancellationToken) is { } nobodys ? (FailedWorkStore.Nobody, nobodys.Value) : null;
    }

    private async Task<bool> SeesNobodysAsync(ApiCaller caller, CancellationToken cancellationToken) =>
        await organizations.FindBySlugAsync(settings.Organization, cancellationToken) == caller.Org;
}
