using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Limits;

/// <summary>Attempts are bounded per client and network: five failures and thirty creations a minute here, behind one trusted proxy that the tests play.</summary>
public sealed class AttemptLimitsTests : IAsyncLifetime
{
    private const int Failures = 5;
    private const int Creations = 30;
    private const string Attacker = "198.51.100.1";
    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;
    private KontextServer server = null!;
    private TestAgent agent = null!;
    private string owner = "";

    public async ValueTask InitializeAsync()
    {
        server = await KontextServer.StartAsync("memory", keys, settings: new Dictionary<string, string>
        {
            ["Kontext__Limits__FailuresPerMinute"] = "5",
            ["Kontext__Limits__CreationsPerMinute"] = "30",
            ["Kontext__TrustedProxies"] = "1",
        });
        agent = new TestAgent(server.Url);
        owner = await agent.ManagementTokenAsync("olivia");
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        Directory.Delete(keys, recursive: true);
    }

    [Fact]
    public async Task Guesses_at_a_secret_end_for_the_network_they_come_from_and_nobody_else()
    {
        var (client, secret) = await ServiceAccountAsync();
        for (var guess = 0; guess < Failures; guess++)
            Assert.Equal(HttpStatusCode.Unauthorized, (await TokenAsync(client, $"guess-{guess}", Attacker)).StatusCode);
        using var refused = await TokenAsync(client, secret, Attacker);
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.True(refused.Headers.RetryAfter!.Delta > TimeSpan.Zero);
        Assert.Equal("temporarily_unavailable", (string?)JsonNode.Parse(await refused.Content.ReadAsStringAsync())!["error"]);
        Assert.Equal("no-store", refused.Headers.CacheControl?.ToString());

        Assert.Equal(HttpStatusCode.OK, (await TokenAsync(client, secret, "198.51.100.2")).StatusCode);
        var (other, otherSecret) = await ServiceAccountAsync();
        Assert.Equal(HttpStatusCode.OK, (await TokenAsync(other, otherSecret, Attacker)).StatusCode);
    }

    [Fact]
    public async Task An_attacker_gains_nothing_by_inventing_addresses()
    {
        var (client, _) = await ServiceAccountAsync();
        for (var guess = 0; guess < Failures; guess++)
            await TokenAsync(client, "guess", $"10.0.0.{guess}, {Attacker}");
        Assert.Equal(HttpStatusCode.TooManyRequests, (await TokenAsync(client, "guess", $"10.0.0.99, {Attacker}")).StatusCode);
        for (var guess = 0; guess < Failures; guess++)
            await TokenAsync(client, "guess", $"2001:db8:1:1::{guess + 1}");
        Assert.Equal(HttpStatusCode.TooManyRequests, (await TokenAsync(client, "guess", "2001:db8:1:1:ffff::1")).StatusCode);
    }

    [Fact]
    public async Task Successes_are_not_limited()
    {
        var (client, secret) = await ServiceAccountAsync();
        for (var number = 0; number < Failures * 8; number++)
            Assert.Equal(HttpStatusCode.OK, (await TokenAsync(client, secret, Attacker)).StatusCode);
    }

    [Theory]
    [InlineData("/oauth2/token", "grant_type=authorization_code&code=guess&code_verifier=0123456789012345678901234567890123456789012", "invalid_grant")]
    [InlineData("/oauth2/token", "grant_type=refresh_token&refresh_token=guess", "invalid_grant")]
    [InlineData("/oauth2/revoke", "token=guess&client_secret=guess", "invalid_client")]
    public async Task Guesses_at_codes_tokens_and_secrets_end(string path, string form, string error)
    {
        for (var guess = 0; guess < Failures; guess++)
        {
            using var wrong = await PostAsync(path, $"{form}&client_id={TestAgent.CommandLineClient}", Attacker);
            Assert.Equal(error, (string?)JsonNode.Parse(await wrong.Content.ReadAsStringAsync())!["error"]);
        }
        Assert.Equal(HttpStatusCode.TooManyRequests, (await PostAsync(path, $"{form}&client_id={TestAgent.CommandLineClient}", Attacker)).StatusCode);
    }

