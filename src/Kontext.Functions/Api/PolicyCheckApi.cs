using System.Runtime.InteropServices;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Api;

/// <summary>Asks policy without acting: one call (check), or everything an agent may do for a person (access). Nothing is recorded, since nothing happens.</summary>
internal sealed class PolicyCheckApi(PolicyQuestions questions, CredentialBroker broker, IIntegrationStore integrations, IToolPinStore pins, IOrganizationStore organizations)
{
    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/policy");
        group.MapPost("/check", (HttpContext context, PolicyCheckApi self) => self.CheckAsync(context)).WithMetadata(new Question());
        group.MapGet("/access", (HttpContext context, PolicyCheckApi self) => self.ListAsync(context));
    }

    private async Task<IResult> CheckAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (!(await Api.ReadAsync(context, ApiJson.Default.PolicyCheckInput)).TryGet(out var input, out var failure)
            || !KindOf(input).TryGet(out var kind, out failure)
            || !(await questions.ResolveAsync(caller, input.ApplicationId, input.UserId, input.SessionId, context.RequestAborted)).TryGet(out var asked, out failure)
            || !(await FindAsync(caller.Org, input, context.RequestAborted)).TryGet(out var integration, out failure))
            return ApiErrors.Of(context, failure);
        var access = asked.Access(integration, kind, kind == AccessKind.Operation ? input.ToolName : null) with
        {
            Target = input.Target ?? (input.Arguments is { } named ? CallTarget.Of(named) : null),
            Arguments = input.Arguments is { } given ? JsonMarshal.GetRawUtf8Value(given).ToArray() : default(ReadOnlyMemory<byte>),
        };
        var decision = await broker.DecideAsync(access, context.RequestAborted);
        var held = access.Operation is { } tool && integration.QuarantineChangedTools && await pins.FindAsync(caller.Org, integration.Id, tool, context.RequestAborted) is { Value.IsChanged: true };
        return Api.Ok(new PolicyCheckBody(
            decision.Allowed, decision.Enforced, decision.Passes && !held, held, kind == AccessKind.Operation ? "operation" : "credential",
            integration.Id.ToString(), integration.Name, access.Operation, access.Target, PolicyLayersBody.Of(decision.Layers)), ApiJson.Default.PolicyCheckBody);
    }

    private async Task<IResult> ListAsync(HttpContext context)
    {
        var (caller, query) = (ApiCaller.Of(context), context.Request.Query);
        if (!Api.Paging(context).TryGet(out var paging, out var failure)
            || !(await questions.ResolveAsync(caller, query["applicationId"], query["userId"], query["sessionId"], context.RequestAborted)).TryGet(out var asked, out failure))
            return ApiErrors.Of(context, failure);
        var page = await integrations.ListAsync(caller.Org, paging.Cursor, paging.Limit, context.RequestAborted);
        var items = new List<IntegrationAccessBody>();
        foreach (var integration in page.Items)
            items.Add(await AccessAsync(asked, integration, context.RequestAborted));
        var organization = await organizations.CurrentAsync(caller.Org, context.RequestAborted);
        return Api.Ok(new PolicyAccessBody(asked.Application.Id.ToString(), asked.User?.Id.ToString(), organization!.PolicyEnabled, items, page.NextCursor), ApiJson.Default.PolicyAccessBody);
    }

    private async Task<IntegrationAccessBody> AccessAsync(AskedAgent asked, Integration integration, CancellationToken cancellationToken)
    {
        var tools = new SortedDictionary<string, bool>(StringComparer.Ordinal);
        foreach (var declared in integration.Capabilities)
            tools[declared] = false;
        foreach (var pin in await pins.ListAsync(asked.Org, integration.Id, cancellationToken))
            tools[pin.Value.Name] = integration.QuarantineChangedTools && pin.Value.IsChanged;
        var capabilities = new List<CapabilityAccessBody>(tools.Count);
        foreach (var (tool, held) in tools)
            capabilities.Add(CapabilityAccessBody.Of(tool, await broker.ForeseeAsync(asked.Access(integration, AccessKind.Operation, tool), cancellationToken), held));
        return new IntegrationAccessBody(
            integration.Id.ToString(), integration.Name, CredentialBroker.IsAttached(asked.Application, integration), asked.Covers(integration.Id),
            CapabilityAccessBody.Of(null, await broker.ForeseeAsync(asked.Access(integration, AccessKind.Credential), cancellationToken), heldBack: false), capabilities);
    }

    private static Result<AccessKind> KindOf(PolicyCheckInput input)
    {
        var errors = new Dictionary<string, string>();
        var kind = input.Access switch { "operation" => AccessKind.Operation, "credential" => AccessKind.Credential, null => input.ToolName is null ? AccessKind.Credential : AccessKind.Operation, _ => (AccessKind?)null };
        if (kind is null)
            errors["access"] = "Has to be operation or credential.";
        if (kind == AccessKind.Operation && string.IsNullOrEmpty(input.ToolName))
            errors["toolName"] = "Is required for an operation.";
        if (kind == AccessKind.Credential && (input.ToolName is not null || input.Arguments is not null))
            errors["access"] = "A credential is asked for without a tool and its arguments.";
        if (input.Arguments is { ValueKind: not JsonValueKind.Object })
            errors["arguments"] = "Has to be an object.";
        if (input.IntegrationId is null == input.Integration is null)
            errors["integrationId"] = "Name the integration by its id, or by its name as integration.";
        return errors.Count == 0 ? kind!.Value : Api.Invalid(errors);
    }

    private async Task<Result<Integration>> FindAsync(OrgId org, PolicyCheckInput input, CancellationToken cancellationToken)
    {
        var found = input.Integration is { } name ? await integrations.CurrentByNameAsync(org, name, cancellationToken)
            : IntegrationId.TryParse(input.IntegrationId, null, out var id) ? await integrations.CurrentAsync(org, id, cancellationToken)
            : null;
        return found is { Archived: false } ? found : Api.NotFound("integration");
    }
}
