using Kontext.Domain;
using Kontext.Domain.Integrations;

namespace Kontext.Functions.Api;

/// <summary>Integrations and their OAuth settings (contract 2.4): read by everybody in the organization, changed by owners and admins.</summary>
internal sealed class IntegrationsApi(IIntegrationStore integrations, IntegrationSettings fields, IntegrationValidation validation, IntegrationChanges changes)
{
    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/integrations");
        group.MapPost("", (HttpContext context, IntegrationsApi self) => self.CreateAsync(context));
        group.MapGet("", (HttpContext context, IntegrationsApi self) => self.ListAsync(context));
        group.MapGet("/{id}", (IntegrationId id, HttpContext context, IntegrationsApi self) => self.ReadAsync(context, id));
        group.MapPatch("/{id}", (IntegrationId id, HttpContext context, IntegrationsApi self) => self.ChangeAsync(context, id));
        group.MapDelete("/{id}", (IntegrationId id, HttpContext context, IntegrationsApi self) => self.ArchiveAsync(context, id));
        group.MapPost("/{id}/validate", (IntegrationId id, HttpContext context, IntegrationsApi self) => self.ValidateAsync(context, id));
        group.MapGet("/{id}/oauth", (IntegrationId id, HttpContext context, IntegrationsApi self) => self.ReadOAuthAsync(context, id));
        group.MapPut("/{id}/oauth", (IntegrationId id, HttpContext context, IntegrationsApi self) => self.ChangeOAuthAsync(context, id));
        group.MapDelete("/{id}/oauth", (IntegrationId id, HttpContext context, IntegrationsApi self) => self.RemoveOAuthAsync(context, id));
    }

    private async Task<IResult> CreateAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!(await Api.ReadAsync(context, ApiJson.Default.IntegrationInput)).TryGet(out var input, out var failure)
            || !(await fields.ApplyAsync(caller.Org, current: null, input, context.RequestAborted)).TryGet(out var integration, out failure))
            return ApiErrors.Of(context, failure);
        if (!await Api.ChangeAsync(context, caller, "integration.created", IntegrationChanges.PartyOf(integration), null, () => integrations.InsertAsync(caller.Org, integration, context.RequestAborted)))
            return ApiErrors.Of(context, new Failure(FailureCode.Conflict, $"There is already an integration named {integration.Name}."));
        return Api.Ok(new IntegrationEnvelope(IntegrationBody.Of(integration)), ApiJson.Default.IntegrationEnvelope, StatusCodes.Status201Created);
    }

    private async Task<IResult> ListAsync(HttpContext context)
    {
        if (!Api.Paging(context).TryGet(out var paging, out var failure))
            return ApiErrors.Of(context, failure);
        var page = await integrations.ListAsync(ApiCaller.Of(context).Org, paging.Cursor, paging.Limit, context.RequestAborted);
        return Api.Ok(new IntegrationListBody([.. page.Items.Select(IntegrationBody.Of)], page.NextCursor), ApiJson.Default.IntegrationListBody);
    }

    private async Task<IResult> ReadAsync(HttpContext context, IntegrationId id) =>
        await FindAsync(context, id) is { } found
            ? Api.Ok(new IntegrationEnvelope(IntegrationBody.Of(found.Value)), ApiJson.Default.IntegrationEnvelope)
            : ApiErrors.Of(context, Api.NotFound("integration"));

    private async Task<IResult> ChangeAsync(HttpContext context, IntegrationId id)
    {
        if (!(await Api.ReadAsync(context, ApiJson.Default.IntegrationInput)).TryGet(out var input, out var failure))
            return ApiErrors.Of(context, failure);
        return await changes.RunAsync(context, id, "integration.changed",
            current => fields.ApplyAsync(ApiCaller.Of(context).Org, current, input, context.RequestAborted),
            (integration, cleared) => Api.Ok(new IntegrationEnvelope(IntegrationBody.Of(integration), cleared), ApiJson.Default.IntegrationEnvelope));
    }

    private Task<IResult> ArchiveAsync(HttpContext context, IntegrationId id) =>
        changes.RunAsync(context, id, "integration.archived", current => Task.FromResult<Result<Integration>>(current with { Archived = true, ServerTokenVersion = null, SealedServerToken = null }), (_, _) => Results.NoContent());

    private async Task<IResult> ValidateAsync(HttpContext context, IntegrationId id)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (await FindAsync(context, id) is not { } found)
            return ApiErrors.Of(context, Api.NotFound("integration"));
        var outcome = await validation.RunAsync(caller.Org, caller.User, found.Value, context.RequestAborted);
        return await changes.RunAsync(context, id, "integration.validated",
            current => Task.FromResult<Result<Integration>>(current with
            {
                ValidationStatus = outcome.Valid ? "valid" : "invalid",
                ValidationMessage = outcome.Message,
                OAuth = current.OAuth is null ? null : current.OAuth with { Metadata = outcome.OAuth },
                Capabilities = outcome.Tools.IsEmpty ? current.Capabilities : [.. current.Capabilities.Union(outcome.Tools)],
            }),
            (integration, _) => Api.Ok(new ValidationBody(integration.ValidationStatus!, integration.ValidationMessage, integration.Capabilities), ApiJson.Default.ValidationBody));
    }

    private async Task<IResult> ReadOAuthAsync(HttpContext context, IntegrationId id) =>
        await FindAsync(context, id) is { } found
            ? Api.Ok(new IntegrationOAuthEnvelope(IntegrationOAuthBody.Of(found.Value.OAuth ?? new IntegrationOAuth())), ApiJson.Default.IntegrationOAuthEnvelope)
            : ApiErrors.Of(context, Api.NotFound("integration"));

    private async Task<IResult> ChangeOAuthAsync(HttpContext context, IntegrationId id)
    {
        if (!(await Api.ReadAsync(context, ApiJson.Default.IntegrationOAuthInput)).TryGet(out var input, out var failure))
            return ApiErrors.Of(context, failure);
        return await changes.RunAsync(context, id, "integration.oauth_changed", async current =>
        {
            if (current.ConnectionOf is { } suite)
                return new Failure(FailureCode.Conflict, $"{current.Name} is used with people's connections to the integration {suite}: what counts are the OAuth settings there.");
            var errors = new Dictionary<string, string>();
            fields.CheckOAuth(errors, current.AuthMode, current.Category, input, current.OAuth);
            return errors.Count > 0
                ? Api.Invalid(errors)
                : await fields.WithOAuthAsync(ApiCaller.Of(context).Org, current, input, context.RequestAborted);
        }, (integration, _) => Api.Ok(new IntegrationOAuthEnvelope(IntegrationOAuthBody.Of(integration.OAuth!)), ApiJson.Default.IntegrationOAuthEnvelope));
    }

    private Task<IResult> RemoveOAuthAsync(HttpContext context, IntegrationId id) =>
        changes.RunAsync(context, id, "integration.oauth_changed",
            current => Task.FromResult<Result<Integration>>(current with { OAuth = current.OAuth is null ? null : current.OAuth with { ClientId = null, ClientSecretVersion = null } }),
            (_, _) => Results.NoContent());

    private async Task<Versioned<Integration>?> FindAsync(HttpContext context, IntegrationId id) =>
        await integrations.FindAsync(ApiCaller.Of(context).Org, id, context.RequestAborted) is { Value.Archived: false } found ? found : null;
}
