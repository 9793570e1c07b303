using System.Text.Json.Nodes;
using Kontext.Functions.Tests.OAuth;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kontext.Functions.Tests.Partner;

/// <summary>A partner's server on loopback, which publishes the keys it signs with.</summary>
internal sealed class PartnerHost : IAsyncDisposable
{
    private readonly WebApplication app;
    private int hits;

    private PartnerHost(WebApplication app) => this.app = app;

    /// <summary>What is published.</summary>
    public TestKey Key { get; set; } = new();

    /// <summary>How long that may be kept.</summary>
    public string CacheControl { get; set; } = "max-age=3600";

    /// <summary>Status of the answers.</summary>
    public int Status { get; set; } = 200;

    /// <summary>How often somebody asked.</summary>
    public int Hits => hits;

    public string Issuer => app.Urls.First();

    public string JwksUrl => Issuer + "/jwks.json";

    public static async Task<PartnerHost> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var host = new PartnerHost(app);
        app.Run(host.AnswerAsync);
        await app.StartAsync();
        return host;
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        Key.Dispose();
    }

    private Task AnswerAsync(HttpContext context)
    {
        Interlocked.Increment(ref hits);
        context.Response.StatusCode = Status;
        context.Response.ContentType = "application/json";
        context.Response.Headers.CacheControl = CacheControl;
        return context.Response.WriteAsync(Key.Jwks().ToJsonString());
    }
}
