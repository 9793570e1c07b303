using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Api;

/// <summary>An application's integrations with a revision, so that two administrators do not undo each other's choice (contract 2.8): <c>/applications/{id}/providers</c>.</summary>
internal sealed class AttachedProvidersApi(IApplicationStore applications, IIntegrationStore integrations, TimeProvider time)
{
    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/applications/{id}/providers");
        group.MapGet("", (AppId id, HttpContext context, AttachedProvidersApi self) => self.ReadAsync(context, id));
        group.MapPut("", (AppId id, HttpContext context, AttachedProvidersApi self) => self.ReplaceAsync(context, id));
    }

    private async Task<IResult> ReadAsync(HttpContext context, AppId id) => await FindAsync(context, id) is { } found
        ? await AnswerAsync(context, found.Value)
        : ApiErrors.Of(context, Api.NotFound("application"));

    private async Task<IResult> ReplaceAsync(HttpContext context, AppId id)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!(await Api.ReadAsync(context, ApiJson.Default.AttachedProvidersInput)).TryGet(out var input, out var failure)
            || !(await ReadAsync(context, caller.Org, input)).TryGet(out var wanted, out failure))
            return ApiErrors.Of(context, failure);
        while (await FindAsync(context, id) is { } current)
        {
            if (current.Value.IntegrationsRevision != input.ExpectedRevision)
            {
                return ApiErrors.Of(context, new Failure(FailureCode.Conflict, "Somebody else changed the application's providers. Read them again and decide anew.")
                {
                    CurrentRevision = current.Value.IntegrationsRevision,
                });
            }
            var next = current.Value with { Integrations = wanted.All, CredentialOnly = wanted.CredentialOnly, IntegrationsRevision = current.Value.IntegrationsRevision + 1, UpdatedAt = time.GetUtcNow() };
            if (await Api.ChangeAsync(context, caller, "application.integrations_changed", new AuditParty(id.ToString(), next.Name), null, () => applications.ReplaceAsync(caller.Org, current, next, context.RequestAborted)) is null)
                continue;
            return await AnswerAsync(context, next);
        }
        return ApiErrors.Of(context, Api.NotFound("application"));
    }

    private async Task<Result<(ImmutableArray<IntegrationId> All, ImmutableArray<IntegrationId> CredentialOnly)>> ReadAsync(HttpContext context, OrgId org, AttachedProvidersInput input)
    {
        var (all, credentialOnly, errors) = (ImmutableArray.CreateBuilder<IntegrationId>(), ImmutableArray.CreateBuilder<IntegrationId>(), new Dictionary<string, string>());
        if (input.ExpectedRevision is null)
            errors["expectedRevision"] = "Is required: the revision that was read.";
        if (input.Items is null)
            errors["items"] = "Is required.";
        foreach (var item in input.Items ?? [])
        {
            if (item is null || ConfiguredProvidersApi.IdOf(item.ProviderId) is not { } id || await integrations.CurrentAsync(org, id, context.RequestAborted) is not { Archived: false } integration)
                errors["items"] = "Each providerId has to be the id of a provider of this organization.";
            else if (item.McpEnabled == true && integration.Category != IntegrationCategory.GatewayRemoteMcp)
                errors["items"] = $"{integration.Name} only hands out credentials: mcpEnabled has to be false.";
            else if (!all.Contains(id))
            {
                all.Add(id);
                if (item.McpEnabled == false && integration.Category == IntegrationCategory.GatewayRemoteMcp)
                    credentialOnly.Add(id);
            }
        }
        return errors.Count > 0 ? Api.Invalid(errors) : (all.ToImmutable(), credentialOnly.ToImmutable());
    }

    private async Task<IResult> AnswerAsync(HttpContext context, Application application)
    {
        var items = new List<AttachedProviderBody>();
        foreach (var id in application.Integrations)
        {
            if (await integrations.CurrentAsync(ApiCaller.Of(context).Org, id, context.RequestAborted) is { Archived: false } integration)
                items.Add(new AttachedProviderBody(id.ToString(), integration.Category == IntegrationCategory.GatewayRemoteMcp && !application.CredentialOnly.Contains(id)));
        }
        return Api.Ok(new AttachedProvidersBody(items, application.IntegrationsRevision), ApiJson.Default.AttachedProvidersBody);
    }

    private async Task<Versioned<Application>?> FindAsync(HttpContext context, AppId id)
    {
        var caller = ApiCaller.Of(context);
        return await applications.FindAsync(caller.Org, id, context.RequestAborted) is { Value.Archived: false } found && caller.MaySee(found.Value) ? found : null;
    }
}
