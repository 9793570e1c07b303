using Kontext.Domain;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Api;

/// <summary>The access graph of all applications, page by page, or of one (contract 2.2, 8).</summary>
internal sealed class AccessGraphApi(IApplicationStore applications, IOrganizationStore organizations, AccessGraphs graphs)
{
    public static void Map(RouteGroupBuilder api)
    {
        api.MapGet("/applications/access-graph", (HttpContext context, AccessGraphApi self) => self.AllAsync(context));
        api.MapGet("/applications/{id}/access-graph", (AppId id, HttpContext context, AccessGraphApi self) => self.OneAsync(context, id));
    }

    private async Task<IResult> AllAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!Api.Paging(context).TryGet(out var paging, out var failure))
            return ApiErrors.Of(context, failure);
        var graph = new AccessGraph();
        var page = await applications.ListAsync(caller.Org, paging.Cursor, paging.Limit, context.RequestAborted);
        foreach (var application in page.Items.Where(application => !application.Archived))
            await graphs.AddAsync(caller.Org, application, graph, context.RequestAborted);
        return await AnswerAsync(context, caller, graph, page.NextCursor);
    }

    private async Task<IResult> OneAsync(HttpContext context, AppId id)
    {
        var caller = ApiCaller.Of(context);
        if (await applications.FindAsync(caller.Org, id, context.RequestAborted) is not { Value.Archived: false } found || !caller.MaySee(found.Value))
            return ApiErrors.Of(context, Api.NotFound("application"));
        var graph = new AccessGraph();
        await graphs.AddAsync(caller.Org, found.Value, graph, context.RequestAborted);
        return await AnswerAsync(context, caller, graph, nextCursor: null);
    }

    private async Task<IResult> AnswerAsync(HttpContext context, ApiCaller caller, AccessGraph graph, string? nextCursor)
    {
        var organization = await organizations.CurrentAsync(caller.Org, context.RequestAborted);
        return Api.Ok(graph.ToBody(nextCursor, organization!.PolicyEnabled), ApiJson.Default.AccessGraphBody);
    }
}
