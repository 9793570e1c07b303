using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Hostile;

/// <summary>The product as the Functions host starts it, with two organizations and the people who attack it: an owner, a member, somebody without a token, and the owner of the other organization.</summary>
public sealed class HostileWorld : IAsyncLifetime
{
    private static readonly string GlobexClient = Ids.Named<AppId>("command line\nglobex").ClientId;

    private readonly DirectoryInfo keys = Directory.CreateTempSubdirectory("kontext-keys-");

    /// <summary>The program.</summary>
    public KontextServer Server { get; private set; } = null!;

    /// <summary>A client of it.</summary>
    public TestAgent Agent { get; private set; } = null!;

    /// <summary>A client with connections of its own, which changes nothing about what it is told to send.</summary>
    public HttpClient Http { get; } = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, MaxConnectionsPerServer = 32, RequestHeaderEncodingSelector = static (_, _) => Encoding.UTF8 }) { Timeout = Timeout.InfiniteTimeSpan };

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        Server = await KontextServer.StartAsync("memory", keys.FullName, handler: true, settings: new Dictionary<string, string>
        {
            ["Kontext__Organizations__globex__Name"] = "Globex",
            ["Kontext__Limits__FailuresPerMinute"] = "1000000",
            ["Kontext__Limits__CreationsPerMinute"] = "1000000",
            ["Kontext__Limits__ApiRequestsPerMinute"] = "1000000",
            ["Kontext__Limits__CallsPerMinuteAndAgent"] = "0",
            // Few, so that a request that never gives its place back shows at once.
            ["Kontext__Limits__ConcurrentRequests"] = "24",
            ["Kontext__Limits__CallsPerMinuteAndPerson"] = "0",
        });
        Agent = new TestAgent(Server.Url);
        await Agent.ManagementTokenAsync(KontextFixture.Owner);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Http.Dispose();
        keys.Delete(recursive: true);
    }

    /// <summary>A management token of the other organization's owner.</summary>
    public async Task<string> ForeignTokenAsync()
    {
        using var browser = new FormBrowser();
        return (await Agent.AuthorizeAsync(browser, GlobexClient, "gloria", Agent.Api, "openid management:all"))["access_token"]!;
    }

    /// <summary>The token, or a new one when it no longer works.</summary>
    public async Task<string> AliveAsync(string? token, Func<Task<string>> renew) =>
        token is not null && (await Agent.ApiAsync(HttpMethod.Get, "/organization", token)).Status == HttpStatusCode.OK ? token : await renew();

    /// <summary>An address exactly as written.</summary>
    public Uri Address(string target) => new(Server.Url.OriginalString.TrimEnd('/') + target, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });

    /// <summary>A request, with a token if there is one.</summary>
    public HttpRequestMessage Request(string method, string target, string? token = null, byte[]? body = null, string? contentType = "application/json")
    {
        var request = new HttpRequestMessage(new HttpMethod(method), Address(target));
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            if (contentType is not null)
                request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        }
        return request;
    }

    /// <summary>The program lives, and says the truth about itself.</summary>
    public async Task LivesAsync()
    {
        using var answer = await Server.Http.GetAsync(new Uri("/healthz", UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.DoesNotContain("Unhandled exception", Server.Output, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>What the owner gets made; the answer has to be a success.</summary>
    public async Task<JsonNode> MakeAsync(string path, string token, JsonObject body)
    {
        var made = await Agent.ApiAsync(HttpMethod.Post, path, token, body);
        Assert.True((int)made.Status is 200 or 201, string.Create(CultureInfo.InvariantCulture, $"{path}: {(int)made.Status} {made.Json}"));
        return made.Json!;
    }
}
