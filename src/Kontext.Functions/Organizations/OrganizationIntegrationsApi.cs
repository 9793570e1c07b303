using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;
using Kontext.Functions.Api;
using Endpoints = Kontext.Functions.Api.Api;

namespace Kontext.Functions.Organizations;

/// <summary>A person's own connections within their organization: the API of seed 004, behind the page /integrations.</summary>
internal sealed class OrganizationIntegrationsApi(
    ServiceDirectory services, IConnectionStore connections, ConnectFlow flow, ProvidedCredentials provided, ConnectionValidation validation, Disconnection disconnection, KontextSettings settings, TimeProvider time)
{
    private const int MaxParameterLength = 4096;

    public static void Map(IEndpointRouteBuilder app)
    {
        var group = app.MapGroup("/api/organizations/{organization}/integrations").RequireCors(PublicCors.Policy).WithMetadata(new Surface(
            context => context.RequestServices.GetRequiredService<PersonAuthentication>().OfAsync(context), ApiErrors.Of));
        group.AddEndpointFilter((invocation, next) =>
        {
            invocation.HttpContext.Response.Headers.CacheControl = "no-store";
            return next(invocation);
        });
        group.MapGet("", (HttpContext context, OrganizationIntegrationsApi self) => self.ListAsync(context));
        group.MapPost("/{service}", (string service, HttpContext context, OrganizationIntegrationsApi self) => self.ValidateAsync(context, service));
        group.MapDelete("/{service}", (string service, HttpContext context, OrganizationIntegrationsApi self) => self.DisconnectAsync(context, service));
        group.MapGet("/{service}/auth_link", (string service, HttpContext context, OrganizationIntegrationsApi self) => self.StartAsync(context, service));
        group.MapPost("/{service}/callback", (string service, HttpContext context, OrganizationIntegrationsApi self) => self.CompleteAsync(context, service));
        group.MapPost("/{service}/token", (string service, HttpContext context, OrganizationIntegrationsApi self) => self.SaveAsync(context, service));
        NothingHere.Map(app.MapGroup("/api/organizations").WithMetadata(new Surface(Authenticate: null, ApiErrors.Of)));
    }

    private string PageUrl => settings.Issuer + "/integrations";

    private async Task<IResult> ListAsync(HttpContext context)
    {
        var caller = CallerOfRequest(context);
        var all = await services.ListAsync(caller.Org, context.RequestAborted);
        var rows = (await connections.ListAsync(caller.Org, caller.User.Id, context.RequestAborted)).ToDictionary(connection => connection.Integration);
        var now = time.GetUtcNow();
        var states = all.ConvertAll(integration => (Integration: integration, State: ConnectionState.Of(integration, rows.GetValueOrDefault(integration.Id), now)));
        return Endpoints.Ok(
            new ServiceListBody(
                [.. states.Select(found => ConnectionRecordBody.Of(caller, found.Integration, found.State, PageUrl)).OfType<ConnectionRecordBody>()],
                states.ConvertAll(found => ServiceBody.Of(found.Integration, services.ProviderOf(found.Integration), found.State))),
            OrganizationJson.Default.ServiceListBody);
    }

    private async Task<IResult> ValidateAsync(HttpContext context, string service)
    {
        if (!(await FindAsync(context, service)).TryGet(out var found, out var failure))
            return ApiErrors.Of(context, failure);
        var (caller, integration) = found;
        if (await validation.RunAsync(caller.Org, caller.User, integration, context.RequestAborted) is not { } checkedNow)
            return ApiErrors.Of(context, new Failure(FailureCode.NotFound, $"{integration.Name} is not connected, so there is nothing to validate."));
        return Endpoints.Ok(
            new ServiceValidationBody(checkedNow.Verdict.Validity == Validity.Valid, checkedNow.Verdict.Message, ConnectionRecordBody.Of(caller, integration, checkedNow.State, PageUrl)),
            OrganizationJson.Default.ServiceValidationBody);
    }

    private async Task<IResult> DisconnectAsync(HttpContext context, string service)
    {
        if (!(await FindAsync(context, service)).TryGet(out var found, out var failure))
            return ApiErrors.Of(context, failure);
        var report = await disconnection.RunAsync(found.Caller.Org, found.Caller.User.Id, found.Integration, DisconnectReason.ByPerson, actor: null, context.RequestAborted);
        return Endpoints.Ok(new DisconnectedBody(true, RemovalBody.Of(report)), OrganizationJson.Default.DisconnectedBody);
    }

    private async Task<IResult> StartAsync(HttpContext context, string service)
    {
        if (!(await FindAsync(context, service)).TryGet(out var found, out var failure)
            || !(await flow.StartAsync(found.Caller.Org, found.Caller.User, found.Integration, found.Caller.Browser, session: null, PageUrl, context.RequestAborted)).TryGet(out var link, out failure))
            return ApiErrors.Of(context, failure);
        return Endpoints.Ok(new AuthLinkBody(link.AbsoluteUri), OrganizationJson.Default.AuthLinkBody);
    }

    private async Task<IResult> CompleteAsync(HttpContext context, string service)
    {
        if (!(await FindAsync(context, service)).TryGet(out var found, out var failure)
            || !(await Endpoints.ReadAsync(context, OrganizationJson.Default.CallbackInput)).TryGet(out var input, out failure))
            return ApiErrors.Of(context, failure);
        if (new[] { input.Code, input.State, input.Iss, input.Error, input.ErrorDescription }.Any(value => value?.Length > MaxParameterLength))
            return ApiErrors.Of(context, new Failure(FailureCode.InvalidRequest, "The provider's answer is not valid. Start again.", "parameter too long"));
        var (caller, integration) = found;
        var callback = new ConnectCallback(input.State, string.IsNullOrEmpty(input.Code) ? null : new Secret(input.Code), input.Error, input.ErrorDescription, input.Iss);
        if (!(await flow.CallbackAsync(caller.Org, caller.User, caller.Browser, callback, context.RequestAborted)).TryGet(out var done, out failure))
            return ApiErrors.Of(context, failure);
        var state = ConnectionState.Of(done.Integration, done.Connection, time.GetUtcNow());
        return Endpoints.Ok(new ConnectedBody(ConnectionRecordBody.Of(caller, done.Integration, state, PageUrl)!, done.MissingScopes), OrganizationJson.Default.ConnectedBody);
    }

    private async Task<IResult> SaveAsync(HttpContext context, string service)
    {
        if (!(await FindAsync(context, service)).TryGet(out var found, out var failure)
            || !(await Endpoints.ReadAsync(context, OrganizationJson.Default.NewConnection)).TryGet(out var input, out failure)
            || !(await provided.SaveAsync(found.Caller.Org, found.Caller.User, found.Integration, input, context.RequestAborted)).TryGet(out var connection, out failure))
            return ApiErrors.Of(context, failure);
        var state = ConnectionState.Of(found.Integration, connection, time.GetUtcNow());
        return Endpoints.Ok(
            new ConnectionRecordEnvelope(ConnectionRecordBody.Of(found.Caller, found.Integration, state, PageUrl)!, connection.CheckMessage), OrganizationJson.Default.ConnectionRecordEnvelope);
    }

    private async Task<Result<(PersonCaller Caller, Integration Integration)>> FindAsync(HttpContext context, string service)
    {
        var caller = CallerOfRequest(context);
        return await services.FindAsync(caller.Org, service, context.RequestAborted) is { } integration
            ? (caller, integration)
            : new Failure(FailureCode.NotFound, "There is no service of this name to connect. An administrator adds it as an integration.");
    }

    private static PersonCaller CallerOfRequest(HttpContext context) => (PersonCaller)CallerOf.Request(context);
}
