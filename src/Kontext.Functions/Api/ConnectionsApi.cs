using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Api;

/// <summary>The calling person's own connection to an integration (contract 2.4). A service account has none.</summary>
internal sealed class ConnectionsApi(
    IIntegrationStore integrations, IConnectionStore connections, ConnectionSources sources, ProvidedCredentials provided, ConnectionValidation validation, Disconnection disconnection, IConnectLinks links, TimeProvider time)
{
    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/integrations/{id}/connection").WithMetadata(new OwnAffairs());
        group.MapPost("", (IntegrationId id, HttpContext context, ConnectionsApi self) => self.SaveAsync(context, id));
        group.MapGet("", (IntegrationId id, HttpContext context, ConnectionsApi self) => self.ReadAsync(context, id));
        group.MapDelete("", (IntegrationId id, HttpContext context, ConnectionsApi self) => self.RemoveAsync(context, id));
        group.MapPost("/validate", (IntegrationId id, HttpContext context, ConnectionsApi self) => self.ValidateAsync(context, id));
    }

    private async Task<IResult> SaveAsync(HttpContext context, IntegrationId id)
    {
        if (!(await FindOwnAsync(context, id)).TryGet(out var found, out var failure)
            || !(await Api.ReadAsync(context, ApiJson.Default.NewConnection)).TryGet(out var input, out failure)
            || !(await provided.SaveAsync(found.Caller.Org, found.Caller.User, found.Integration, input, context.RequestAborted)).TryGet(out var connection, out failure))
            return ApiErrors.Of(context, failure);
        return Answer(ConnectionState.Of(found.Integration, connection, time.GetUtcNow()), connectUrl: null);
    }

    private async Task<IResult> ReadAsync(HttpContext context, IntegrationId id)
    {
        if (!(await FindServingAsync(context, id)).TryGet(out var found, out var failure))
            return ApiErrors.Of(context, failure);
        var state = await StateAsync(found.Caller, found.Integration, context.RequestAborted);
        return Answer(state, await LinkAsync(found.Caller, found.Integration, state, context.RequestAborted));
    }

    private async Task<IResult> ValidateAsync(HttpContext context, IntegrationId id)
    {
        if (!(await FindServingAsync(context, id)).TryGet(out var found, out var failure))
            return ApiErrors.Of(context, failure);
        if (await validation.RunAsync(found.Caller.Org, found.Caller.User, found.Integration, context.RequestAborted) is not { } checkedNow)
            return ApiErrors.Of(context, new Failure(FailureCode.NotConnected, $"{found.Integration.Name} is not connected, so there is nothing to check."));
        var link = await LinkAsync(found.Caller, found.Integration, checkedNow.State, context.RequestAborted);
        return Api.Ok(
            new ConnectionValidationBody(ConnectionWireWords.Of(checkedNow.Verdict.Validity), checkedNow.Verdict.Message, ConnectionBody.Of(checkedNow.State, link)), ApiJson.Default.ConnectionValidationBody);
    }

    /// <summary>204, as the contract has it, or the report for who asks for it (RFC 7240 section 4.2).</summary>
    private async Task<IResult> RemoveAsync(HttpContext context, IntegrationId id)
    {
        if (!(await FindOwnAsync(context, id)).TryGet(out var found, out var failure))
            return ApiErrors.Of(context, failure);
        var report = await disconnection.RunAsync(found.Caller.Org, found.Caller.User.Id, found.Integration, DisconnectReason.ByPerson, actor: null, context.RequestAborted);
        if (!context.Request.Headers["Prefer"].Any(preference => preference?.Contains("return=representation", StringComparison.OrdinalIgnoreCase) == true))
            return Results.NoContent();
        context.Response.Headers["Preference-Applied"] = "return=representation";
        var state = await StateAsync(found.Caller, found.Integration, context.RequestAborted);
        return Api.Ok(new RemovedConnectionBody(ConnectionBody.Of(state), RemovalBody.Of(report)), ApiJson.Default.RemovedConnectionBody);
    }

    private async Task<Result<(AgentCaller Caller, Integration Integration)>> FindAsync(HttpContext context, IntegrationId id)
    {
        if (CallerOf.Request(context) is not AgentCaller person)
            return new Failure(FailureCode.Forbidden, "A connection belongs to a person; a service account has none.");
        return await integrations.CurrentAsync(person.Org, id, context.RequestAborted) is { Archived: false } integration
            ? (person, integration)
            : Api.NotFound("integration");
    }

    /// <summary>The one whose connection it is: of a product of a suite, the suite.</summary>
    private async Task<Result<(AgentCaller Caller, Integration Integration)>> FindServingAsync(HttpContext context, IntegrationId id)
    {
        if (!(await FindAsync(context, id)).TryGet(out var found, out var failure))
            return failure;
        return await sources.OfAsync(found.Caller.Org, found.Integration, context.RequestAborted) is { } source
            ? (found.Caller, source)
            : new Failure(FailureCode.NotConnected, $"The connection that {found.Integration.Name} used is of another provider now. An administrator has to see to that.");
    }

    /// <summary>The same where the connection is to be changed: that of a suite is changed at the suite, since others use it too.</summary>
    private async Task<Result<(AgentCaller Caller, Integration Integration)>> FindOwnAsync(HttpContext context, IntegrationId id) =>
        (await FindAsync(context, id)).TryGet(out var found, out var failure) && found.Integration.ConnectionOf is { } suite
            ? new Failure(FailureCode.Conflict, $"{found.Integration.Name} has no connection of its own: it uses that to the integration {suite}.")
            : failure ?? (Result<(AgentCaller Caller, Integration Integration)>)found;

    private async Task<ConnectionState> StateAsync(AgentCaller caller, Integration integration, CancellationToken cancellationToken) =>
        ConnectionState.Of(integration, (await connections.FindAsync(caller.Org, caller.User.Id, integration.Id, cancellationToken))?.Value, time.GetUtcNow());

    private async Task<string?> LinkAsync(AgentCaller caller, Integration integration, ConnectionState state, CancellationToken cancellationToken) =>
        integration.NeedsConnection && !state.Connected ? (await links.CreateAsync(caller, integration.Id, returnUrl: null, cancellationToken)).Url.AbsoluteUri : null;

    private static IResult Answer(ConnectionState state, string? connectUrl)
    {
        var body = ConnectionBody.Of(state, connectUrl);
        return Api.Ok(new ConnectionEnvelope(body, body.Connected, body.Status), ApiJson.Default.ConnectionEnvelope);
    }
}
