using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Api;

/// <summary>The calling person's own connection to an integration (contract 2.4). A service account has none.</summary>
internal sealed class ConnectionsApi(IIntegrationStore integrations, IConnectionStore connections, ProvidedTokens tokens, Disconnection disconnection)
{
    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/integrations/{id}/connection");
        group.MapPost("", (IntegrationId id, HttpContext context, ConnectionsApi self) => self.SaveAsync(context, id));
        group.MapGet("", (IntegrationId id, HttpContext context, ConnectionsApi self) => self.ReadAsync(context, id));
        group.MapDelete("", (IntegrationId id, HttpContext context, ConnectionsApi self) => self.RemoveAsync(context, id));
    }

    private async Task<IResult> SaveAsync(HttpContext context, IntegrationId id)
    {
        if (!(await FindAsync(context, id)).TryGet(out var found, out var failure)
            || !(await Api.ReadAsync(context, ApiJson.Default.NewConnection)).TryGet(out var input, out failure))
            return ApiErrors.Of(context, failure);
        if (found.Integration.AuthMode != AuthMode.UserToken)
            return ApiErrors.Of(context, new Failure(FailureCode.InvalidRequest, $"{found.Integration.Name} is not connected by providing a token."));
        if (input.Token is null)
            return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { ["token"] = "Is required." }));
        return (await tokens.SaveAsync(found.Caller.Org, found.Caller.User, found.Integration, new Secret(input.Token), context.RequestAborted)).TryGet(out var connection, out failure)
            ? Answer(connection)
            : ApiErrors.Of(context, failure);
    }

    private async Task<IResult> ReadAsync(HttpContext context, IntegrationId id)
    {
        if (!(await FindAsync(context, id)).TryGet(out var found, out var failure))
            return ApiErrors.Of(context, failure);
        var stored = await connections.FindAsync(found.Caller.Org, found.Caller.User.Id, id, context.RequestAborted);
        return Answer(stored?.Value is { } connection && connection.Epoch == found.Integration.ConnectionEpoch ? connection : null);
    }

    private async Task<IResult> RemoveAsync(HttpContext context, IntegrationId id)
    {
        if (!(await FindAsync(context, id)).TryGet(out var found, out var failure))
            return ApiErrors.Of(context, failure);
        await disconnection.RunAsync(found.Caller.Org, found.Caller.User.Id, found.Integration, "you disconnected it", actor: null, context.RequestAborted);
        return Results.NoContent();
    }

    private async Task<Result<(AgentCaller Caller, Integration Integration)>> FindAsync(HttpContext context, IntegrationId id)
    {
        if (CallerOf.Request(context) is not AgentCaller person)
            return new Failure(FailureCode.Forbidden, "A connection belongs to a person; a service account has none.");
        return await integrations.CurrentAsync(person.Org, id, context.RequestAborted) is { Archived: false } integration
            ? (person, integration)
            : Api.NotFound("integration");
    }

    private static IResult Answer(Connection? connection)
    {
        var body = ConnectionBody.Of(connection);
        return Api.Ok(new ConnectionEnvelope(body, body.Connected, body.Status), ApiJson.Default.ConnectionEnvelope);
    }
}
