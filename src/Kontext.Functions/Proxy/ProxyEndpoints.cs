using Kontext.Domain;
using Kontext.Domain.Gateway;

namespace Kontext.Functions.Proxy;

/// <summary>The addresses of the REST proxy, all under <c>/proxy</c>.</summary>
internal static class ProxyEndpoints
{
    /// <summary>Maps them, for every method. A token is demanded on every request and never passed on.</summary>
    public static void Map(IEndpointRouteBuilder app, KontextSettings settings, Func<HttpContext, ValueTask<Result<Caller>>> authenticate)
    {
        var endpoint = app.ServiceProvider.GetRequiredService<ProxyEndpoint>();
        app.MapGroup("/proxy").WithMetadata(new Surface(authenticate, (context, failure) => ProxyErrors.Of(settings, context, failure)))
            .Map("/{integration}/{**path}", endpoint.RunAsync);
    }

    /// <summary>Registers the proxy. What it shares with the gateway is registered there.</summary>
    public static IServiceCollection AddKontextProxy(this IServiceCollection services) => services
        .AddSingleton<ProxyCall>()
        .AddSingleton<ProxyEndpoint>();
}
