using Kontext.Domain;
using Kontext.Domain.Integrations;

namespace Kontext.Functions.Api;

/// <summary>Integrations by the name and in the shape of contract 2.8: <c>/providers</c>. What is set up here is an integration, and the other way round.</summary>
internal sealed class ConfiguredProvidersApi(IIntegrationStore integrations, IntegrationSettings fields, IntegrationChanges changes, ProviderCatalog catalog, ProvidersApi entries)
{
    private const string IdPrefix = "prov_";

    // A provider that only hands out credentials has no address of its own; this one can never be reached (RFC 2606 section 2).
    private const string NoAddress = "https://credentials.invalid/";

    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/providers");
        group.MapGet("", (HttpContext context, ConfiguredProvidersApi self) => self.ListAsync(context));
        group.MapPost("", (HttpContext context, ConfiguredProvidersApi self) => self.CreateAsync(context));
        group.MapGet("/{id}", (string id, HttpContext context, ConfiguredProvidersApi self) => self.ReadAsync(context, id));
        group.MapPatch("/{id}", (string id, HttpContext context, ConfiguredProvidersApi self) => self.ChangeAsync(context, id));
    }

    /// <summary>Reads a provider's id, which clients also write <c>prov_&lt;uuid&gt;</c>.</summary>
    public static IntegrationId? IdOf(string? text) =>
        IntegrationId.TryParse(text?.StartsWith(IdPrefix, StringComparison.Ordinal) == true ? text[IdPrefix.Length..] : text, null, out var id) ? id : null;

    private async Task<IResult> ListAsync(HttpContext context)
    {
        // A search is for what could be set up.
        if (context.Request.Query.ContainsKey("q"))
            return entries.List(context);
        if (!Api.Paging(context).TryGet(out var paging, out var failure))
            return ApiErrors.Of(context, failure);
        var page = await integrations.ListAsync(ApiCaller.Of(context).Org, paging.Cursor, paging.Limit, context.RequestAborted);
        return Api.Ok(
            new ConfiguredProviderListBody([.. page.Items.Where(integration => !integration.Archived).Select(integration => ConfiguredProviderBody.Of(integration, catalog))], page.NextCursor),
            ApiJson.Default.ConfiguredProviderListBody);
    }

    private async Task<IResult> ReadAsync(HttpContext context, string id)
    {
        if (IdOf(id) is not { } integration)
            return entries.Read(context, id);
        return await integrations.FindAsync(ApiCaller.Of(context).Org, integration, context.RequestAborted) is { Value.Archived: false } found
            ? Answer(found.Value)
            : ApiErrors.Of(context, Api.NotFound("provider"));
    }

    private async Task<IResult> CreateAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!(await Api.ReadAsync(context, ApiJson.Default.NewConfiguredProvider)).TryGet(out var input, out var failure)
            || !InputOf(input).TryGet(out var asked, out failure)
            || !(await fields.ApplyAsync(caller.Org, current: null, asked, context.RequestAborted)).TryGet(out var integration, out failure))
            return ApiErrors.Of(context, failure);
        if (!await Api.ChangeAsync(context, caller, "integration.created", IntegrationChanges.PartyOf(integration), null, () => integrations.InsertAsync(caller.Org, integration, context.RequestAborted)))
            return ApiErrors.Of(context, new Failure(FailureCode.Conflict, $"There is already a provider with the handle {integration.Name}."));
        return Answer(integration, StatusCodes.Status201Created);
    }

    private async Task<IResult> ChangeAsync(HttpContext context, string id)
    {
        if (IdOf(id) is not { } integration)
            return ApiErrors.Of(context, Api.NotFound("provider"));
        if (ApiCaller.Of(context).DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!(await Api.ReadAsync(context, ApiJson.Default.ConfiguredProviderChange)).TryGet(out var input, out var failure))
            return ApiErrors.Of(context, failure);
        return await changes.RunAsync(context, integration, "integration.changed", current =>
        {
            var preset = ConfiguredProviderBody.Of(current, catalog).PresetKey is not null;
            if (preset && (input.DisplayName is not null || input.Issuer is not null || input.Provider is not null))
                return Task.FromResult<Result<Integration>>(Api.Invalid(new Dictionary<string, string> { ["displayName"] = "Name, issuer and provider of a preset are the catalog's. Set up a custom provider to choose them." }));
            return fields.ApplyAsync(ApiCaller.Of(context).Org, current, new IntegrationInput
            {
                Name = input.DisplayName,
                ServerToken = input.Key,
                Oauth = input is { Scopes: null, ClientId: null, ClientSecret: null, Issuer: null, Provider: null } ? null : new IntegrationOAuthInput
                {
                    Scopes = input.Scopes, ClientId = input.ClientId, ClientSecret = input.ClientSecret, Issuer = input.Issuer, Provider = input.Provider,
                },
            }, context.RequestAborted);
        }, (changed, _) => Answer(changed));
    }

    private Result<IntegrationInput> InputOf(NewConfiguredProvider input) => input.Type switch
    {
        "preset" => PresetOf(input),
        "custom" => CustomOf(input),
        _ => Api.Invalid(new Dictionary<string, string> { ["type"] = "Has to be preset or custom." }),
    };

    private Result<IntegrationInput> PresetOf(NewConfiguredProvider input)
    {
        if (input.PresetKey is null || !catalog.TryFind(input.PresetKey, out var provider))
            return Api.Invalid(new Dictionary<string, string> { ["presetKey"] = "Has to be a key of the provider catalog: GET /api/v1/provider-catalog lists them." });
        if (input is not { DisplayName: null, AuthMethod: null, Oauth: null, Key: null })
            return Api.Invalid(new Dictionary<string, string> { ["presetKey"] = "A preset takes scopes, clientId and clientSecret. Everything else belongs to a custom provider." });
        return new IntegrationInput
        {
            Name = input.PresetKey.ToLowerInvariant(),
            Url = provider.McpEndpoint is { Places.IsEmpty: true } endpoint ? endpoint.Text : NoAddress,
            Category = IntegrationWords.Of(provider.McpEndpoint is { Places.IsEmpty: true } ? IntegrationCategory.GatewayRemoteMcp : IntegrationCategory.InternalMcpCredentials),
            AuthMode = "oauth",
            Oauth = new IntegrationOAuthInput { Provider = provider.Key, Scopes = input.Scopes, ClientId = input.ClientId, ClientSecret = input.ClientSecret },
        };
    }

    private static Result<IntegrationInput> CustomOf(NewConfiguredProvider input)
    {
        var errors = new Dictionary<string, string>();
        if (ConfiguredProviderWords.ModeOf(input.AuthMethod) is not { } mode)
        {
            errors["authMethod"] = "Has to be user_oauth, user_key or org_key.";
            mode = "";
        }
        if (input is not { PresetKey: null, Scopes: null, ClientId: null, ClientSecret: null })
            errors["type"] = "A custom provider takes displayName, authMethod, oauth and key; scopes and client belong into oauth.";
        if (input.Key is not null && mode != "server_token")
            errors["key"] = "Only org_key has one: other keys are each person's own, given on the connect page.";
        if (input.Key is null && mode == "server_token")
            errors["key"] = "Is required for org_key.";
        if (input.Oauth is not null && mode != "oauth")
            errors["oauth"] = "Only user_oauth has these settings.";
        return errors.Count > 0 ? Api.Invalid(errors) : new IntegrationInput
        {
            Name = input.DisplayName,
            Url = NoAddress,
            Category = IntegrationWords.Of(IntegrationCategory.InternalMcpCredentials),
            AuthMode = mode,
            ServerToken = input.Key,
            Oauth = input.Oauth is not { } oauth ? null : new IntegrationOAuthInput
            {
                Issuer = oauth.Issuer, Provider = oauth.Provider, Scopes = oauth.Scopes, ClientId = oauth.ClientId, ClientSecret = oauth.ClientSecret,
            },
        };
    }

    private IResult Answer(Integration integration, int statusCode = StatusCodes.Status200OK) =>
        Api.Ok(new ConfiguredProviderEnvelope(ConfiguredProviderBody.Of(integration, catalog)), ApiJson.Default.ConfiguredProviderEnvelope, statusCode);
}
