using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>Clients that register themselves (RFC 7591), and what they do with their registration afterwards (RFC 7592).</summary>
public sealed class RegistrationTests(KontextFixture kontext)
{
    private readonly TestAgent agent = kontext.Agent;

    [Fact]
    public async Task A_client_reads_its_registration_and_finds_no_secret_in_it()
    {
        var registered = await RegisterAsync(new JsonObject { ["token_endpoint_auth_method"] = "client_secret_basic" });
        var read = await CallAsync(HttpMethod.Get, registered["registration_client_uri"]!, registered["registration_access_token"]);
        Assert.Equal(HttpStatusCode.OK, read.Status);
        Assert.Equal((registered["client_id"], "client_secret_basic", TestAgent.RedirectUri), (read["client_id"], read["token_endpoint_auth_method"], (string?)read.Json!["redirect_uris"]![0]));
        Assert.DoesNotContain(registered["client_secret"]!, read.Json.ToJsonString(), StringComparison.Ordinal);
        Assert.DoesNotContain(registered["registration_access_token"]!, read.Json.ToJsonString(), StringComparison.Ordinal);
        Assert.True(read.Headers.CacheControl?.NoStore);
    }

    [Fact]
    public async Task A_client_that_deletes_its_registration_is_cut_off()
    {
        var registered = await RegisterAsync([]);
        using var browser = new FormBrowser();
        var tokens = await agent.AuthorizeAsync(browser, registered["client_id"]!, "rita", agent.Gateway);
        Assert.Equal(HttpStatusCode.NoContent, (await CallAsync(HttpMethod.Delete, registered["registration_client_uri"]!, registered["registration_access_token"])).Status);
        Assert.Equal("invalid_client", (await agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = registered["client_id"]!, ["refresh_token"] = tokens["refresh_token"]! }))["error"]);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(tokens["access_token"]!, "ping")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await CallAsync(HttpMethod.Get, registered["registration_client_uri"]!, registered["registration_access_token"])).Status);
    }

    [Fact]
    public async Task Nobody_reads_or_deletes_a_registration_without_its_own_token()
    {
        var registered = await RegisterAsync([]);
        var another = await RegisterAsync([]);
        var uri = registered["registration_client_uri"]!;
        foreach (var token in (string?[])[null, "wrong", another["registration_access_token"], kontext.OwnerToken])
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await CallAsync(HttpMethod.Get, uri, token)).Status);
            Assert.Equal(HttpStatusCode.Unauthorized, (await CallAsync(HttpMethod.Delete, uri, token)).Status);
        }
        Assert.Equal(HttpStatusCode.Unauthorized, (await CallAsync(HttpMethod.Get, uri + "x", registered["registration_access_token"])).Status);
        Assert.Equal(HttpStatusCode.OK, (await CallAsync(HttpMethod.Get, uri, registered["registration_access_token"])).Status);
    }

    [Theory]
    [InlineData("web", "https://agent.example/cb", null)]
    [InlineData("web", "http://127.0.0.1/cb", "invalid_redirect_uri")]
    [InlineData("web", "https://localhost/cb", "invalid_redirect_uri")]
    [InlineData("web", "com.example.agent:/cb", "invalid_redirect_uri")]
    [InlineData("native", "http://127.0.0.1/cb", null)]
    [InlineData("native", "com.example.agent:/cb", null)]
    [InlineData("desktop", "https://agent.example/cb", "invalid_client_metadata")]
    public async Task Only_native_clients_return_to_the_persons_machine(string type, string redirectUri, string? error)
    {
        var answer = await PostAsync(kontext.Server.Url, new JsonObject { ["application_type"] = type, ["redirect_uris"] = new JsonArray(redirectUri), ["token_endpoint_auth_method"] = "none" });
        Assert.Equal(error, answer["error"]);
        if (error is null)
            Assert.Equal((HttpStatusCode.Created, type), (answer.Status, answer["application_type"]));
    }

    [Fact]
    public async Task Clients_register_themselves_only_where_the_organization_lets_them()
    {
        var keys = Directory.CreateTempSubdirectory("kontext-keys-");
        await using (var server = await KontextServer.StartAsync("memory", keys.FullName))
        {
            var owner = await new TestAgent(server.Url).ManagementTokenAsync("olivia");
            var member = await new TestAgent(server.Url).ManagementTokenAsync("max");
            Task<JsonAnswer> SetAsync(string token, JsonObject change) => TestAgent.CallAsync(server.Url, HttpMethod.Patch, "/api/v1/organization", token, change);
            Task<JsonAnswer> TryAsync() => PostAsync(server.Url, new JsonObject { ["redirect_uris"] = new JsonArray(TestAgent.RedirectUri), ["token_endpoint_auth_method"] = "none" });

            Assert.Equal(HttpStatusCode.Created, (await TryAsync()).Status);
            Assert.Equal(HttpStatusCode.Forbidden, (await SetAsync(member, new JsonObject { ["dynamicRegistration"] = false })).Status);
            Assert.Equal(HttpStatusCode.BadRequest, (await SetAsync(owner, new JsonObject { ["dynamicregistration"] = false })).Status);
            Assert.False((bool)(await SetAsync(owner, new JsonObject { ["dynamicRegistration"] = false })).Json!["organization"]!["dynamicRegistration"]!);
            var refused = await TryAsync();
            Assert.Equal((HttpStatusCode.Forbidden, "access_denied"), (refused.Status, refused["error"]));
            Assert.Equal("Acme", (string?)(await SetAsync(owner, new JsonObject { ["name"] = " Acme ", ["dynamicRegistration"] = true })).Json!["organization"]!["name"]);
            Assert.Equal(HttpStatusCode.Created, (await TryAsync()).Status);
        }
        keys.Delete(recursive: true);
    }

    private async Task<JsonAnswer> RegisterAsync(JsonObject more)
    {
        var body = new JsonObject { ["client_name"] = "Registered", ["redirect_uris"] = new JsonArray(TestAgent.RedirectUri), ["token_endpoint_auth_method"] = "none" };
        foreach (var (name, value) in more)
            body[name] = value?.DeepClone();
        var answer = await PostAsync(kontext.Server.Url, body);
        Assert.Equal(HttpStatusCode.Created, answer.Status);
        return answer;
    }

    private static Task<JsonAnswer> PostAsync(Uri server, JsonObject body) => TestAgent.CallAsync(server, HttpMethod.Post, "/oauth2/register", null, body);

    private Task<JsonAnswer> CallAsync(HttpMethod method, string uri, string? token) => TestAgent.CallAsync(kontext.Server.Url, method, uri, token);
}
