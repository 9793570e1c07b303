using System.Net;
using Kontext.Domain;
using Kontext.Functions.Api;
using Kontext.Functions.Limits;
using Kontext.Functions.OAuth;
using Kontext.Functions.Pages;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Kontext.Functions.Tests.Surface;

/// <summary>A fault of the program itself is answered in the words of the surface it happened on, and shows nothing of the request or the program.</summary>
public sealed class UnexpectedTests : IAsyncLifetime
{
    private const string Secret = "s3cret-of-the-caller";
    private readonly HttpClient http = new();
    private WebApplication app = null!;

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = "Development" });
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var settings = new KontextSettings { PublicUrl = new Uri("http://localhost:7071"), Storage = "memory", KeyDirectory = "unused", Organization = "dev", Development = true, AllowPrivateUpstreams = true };
        builder.Services.AddSingleton(settings).AddSingleton<RequestSlots>().AddKontextPages();
        app = builder.Build();
        app.UseRouting();
        app.UseMiddleware<SurfaceMiddleware>();
        foreach (var (path, error) in new (string, Func<HttpContext, Failure, IResult>)[] { ("/api", ApiErrors.Of), ("/oauth", OAuthErrors.Of), ("/page", PageErrors.Of) })
            app.MapGet(path, (HttpContext _) => throw new InvalidOperationException("an inner secret")).WithMetadata(new Functions.Surface(Authenticate: null, error));
        await app.StartAsync();
        http.BaseAddress = new Uri(app.Urls.First());
        http.DefaultRequestHeaders.Authorization = new("Bearer", Secret);
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await app.DisposeAsync();
    }

    [Theory]
    [InlineData("/api", "kontext_internal_error")]
    [InlineData("/oauth", "server_error")]
    [InlineData("/page", "Something went wrong here")]
    public async Task A_fault_is_answered_in_the_words_of_its_surface(string path, string words)
    {
        using var answer = await http.GetAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Contains(words, text, StringComparison.Ordinal);
        Assert.Contains(answer.Headers.GetValues("X-Request-Id").Single(), text, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, text, StringComparison.Ordinal);
        Assert.DoesNotContain("an inner secret", text, StringComparison.Ordinal);
    }
}
