using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Api;

/// <summary>Applications, their OAuth settings and attached integrations (contract 2.2).</summary>
internal sealed class ApplicationsApi(IApplicationStore applications, IIntegrationStore integrations, ISessionStore sessions, Resources resources, KontextSettings settings, TimeProvider time)
{
    private const int MaxNameLength = 200;
    private const int MaxCounted = 1000;
    private static readonly Failure UnknownDiscovery = Api.Invalid(new Dictionary<string, string> { ["toolDiscovery"] = "Has to be list or search." });

    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/applications");
        group.MapPost("", (HttpContext context, ApplicationsApi self) => self.CreateAsync(context));
        group.MapGet("", (HttpContext context, ApplicationsApi self) => self.ListAsync(context));
        group.MapGet("/{id}", (AppId id, HttpContext context, ApplicationsApi self) => self.ReadAsync(context, id));
        group.MapPatch("/{id}", (AppId id, HttpContext context, ApplicationsApi self) => self.ChangeAsync(context, id));
        group.MapDelete("/{id}", (AppId id, HttpContext context, ApplicationsApi self) => self.ArchiveAsync(context, id));
        group.MapPost("/{id}/archive", (AppId id, HttpContext context, ApplicationsApi self) => self.ArchiveAsync(context, id));
        group.MapPost("/{id}/rotate-secret", (AppId id, HttpContext context, ApplicationsApi self) => self.RotateSecretAsync(context, id));
        group.MapGet("/{id}/oauth", (AppId id, HttpContext context, ApplicationsApi self) => self.ReadOAuthAsync(context, id));
        group.MapMethods("/{id}/oauth", ["PATCH", "PUT"], (AppId id, HttpContext context, ApplicationsApi self) => self.ChangeOAuthAsync(context, id));
        group.MapGet("/{id}/integrations", (AppId id, HttpContext context, ApplicationsApi self) => self.ReadAttachedAsync(context, id));
        group.MapPut("/{id}/integrations", (AppId id, HttpContext context, ApplicationsApi self) => self.ReplaceAttachedAsync(context, id));
        group.MapPost("/{id}/integrations/{integration}", (AppId id, IntegrationId integration, HttpContext context, ApplicationsApi self) => self.AttachAsync(context, id, integration));
        group.MapDelete("/{id}/integrations/{integration}", (AppId id, IntegrationId integration, HttpContext context, ApplicationsApi self) => self.DetachAsync(context, id, integration));
    }

    private async Task<IResult> CreateAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (!(await Api.ReadAsync(context, ApiJson.Default.NewApplication)).TryGet(out var input, out var failure))
            return ApiErrors.Of(context, failure);
        if (Refusal(NameError(input.Name), input.Description) is { } invalid)
            return ApiErrors.Of(context, invalid);
        if (!OAuthSettings.Apply(new OAuthClient(), input.Oauth ?? new OAuthInput(), resources).TryGet(out var applied, out failure))
            return ApiErrors.Of(context, failure);
        if (!ApplicationBody.TryReadDiscovery(input.ToolDiscovery, ToolDiscovery.List, out var discovery))
            return ApiErrors.Of(context, UnknownDiscovery);
        var now = time.GetUtcNow();
        var application = new Application
        {
            Id = Ids.New<AppId>(now),
            Name = input.Name!.Trim(),
            Description = input.Description,
            OAuth = applied.Client,
            Owner = caller.User,
            ToolDiscovery = discovery,
            CreatedAt = now,
            UpdatedAt = now,
        };
        if (!await Api.ChangeAsync(context, caller, "application.created", PartyOf(application), null, () => applications.InsertAsync(caller.Org, application, context.RequestAborted)))
            return ApiErrors.Of(context, NameTaken(application.Name));
        return Api.Ok(new CreatedApplicationBody(ApplicationBody.Of(application, new SessionCountsBody(0, 0, 0, 0)), OAuthClientBody.Of(application, settings, applied.NewSecret?.Reveal())), ApiJson.Default.CreatedApplicationBody, StatusCodes.Status201Created);
    }

    private async Task<IResult> ListAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (!Api.Paging(context).TryGet(out var paging, out var failure))
            return ApiErrors.Of(context, failure);
        var page = await applications.ListAsync(caller.Org, paging.Cursor, paging.Limit, context.RequestAborted);
        var items = new List<ApplicationBody>();
        foreach (var application in page.Items.Where(application => !application.Archived && caller.MaySee(application)))
            items.Add(await BodyAsync(caller.Org, application, context.RequestAborted));
        return Api.Ok(new ApplicationListBody(items, page.NextCursor), ApiJson.Default.ApplicationListBody);
    }

    private async Task<IResult> ReadAsync(HttpContext context, AppId id) =>
        await FindAsync(context, id) is { } found
            ? Api.Ok(new ApplicationEnvelope(await BodyAsync(ApiCaller.Of(context).Org, found.Value, context.RequestAborted)), ApiJson.Default.ApplicationEnvelope)
            : ApiErrors.Of(context, Api.NotFound("application"));

    private async Task<IResult> ChangeAsync(HttpContext context, AppId id)
    {
        if (!(await Api.ReadAsync(context, ApiJson.Default.ApplicationChange)).TryGet(out var input, out var failure))
            return ApiErrors.Of(context, failure);
        if (Refusal(input.Name is null ? null : NameError(input.Name), input.Description) is { } invalid)
            return ApiErrors.Of(context, invalid);
        // Whose word counts for who somebody is decides who is acted for: an application's owner alone cannot settle that.
        if (input.ExternalAuth is not null && ApiCaller.Of(context).DemandPrivilege() is { } unprivileged)
            return ApiErrors.Of(context, unprivileged);
        return await UpdateAsync(context, id, "application.changed", application =>
        {
            ExternalAuth? external = application.ExternalAuth;
            if (!ApplicationBody.TryReadDiscovery(input.ToolDiscovery, application.ToolDiscovery, out var discovery))
                return UnknownDiscovery;
            if (input.ExternalAuth is { } sent && !ExternalAuthSettings.Apply(application, sent, settings).TryGet(out external, out var refused))
                return refused;
            return application with { Name = input.Name?.Trim() ?? application.Name, Description = input.Description ?? application.Description, ExternalAuth = external, ToolDiscovery = discovery };
        }, async application => Api.Ok(new ApplicationEnvelope(await BodyAsync(ApiCaller.Of(context).Org, application, context.RequestAborted)), ApiJson.Default.ApplicationEnvelope));
    }

    private Task<IResult> ArchiveAsync(HttpContext context, AppId id) =>
        UpdateAsync(context, id, "application.archived", application => application with { Archived = true }, _ => Task.FromResult(Results.NoContent()));

    private async Task<IResult> RotateSecretAsync(HttpContext context, AppId id)
    {
        if (!(await SecretRotation.ReadAsync(context)).TryGet(out var overlap, out var failure))
            return ApiErrors.Of(context, failure);
        var secret = RandomValue.Token();
        return await UpdateAsync(context, id, "application.secret_rotated", application => application.OAuth is { Confidential: true, AuthMethod: not ClientAuthMethods.PrivateKeyJwt }
            ? application with { OAuth = application.OAuth with { SecretHash = RandomValue.HashOf(secret), RetiringSecret = RetiringSecret.After(application.OAuth.SecretHash, overlap.Length, time.GetUtcNow()) } }
            : new Failure(FailureCode.InvalidRequest, "This client has no secret: it is public, or signs with a key of its own."),
            application => Task.FromResult(Api.Ok(new OAuthEnvelope(OAuthClientBody.Of(application, settings, secret), secret)
            {
                PreviousSecretExpiresAt = application.OAuth.RetiringSecret is { } retiring ? Wire.Time(retiring.Until) : null,
            }, ApiJson.Default.OAuthEnvelope)),
            application => SecretRotation.Detail(application.OAuth.RetiringSecret));
    }

    private async Task<IResult> ReadOAuthAsync(HttpContext context, AppId id) =>
        await FindAsync(context, id) is { } found
            ? Api.Ok(new OAuthEnvelope(OAuthClientBody.Of(found.Value, settings)), ApiJson.Default.OAuthEnvelope)
            : ApiErrors.Of(context, Api.NotFound("application"));

    private async Task<IResult> ChangeOAuthAsync(HttpContext context, AppId id)
    {
        if (!(await Api.ReadAsync(context, ApiJson.Default.OAuthInput)).TryGet(out var input, out var failure))
            return ApiErrors.Of(context, failure);
        Secret? made = null;
        return await UpdateAsync(context, id, "application.oauth_changed", application =>
        {
            if (!OAuthSettings.Apply(application.OAuth, input, resources).TryGet(out var applied, out var refused))
                return refused;
            made = applied.NewSecret;
            return application with { OAuth = applied.Client };
        }, application => Task.FromResult(Api.Ok(new OAuthEnvelope(OAuthClientBody.Of(application, settings, made?.Reveal())), ApiJson.Default.OAuthEnvelope)));
    }

    private async Task<IResult> ReadAttachedAsync(HttpContext context, AppId id) =>
        await FindAsync(context, id) is { } found
            ? Attached(found.Value)
            : ApiErrors.Of(context, Api.NotFound("application"));

    // Attaching decides what the organization's shared tokens and everybody's connections can be used for, so an application's owner alone cannot do it.
    private async Task<IResult> ReplaceAttachedAsync(HttpContext context, AppId id)
    {
        if (ApiCaller.Of(context).DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!(await Api.ReadAsync(context, ApiJson.Default.AttachedBody)).TryGet(out var input, out var failure))
            return ApiErrors.Of(context, failure);
        // To detach all of them takes an empty list, not a slip.
        if (input.IntegrationIds.IsDefault)
            return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { ["integrationIds"] = "Is required." }));
        var ids = ImmutableArray.CreateBuilder<IntegrationId>();
        foreach (var text in input.IntegrationIds)
        {
            if (!IntegrationId.TryParse(text, null, out var integration) || !await ExistsAsync(context, integration))
                return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { ["integrationIds"] = "Each has to be the id of an integration of this organization." }));
            if (!ids.Contains(integration))
                ids.Add(integration);
        }
        return await UpdateAttachedAsync(context, id, _ => ids.ToImmutable(), application => Task.FromResult(Attached(application)));
    }

    private async Task<IResult> AttachAsync(HttpContext context, AppId id, IntegrationId integration)
    {
        if (ApiCaller.Of(context).DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!await ExistsAsync(context, integration))
            return ApiErrors.Of(context, Api.NotFound("integration"));
        return await UpdateAttachedAsync(context, id, attached => attached.Contains(integration) ? attached : attached.Add(integration), application => Task.FromResult(Attached(application)));
    }

    private Task<IResult> DetachAsync(HttpContext context, AppId id, IntegrationId integration) =>
        UpdateAttachedAsync(context, id, attached => attached.Remove(integration), _ => Task.FromResult(Results.NoContent()));

    private Task<IResult> UpdateAttachedAsync(HttpContext context, AppId id, Func<ImmutableArray<IntegrationId>, ImmutableArray<IntegrationId>> change, Func<Application, Task<IResult>> answer) =>
        UpdateAsync(context, id, "application.integrations_changed", application =>
        {
            var next = change(application.Integrations);
            // What was said of an integration does not outlive its detachment: attached anew, it is as good as any.
            return application with { Integrations = next, CredentialOnly = application.CredentialOnly.RemoveAll(only => !next.Contains(only)), IntegrationsRevision = application.IntegrationsRevision + 1 };
        }, answer);

    private async Task<IResult> UpdateAsync(HttpContext context, AppId id, string change, Func<Application, Result<Application>> apply, Func<Application, Task<IResult>> answer, Func<Application, string?>? detail = null)
    {
        var caller = ApiCaller.Of(context);
        string? refusedVersion = null;
        while (true)
        {
            if (await FindAsync(context, id) is not { } current)
                return ApiErrors.Of(context, Api.NotFound("application"));
            if (!apply(current.Value).TryGet(out var next, out var failure))
                return ApiErrors.Of(context, failure);
            // Refused although nobody changed the row: then it is the new name that is in the way.
            if (current.Version == refusedVersion)
                return ApiErrors.Of(context, NameTaken(next.Name));
            if (await Api.ChangeAsync(context, caller, change, PartyOf(next), detail?.Invoke(next), () => applications.ReplaceAsync(caller.Org, current, next with { UpdatedAt = time.GetUtcNow() }, context.RequestAborted)) is not { } stored)
            {
                refusedVersion = current.Version;
                continue;
            }
            return await answer(stored.Value);
        }
    }

    private async Task<Versioned<Application>?> FindAsync(HttpContext context, AppId id)
    {
        var caller = ApiCaller.Of(context);
        return await applications.FindAsync(caller.Org, id, context.RequestAborted) is { Value.Archived: false } found && caller.MaySee(found.Value) ? found : null;
    }

    private async Task<bool> ExistsAsync(HttpContext context, IntegrationId integration) =>
        await integrations.CurrentAsync(ApiCaller.Of(context).Org, integration, context.RequestAborted) is { Archived: false };

    private async Task<ApplicationBody> BodyAsync(OrgId org, Application application, CancellationToken cancellationToken) =>
        ApplicationBody.Of(application, SessionBodies.Count(application, await sessions.ListAsync(org, application.Id, MaxCounted + 1, cancellationToken), MaxCounted, time.GetUtcNow()));

    private static IResult Attached(Application application) =>
        Api.Ok(new AttachedBody([.. application.Integrations.Select(id => id.ToString())]), ApiJson.Default.AttachedBody);

    private static AuditParty PartyOf(Application application) => new(application.Id.ToString(), application.Name);

    private static Failure NameTaken(string name) => new(FailureCode.Conflict, $"There is already an application named {name}.");

    private static Failure? Refusal(string? nameError, string? description)
    {
        var errors = new Dictionary<string, string>();
        if (nameError is not null)
            errors["name"] = nameError;
        Api.CheckText(errors, "description", description);
        return errors.Count > 0 ? Api.Invalid(errors) : null;
    }

    private static string? NameError(string? name) =>
        string.IsNullOrWhiteSpace(name) ? "Is required." : name.Length > MaxNameLength ? $"At most {MaxNameLength} characters." : PrintableText.IsPrintable(name) ? null : PrintableText.Rule;
}
