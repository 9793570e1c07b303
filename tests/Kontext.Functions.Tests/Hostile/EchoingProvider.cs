using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kontext.Functions.Tests.Hostile;

/// <summary>A provider and an API that say back whatever they were sent, in headers, bodies and errors: credentials too.</summary>
internal sealed class EchoingProvider : IAsyncDisposable
{
    private readonly WebApplication app;

    private EchoingProvider(WebApplication app) => this.app = app;

    public string AccessToken { get; init; } = "";

    public string RefreshToken { get; init; } = "";

    public string Url => app.Urls.First();

    public static async Task<EchoingProvider> StartAsync(string accessToken, string refreshToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var provider = new EchoingProvider(app) { AccessToken = accessToken, RefreshToken = refreshToken };
        app.Run(provider.AnswerAsync);
        await app.StartAsync();
        return provider;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var body = await reader.ReadToEndAsync();
        var answer = new JsonObject();
        if (context.Request.Path == "/token" && body.Contains("authorization_code", StringComparison.Ordinal))
            answer = new JsonObject { ["access_token"] = AccessToken, ["refresh_token"] = RefreshToken, ["token_type"] = "Bearer", ["expires_in"] = 1 };
        else
        {
            var said = $"{body} {string.Join(' ', context.Request.Headers.Select(header => $"{header.Key}: {header.Value}"))}";
            context.Response.StatusCode = context.Request.Path == "/token" ? 400 : 500;
            context.Response.Headers["X-Echo"] = context.Request.Headers.Authorization.ToString();
            context.Response.Headers.WWWAuthenticate = $"Bearer error=\"invalid_token\", error_description=\"{context.Request.Headers.Authorization}\"";
            answer = new JsonObject { ["error"] = "invalid_request " + said, ["error_description"] = said, ["message"] = said };
        }
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(answer.ToJsonString());
    }
}
