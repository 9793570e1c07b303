using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Kontext.Functions.Tests.Proxy;

/// <summary>A request as an API saw it.</summary>
internal sealed record ApiRequest(string Method, string Target, IReadOnlyDictionary<string, string> Headers, string Body);

/// <summary>An HTTP API on a port of its own that notes what reaches it. Its base address has a path.</summary>
internal sealed class ApiDouble : IAsyncDisposable
{
    public const string Prefix = "/base/v1";
    private readonly WebApplication app;

    private ApiDouble(WebApplication app) => this.app = app;

    public Uri Root => new(app.Urls.First());

    public string BaseUrl => Root.OriginalString.TrimEnd('/') + Prefix;

    public ConcurrentQueue<ApiRequest> Seen { get; } = [];

    /// <summary>Answers; the request has been noted with its body.</summary>
    public RequestDelegate Answer { get; set; } = context => context.Response.WriteAsync("ok");

    /// <summary>Answers instead, before anything of the body is read; returns whether it did.</summary>
    public Func<HttpContext, Task<bool>> Raw { get; set; } = _ => Task.FromResult(false);

    public static async Task<ApiDouble> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = null);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var api = new ApiDouble(app);
        app.Run(api.ServeAsync);
        await app.StartAsync();
        return api;
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await app.StopAsync(now.Token);
        await app.DisposeAsync();
    }

    private async Task ServeAsync(HttpContext context)
    {
        if (await Raw(context))
            return;
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        Seen.Enqueue(new ApiRequest(
            context.Request.Method,
            context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget,
            context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase),
            Encoding.UTF8.GetString(body.ToArray())));
        await Answer(context);
    }
}
