using Kontext.Domain;
using Kontext.Functions.Admin;
using Kontext.Domain.Revocations;
using Kontext.Functions.OAuth;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Api;

/// <summary>The management API under /api/v1 (contract 2).</summary>
internal static class ApiEndpoints
{
    public static void Map(IEndpointRouteBuilder app)
    {
        var api = app.MapGroup("/api/v1").RequireCors(PublicCors.Policy).WithMetadata(new Surface(
            // Our own administration pages call as the person signed in, and hold the call to be theirs by the page's CSRF token.
            context => context.Features.Get<PageCaller>() is { } page
                ? ValueTask.FromResult<Result<Caller>>(page.Person)
                : context.RequestServices.GetRequiredService<BearerAuthentication>().ManagementAsync(context), ApiErrors.Of));
        // Secrets are in some answers and nobody else's business in all of them.
        api.AddEndpointFilter(async (invocation, next) =>
        {
            var context = invocation.HttpContext;
            context.Response.Headers.CacheControl = "no-store";
            if (Refusal(context) is { } refused)
                return refused;
            return await UntakenBodies.RefusalOfAsync(context) is { } untaken ? ApiErrors.Of(context, untaken) : await next(invocation);
        });
        OrganizationApi.Map(api);
        ApplicationsApi.Map(api);
        AccessGraphApi.Map(api);
        SessionsApi.Map(api);
        OwnSessionsApi.Map(api);
        OwnApprovalsApi.Map(api);
        IntegrationsApi.Map(api);
        IntegrationToolsApi.Map(api);
        ConnectionsApi.Map(api);
        PeopleConnectionsApi.Map(api);
        ProvidersApi.Map(api);
        ConfiguredProvidersApi.Map(api);
        AttachedProvidersApi.Map(api);
        ServiceAccountsApi.Map(api);
        PoliciesApi.Map(api);
        PolicySetApi.Map(api);
        PolicyCheckApi.Map(api);
        PolicyReplayApi.Map(api);
        AuditApi.Map(api);
        TracesApi.Map(api);
        RevocationsApi.Map(api);
        SigningKeysApi.Map(api);
        DataKeysApi.Map(api);
        AuditExportApi.Map(api);
        AuditVerificationApi.Map(api);
        WebhooksApi.Map(api);
        WebhookDeliveriesApi.Map(api);
        FailedWorkApi.Map(api);
        CapabilityRequestsApi.Map(api);
        NothingHere.Map(api);
    }

    /// <summary>What is refused the same way everywhere, before anything is looked at.</summary>
    private static IResult? Refusal(HttpContext context)
    {
        // A page of ours is many requests, and a person opens few of them.
        if (context.Features.Get<PageCaller>() is null && context.RequestServices.GetRequiredService<ApiLimits>().RefusalOf(ApiCaller.Of(context)) is { } tooMany)
            return ApiErrors.Of(context, tooMany);
        if (ApiRoles.RefusalOf(context) is { } forbidden)
            return ApiErrors.Of(context, forbidden);
        return context.Request.ContentType is not null && !context.Request.HasJsonContentType() && Api.HasBody(context) ? ApiErrors.NotJson(context) : null;
    }

    public static IServiceCollection AddKontextApi(this IServiceCollection services) => services
        .AddSingleton<ApiLimits>()
        .AddSingleton<OrganizationApi>()
        .AddSingleton<ApplicationsApi>()
        .AddSingleton<AccessGraphs>()
        .AddSingleton<AccessGraphApi>()
        .AddSingleton<SessionsApi>()
        .AddSingleton<OwnSessionsApi>()
        .AddSingleton<OwnApprovalsApi>()
        .AddSingleton<IntegrationSettings>()
        .AddSingleton<IntegrationValidation>()
        .AddSingleton<IntegrationsApi>()
        .AddSingleton<ProvidedCredentials>()
        .AddSingleton<IntegrationToolsApi>()
        .AddSingleton<ConnectionsApi>()
        .AddSingleton<PeopleConnectionsApi>()
        .AddSingleton<ProvidersApi>()
        .AddSingleton<IntegrationChanges>()
        .AddSingleton<ConfiguredProvidersApi>()
        .AddSingleton<AttachedProvidersApi>()
        .AddSingleton<ServiceAccountsApi>()
        .AddSingleton<PolicyRuleStores>()
        .AddSingleton<PolicyRuleReading>()
        .AddSingleton<PolicyChanges>()
        .AddSingleton<PolicyQuestions>()
        .AddSingleton<PoliciesApi>()
        .AddSingleton<PolicySetApi>()
        .AddSingleton<PolicyCheckApi>()
        .AddSingleton<PolicyReplayApi>()
        .AddSingleton<AuditApi>()
        .AddSingleton<TracesApi>()
        .AddSingleton<ICutOffStore, CutOffStore>()
        .AddSingleton<CutOffSwitch>()
        .AddSingleton<CutOffs>()
        .AddSingleton<RevocationsApi>()
        .AddSingleton<SigningKeysApi>()
        .AddSingleton<DataKeysApi>()
        .AddSingleton<AuditExportApi>()
        .AddSingleton<AuditVerificationApi>()
        .AddSingleton<WebhooksApi>()
        .AddSingleton<WebhookDeliveriesApi>()
        .AddSingleton<CapabilityRequestsApi>()
        .AddSingleton<FailedWorkApi>();
}
