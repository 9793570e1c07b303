using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.OAuth;
using Kontext.Domain.Vault;
using Kontext.Functions.Limits;
using Kontext.Functions.OAuth;
using Kontext.Functions.Observability;
using Kontext.Functions.Storage;
using Kontext.Functions.Upstream;

namespace Kontext.Functions.Mcp;

/// <summary>The addresses of the gateway, all under <c>/mcp</c>.</summary>
internal static class McpEndpoints
{
    /// <summary>Maps them. A token is demanded on every request and never taken from anywhere but what <paramref name="authenticate"/> looks at; streams that stay open are asked about again with <paramref name="stillAllowed"/>.</summary>
    public static void Map(IEndpointRouteBuilder app, KontextSettings settings, Func<HttpContext, ValueTask<Result<Caller>>> authenticate, Func<HttpContext, CancellationToken, ValueTask<bool>> stillAllowed)
    {
        var endpoint = app.ServiceProvider.GetRequiredService<McpEndpoint>();
        var runtime = app.ServiceProvider.GetRequiredService<RuntimeIntegrations>();
        IResult Refuse(HttpContext context, Failure failure) => McpErrors.Surface(settings, context, failure);
        ValueTask<Result<Caller>> Authenticate(HttpContext context)
        {
            McpOrigin.Expose(settings, context);
            return authenticate(context);
        }
        var preflight = app.MapGroup("/mcp").WithMetadata(new Surface(Authenticate: null, Refuse));
        preflight.MapMethods("", ["OPTIONS"], context => McpOrigin.Preflight(settings, context));
        preflight.MapMethods("/{integration}", ["OPTIONS"], context => McpOrigin.Preflight(settings, context));
        var group = app.MapGroup("/mcp").WithMetadata(new Surface(Authenticate, Refuse));
        group.MapPost("", context => endpoint.PostAsync(context, integration: null, stillAllowed));
        group.MapPost("/{integration}", context => endpoint.PostAsync(context, Named(context), stillAllowed));
        group.MapGet("", context => endpoint.GetAsync(context, integration: null, stillAllowed));
        group.MapGet("/{integration}", context => endpoint.GetAsync(context, Named(context), stillAllowed));
        group.MapDelete("", context => endpoint.DeleteAsync(context, integration: null));
        group.MapDelete("/{integration}", context => endpoint.DeleteAsync(context, Named(context)));
        group.MapGet("/integrations", async context => await (await runtime.ListAsync(context)).ExecuteAsync(context));
        // As a delegate of its own type, so that it is a handler with filters and not a bare RequestDelegate.
        group.MapPost("/connect-session", (Delegate)(Func<HttpContext, Task<IResult>>)runtime.ConnectSessionAsync).LimitCreations(OAuthErrors.Of);
    }

    private static string? Named(HttpContext context) => context.Request.RouteValues["integration"] as string;

    /// <summary>Registers the gateway. The stores, the broker, connect links and the clock are registered elsewhere.</summary>
    public static IServiceCollection AddKontextGateway(this IServiceCollection services)
    {
        services.AddSingleton<UpstreamEras>();
        services.AddSingleton<UpstreamHttp>();
        services.AddSingleton<IMcpUpstream>(provider => new ObservedMcpUpstream(new HttpMcpUpstream(
            provider.GetRequiredService<UpstreamHttp>().Client,
            provider.GetRequiredService<UpstreamHttp>().Streams,
            provider.GetRequiredService<UpstreamEras>(),
            UpstreamLimits.Ordinary with { Call = provider.GetRequiredService<KontextSettings>().Limits.Calls.Call })));
        services.AddSingleton<IRestUpstream, HttpRestUpstream>();
        services.AddSingleton(provider => PauseLimitsOf(provider.GetRequiredService<KontextSettings>().Limits.Calls));
        services.AddSingleton<ProviderPauses>();
        services.AddSingleton<CallLimits>();
        services.AddSingleton<ScopeStepUp>();
        services.AddSingleton<InjectedUpstream>();
        services.AddSingleton<AttachedIntegrations>();
        services.AddSingleton<ToolPinning>();
        services.AddSingleton<ToolCatalog>();
        services.AddSingleton<ToolCall>();
        services.AddSingleton<ConnectOffer>();
        services.AddSingleton<FailureReply>();
        services.AddSingleton<ClientSessions>();
        services.AddSingleton<ClientQuestions>();
        services.AddSingleton<AskedInput>();
        services.AddSingleton<TaskOwners>();
        services.AddSingleton<ListedItems>();
        services.AddSingleton<AnswerWriter>();
        services.AddSingleton<ParkedCalls>();
        services.AddSingleton<CancelledRequests>();
        services.AddSingleton<CallRelay>();
        services.AddSingleton<ServerChanges>();
        services.AddSingleton<SessionMethods>();
        services.AddSingleton<ChangeStreams>();
        services.AddSingleton<OfferedTools>();
        services.AddSingleton<ToolsList>();
        services.AddSingleton<ToolsCall>();
        services.AddSingleton<ToolSearching>();
        services.AddSingleton<CapabilityRequests>();
        services.AddSingleton<CapabilityAsking>();
        services.AddSingleton<MetaTools>();
        services.AddSingleton<ForwardedMethods>();
        services.AddSingleton<Greeting>();
        services.AddSingleton<RuntimeIntegrations>();
        services.AddSingleton<McpLimits>();
        services.AddSingleton<IMcpMailbox, McpMailbox>();
        services.AddSingleton<SessionActivity>();
        services.AddSingleton<ClientSightings>();
        services.AddSingleton<McpEndpoint>();
        return services;
    }

    private static PauseLimits PauseLimitsOf(CallSettings calls) => new(calls.Wait, calls.Waiting);
}
