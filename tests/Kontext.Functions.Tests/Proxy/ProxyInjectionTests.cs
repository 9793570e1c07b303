using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Mcp;
using Kontext.Domain;
using Kontext.Domain.Integrations;
using Microsoft.AspNetCore.Http;

namespace Kontext.Functions.Tests.Proxy;

/// <summary>The credential goes where the integration wants it, through proxy and gateway alike, and is renewed once when it is refused.</summary>
public sealed class ProxyInjectionTests(KontextFixture kontext)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static TheoryData<string, string, string> Headers => new()
    {
        { """{"type":"header","name":"X-Api-Key"}""", "X-Api-Key", ProxyWorld.Credential },
        { """{"type":"header","name":"Authorization","prefix":"Token "}""", "Authorization", "Token " + ProxyWorld.Credential },
        { """{"type":"basic"}""", "Authorization", "Basic " + Base64(ProxyWorld.Credential + ":") },
        { """{"type":"basic","username":"x-token"}""", "Authorization", "Basic " + Base64("x-token:" + ProxyWorld.Credential) },
    };

    [Theory]
    [MemberData(nameof(Headers))]
    public async Task A_credential_travels_in_the_header_the_settings_name(string injection, string header, string value)
    {
        await using var world = await ProxyWorld.CreateAsync(kontext.Server, kontext.OwnerToken, body => body["credentialInjection"] = JsonNode.Parse(injection));
        world.Api.Answer = context => context.Response.WriteAsync(context.Request.Headers[header].ToString());
        using var request = world.Request(HttpMethod.Get, "/x");
        request.Headers.TryAddWithoutValidation("X-Api-Key", "the agent's own");
        using var answer = await world.SendAsync(request, Cancelled);
        var seen = Assert.Single(world.Api.Seen);
        Assert.Equal(value, seen.Headers[header]);
        var echoed = await answer.Content.ReadAsStringAsync(Cancelled);
        Assert.Contains(new string('*', ProxyWorld.Credential.Length), echoed);
        Assert.DoesNotContain(value.Split(' ')[^1], echoed);
    }

    [Fact]
    public async Task In_a_query_it_takes_the_place_of_the_agents_own_and_does_not_come_back_in_redirects()
    {
        await using var world = await ProxyWorld.CreateAsync(kontext.Server, kontext.OwnerToken, body => body["credentialInjection"] = JsonNode.Parse("""{"type":"query","name":"api_key"}"""));
        world.Api.Answer = context =>
        {
            context.Response.StatusCode = 302;
            context.Response.Headers.Location = $"/base/v1/next{context.Request.QueryString}&page=2";
            return Task.CompletedTask;
        };
        using var answer = await world.GetAsync("/x?a=1&API%5Fkey=mine&b=%26");
        var seen = Assert.Single(world.Api.Seen);
        Assert.Equal($"{ApiDouble.Prefix}/x?a=1&b=%26&api_key={ProxyWorld.Credential}", seen.Target);
        Assert.False(seen.Headers.ContainsKey("Authorization"));
        Assert.EndsWith("/next?a=1&b=%26&page=2", answer.Headers.Location?.OriginalString);
    }

    [Fact]
    public async Task Fields_that_a_person_filled_in_make_up_the_credential()
    {
        await using var world = await ProxyWorld.CreateAsync(kontext.Server, kontext.OwnerToken, body =>
        {
            body["credentialSchema"] = new JsonObject { ["login"] = "string", ["key"] = "string" };
            body["credentialInjection"] = JsonNode.Parse("""{"type":"basic","field":"key","usernameField":"login"}""");
        });
        using var answer = await world.GetAsync("/x");
        Assert.Equal("Basic " + Base64("alice@example.com:" + ProxyWorld.Credential), Assert.Single(world.Api.Seen).Headers["Authorization"]);
    }

    [Fact]
    public async Task The_gateway_injects_by_the_same_settings()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        upstream.Fault = (context, _) =>
        {
            if (context.Request.Headers["X-Api-Key"] == "upstream-secret-1")
                context.Request.Headers.Authorization = "Bearer upstream-secret-1";
            return Task.FromResult(false);
        };
        var ports = new GatewayPorts();
        var integration = GatewayApp.Connect(ports, "github", upstream.Url);
        ports.Integrations[0] = integration with { Injection = new CredentialInjection { Kind = InjectionKind.Header, Name = "X-Api-Key" } };
        await using var gateway = await GatewayApp.StartAsync(ports);
        var answer = await gateway.CallAsync(modern: true, "github__echo", new JsonObject { ["text"] = "hello" });
        Assert.Equal("hello", (string?)answer["result"]!["content"]![0]!["text"]);
        Assert.All(upstream.Seen, seen => Assert.False(seen.Headers.ContainsKey("Authorization")));
    }

    [Theory]
    [InlineData("GET", 0)]
    [InlineData("POST", 1000)]
    public async Task A_refused_credential_is_renewed_and_the_request_repeated_once(string method, int length)
    {
        await using var api = await RefusingAsync("old-access-token");
        var ports = new GatewayPorts();
        await using var gateway = await ConnectedAsync(ports, api, next: "new-access-token");
        using var answer = await gateway.SendAsync(new HttpRequestMessage(new HttpMethod(method), "/proxy/github/x") { Content = length == 0 ? null : new StringContent(new string('a', length)) });
        Assert.Equal((HttpStatusCode.OK, "ok"), (answer.StatusCode, await answer.Content.ReadAsStringAsync(Cancelled)));
        Assert.Equal(["Bearer old-access-token", "Bearer new-access-token"], api.Seen.Select(seen => seen.Headers["Authorization"]));
        Assert.All(api.Seen, seen => Assert.Equal(length, seen.Body.Length));
    }

    [Fact]
    public async Task A_streamed_body_that_is_gone_is_not_repeated_but_the_next_call_has_the_new_credential()
    {
        await using var api = await RefusingAsync("old-access-token");
        var ports = new GatewayPorts();
        await using var gateway = await ConnectedAsync(ports, api, next: "new-access-token");
        using var lost = await gateway.SendAsync(new HttpRequestMessage(HttpMethod.Post, "/proxy/github/x") { Content = new StringContent(new string('a', 200_000)) });
        Assert.Equal((HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(1)), (lost.StatusCode, lost.Headers.RetryAfter?.Delta));
        using var again = await gateway.SendAsync(new HttpRequestMessage(HttpMethod.Post, "/proxy/github/x") { Content = new StringContent(new string('a', 200_000)) });
        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        Assert.Equal(2, api.Seen.Count);
    }

    [Fact]
    public async Task A_credential_refused_twice_has_the_person_connect_again()
    {
        await using var api = await RefusingAsync("old-access-token", "new-access-token");
        var ports = new GatewayPorts();
        await using var gateway = await ConnectedAsync(ports, api, next: "new-access-token");
        using var answer = await gateway.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/proxy/github/x"));
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        var body = JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancelled))!;
        Assert.Equal("kontext_integration_connection_required", (string?)body["code"]);
        Assert.NotNull(body["connectUrl"]);
        Assert.Equal(2, api.Seen.Count);
    }

    [Fact]
    public async Task Nothing_is_answered_when_the_injection_cannot_be_recorded()
    {
        await using var api = await ApiDouble.StartAsync();
        var ports = new GatewayPorts { Appending = happened => happened.Type == "credential.injected" ? Task.FromException(new IOException("the trail is away")) : Task.CompletedTask };
        await using var gateway = await ConnectedAsync(ports, api, next: null);
        using var answer = await gateway.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/proxy/github/x"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.DoesNotContain("ok", await answer.Content.ReadAsStringAsync(Cancelled));
    }

    private static async Task<GatewayApp> ConnectedAsync(GatewayPorts ports, ApiDouble api, string? next)
    {
        var integration = GatewayApp.Connect(ports, "github", api.Root, "old-access-token") with { Proxy = new IntegrationProxy { BaseUrl = api.BaseUrl } };
        ports.Integrations[0] = integration;
        if (next is not null)
            ports.Upcoming[integration.Id] = new Queue<Kontext.Domain.Vault.Connection>([GatewayApp.ConnectionOf(integration, next)]);
        return await GatewayApp.StartAsync(ports);
    }

    private static async Task<ApiDouble> RefusingAsync(params string[] tokens)
    {
        var api = await ApiDouble.StartAsync();
        api.Answer = context =>
        {
            if (!tokens.Contains(context.Request.Headers.Authorization.ToString()[7..]))
                return context.Response.WriteAsync("ok");
            context.Response.StatusCode = 401;
            return Task.CompletedTask;
        };
        return api;
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
