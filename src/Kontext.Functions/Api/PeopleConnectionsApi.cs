using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Api;

/// <summary>Everybody's connections to an integration: seen and ended by owners, admins and service accounts. What they connect with is shown to nobody.</summary>
internal sealed class PeopleConnectionsApi(IIntegrationStore integrations, IConnectionStore connections, IUserStore users, Disconnection disconnection, TimeProvider time)
{
    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/integrations/{id}/connections");
        group.MapGet("", (IntegrationId id, HttpContext context, PeopleConnectionsApi self) => self.ListAsync(context, id));
        group.MapDelete("/{user}", (IntegrationId id, UserId user, HttpContext context, PeopleConnectionsApi self) => self.RemoveAsync(context, id, user));
    }

    private async Task<IResult> ListAsync(HttpContext context, IntegrationId id)
    {
        if (!(await FindAsync(context, id)).TryGet(out var found, out var failure) || !Api.Paging(context).TryGet(out var paging, out failure))
            return ApiErrors.Of(context, failure);
        var page = await connections.ListOfAsync(found.Caller.Org, id, paging.Cursor, paging.Limit, context.RequestAborted);
        var items = new List<PersonConnectionBody>(page.Items.Count);
        foreach (var connection in page.Items)
        {
            var user = await users.CurrentAsync(found.Caller.Org, connection.User, context.RequestAborted);
            items.Add(new PersonConnectionBody(connection.User.ToString(), user?.DisplayName, ConnectionBody.Of(ConnectionState.Of(found.Integration, connection, time.GetUtcNow()))));
        }
        return Api.Ok(new PersonConnectionListBody(items, page.NextCursor), ApiJson.Default.PersonConnectionListBody);
    }

    private async Task<IResult> RemoveAsync(HttpContext context, IntegrationId id, UserId user)
    {
        if (!(await FindAsync(context, id)).TryGet(out var found, out var failure))
            return ApiErrors.Of(context, failure);
        var (caller, integration) = found;
        if (await connections.FindAsync(caller.Org, user, id, context.RequestAborted) is null)
            return ApiErrors.Of(context, new Failure(FailureCode.NotFound, "This person has no connection to the integration."));
        var report = await disconnection.RunAsync(caller.Org, user, integration, DisconnectReason.ByAdministrator, caller.Actor, context.RequestAborted);
        var row = await connections.FindAsync(caller.Org, user, id, context.RequestAborted);
        return Api.Ok(
            new RemovedConnectionBody(ConnectionBody.Of(ConnectionState.Of(integration, row?.Value, time.GetUtcNow())), RemovalBody.Of(report)), ApiJson.Default.RemovedConnectionBody);
    }

    private async Task<Result<(ApiCaller Caller, Integration Integration)>> FindAsync(HttpContext context, IntegrationId id)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return refused;
        return await integrations.CurrentAsync(caller.Org, id, context.RequestAborted) is { Archived: false } integration ? (caller, integration) : Api.NotFound("integration");
    }
}