    [Fact]
    public async Task One_network_registers_so_many_clients_a_minute()
    {
        var answers = new List<HttpStatusCode>();
        for (var number = 0; number < Creations; number++)
            answers.Add((await RegisterAsync(Attacker)).StatusCode);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.Created, status));
        using var refused = await RegisterAsync(Attacker);
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.True(refused.Headers.RetryAfter!.Delta > TimeSpan.Zero);
        Assert.Equal("temporarily_unavailable", (string?)JsonNode.Parse(await refused.Content.ReadAsStringAsync())!["error"]);
        Assert.Equal(HttpStatusCode.Created, (await RegisterAsync("198.51.100.2")).StatusCode);
    }

    [Fact]
    public async Task One_network_signs_in_and_makes_connect_sessions_so_often_a_minute()
    {
        using var browser = new FormBrowser();
        var token = (await agent.AuthorizeAsync(browser, TestAgent.CommandLineClient, "alice", agent.Gateway))["access_token"]!;
        var statuses = new List<HttpStatusCode>();
        for (var number = 0; number <= Creations; number++)
        {
            using var request = Request("/mcp/connect-session", Attacker);
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            statuses.Add((await server.Http.SendAsync(request)).StatusCode);
        }
        Assert.Equal([.. Enumerable.Repeat(HttpStatusCode.OK, Creations), HttpStatusCode.TooManyRequests], statuses);
        using var page = await PostAsync("/login", "username=eve", Attacker);
        Assert.Equal(HttpStatusCode.TooManyRequests, page.StatusCode);
        Assert.Equal("text/html", page.Content.Headers.ContentType?.MediaType);
        Assert.True(page.Headers.RetryAfter!.Delta > TimeSpan.Zero);
    }

    [Fact]
    public async Task A_flood_of_refusals_leaves_few_entries_in_the_audit_trail()
    {
        var (client, _) = await ServiceAccountAsync();
        for (var guess = 0; guess < Failures + 100; guess++)
            await TokenAsync(client, "guess", Attacker);
        var recorded = (await agent.ApiAsync(HttpMethod.Get, "/audit/events?type=attempts.limited&limit=200", owner)).Json!["items"]!.AsArray();
        var entry = Assert.Single(recorded)!;
        Assert.Equal($"{client} from {Attacker}", (string?)entry["target"]);
    }

    private async Task<(string ClientId, string Secret)> ServiceAccountAsync()
    {
        var created = await agent.ApiAsync(HttpMethod.Post, "/service-accounts", owner, new JsonObject { ["name"] = "robot" });
        var credentials = created.Json!["credentials"]!;
        return ((string)credentials["clientId"]!, (string)credentials["clientSecret"]!);
    }

    private async Task<HttpResponseMessage> TokenAsync(string clientId, string secret, string forwardedFor)
    {
        using var request = Request("/oauth2/token", forwardedFor);
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{clientId}:{secret}")));
        request.Content = new FormUrlEncodedContent(new Dictionary<string, string> { ["grant_type"] = "client_credentials" });
        return await server.Http.SendAsync(request);
    }

    private async Task<HttpResponseMessage> PostAsync(string path, string form, string forwardedFor)
    {
        using var request = Request(path, forwardedFor);
        request.Content = new StringContent(form, Encoding.UTF8, "application/x-www-form-urlencoded");
        return await server.Http.SendAsync(request);
    }

    private async Task<HttpResponseMessage> RegisterAsync(string forwardedFor)
    {
        using var request = Request("/oauth2/register", forwardedFor);
        request.Content = JsonContent.Create(new JsonObject { ["redirect_uris"] = new JsonArray(TestAgent.RedirectUri), ["token_endpoint_auth_method"] = "none" });
        return await server.Http.SendAsync(request);
    }

    private static HttpRequestMessage Request(string path, string forwardedFor)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(path, UriKind.Relative));
        request.Headers.Add("X-Forwarded-For", forwardedFor);
        return request;
    }
}
