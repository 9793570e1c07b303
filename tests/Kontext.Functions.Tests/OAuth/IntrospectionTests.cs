using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>Token introspection (RFC 7662).</summary>
public sealed class IntrospectionTests(KontextFixture kontext)
{
    private readonly TestAgent agent = kontext.Agent;
    private readonly DeviceFlow flow = new(kontext.Server.Url);

    [Fact]
    public async Task An_application_learns_about_its_own_access_token()
    {
        var (client, basic) = await ConfidentialAsync();
        var tokens = await TokensAsync(client, basic);
        var answer = await IntrospectAsync(basic, tokens["access_token"]!);
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.True(answer.Headers.CacheControl!.NoStore);
        var claims = Jwt.Payload(tokens["access_token"]!);
        Assert.True((bool)answer.Json!["active"]!);
        Assert.Equal("Bearer", answer["token_type"]);
        Assert.Equal(client, answer["client_id"]);
        Assert.Equal("mcp:invoke", answer["scope"]);
        Assert.Equal(agent.Gateway, (string?)answer.Json["aud"]![0]);
        foreach (var same in (string[])["sub", "iss", "sid", "jti"])
            Assert.Equal((string?)claims[same], answer[same]);
        foreach (var same in (string[])["iat", "exp"])
            Assert.Equal((long)claims[same]!, (long)answer.Json[same]!);
        Assert.Null(answer["act"]);
    }

    [Fact]
    public async Task An_application_learns_about_its_own_refresh_token()
    {
        var (client, basic) = await ConfidentialAsync();
        var tokens = await TokensAsync(client, basic);
        var answer = await IntrospectAsync(basic, tokens["refresh_token"]!);
        Assert.True((bool)answer.Json!["active"]!);
        Assert.Equal(client, answer["client_id"]);
        Assert.Equal((string?)Jwt.Payload(tokens["access_token"]!)["sid"], answer["sid"]);
        Assert.Null(answer["token_type"]);
        Assert.True((long)answer.Json["exp"]! > (long)Jwt.Payload(tokens["access_token"]!)["exp"]!);
        // Looking does not spend it.
        Assert.Equal(HttpStatusCode.OK, (await RefreshAsync(basic, tokens["refresh_token"]!)).Status);
    }

    [Theory]
    [InlineData("access_token")]
    [InlineData("refresh_token")]
    [InlineData("urn:example:other")]
    public async Task A_hint_that_is_wrong_or_unknown_hides_nothing(string hint)
    {
        var (client, basic) = await ConfidentialAsync();
        var tokens = await TokensAsync(client, basic);
        Assert.True((bool)(await IntrospectAsync(basic, tokens["access_token"]!, hint)).Json!["active"]!);
        Assert.True((bool)(await IntrospectAsync(basic, tokens["refresh_token"]!, hint)).Json!["active"]!);
    }

    [Fact]
    public async Task Of_another_clients_token_nothing_is_said()
    {
        var (client, basic) = await ConfidentialAsync();
        var (_, other) = await ConfidentialAsync();
        var tokens = await TokensAsync(client, basic);
        await AssertInactiveAsync(other, tokens["access_token"]!, tokens["refresh_token"]!);
    }

    [Fact]
    public async Task Of_what_is_no_token_nothing_is_said()
    {
        var (client, basic) = await ConfidentialAsync();
        var token = (await TokensAsync(client, basic))["access_token"]!;
        await AssertInactiveAsync(basic, "x", "a.b.c", "krt1.x", token[..^4] + "AAAA", kontext.OwnerToken);
    }

    [Fact]
    public async Task A_revoked_session_leaves_no_active_token()
    {
        var (client, basic) = await ConfidentialAsync();
        var tokens = await TokensAsync(client, basic);
        using var revoked = await PostRawAsync("/oauth2/revoke", basic, new() { ["token"] = tokens["refresh_token"]! });
        Assert.Equal(HttpStatusCode.OK, revoked.StatusCode);
        await AssertInactiveAsync(basic, tokens["access_token"]!, tokens["refresh_token"]!);
    }

    [Fact]
    public async Task A_refresh_token_two_generations_old_is_not_active_and_asking_ends_nothing()
    {
        var (client, basic) = await ConfidentialAsync();
        var first = await TokensAsync(client, basic);
        var second = await RefreshAsync(basic, first["refresh_token"]!);
        Assert.True((bool)(await IntrospectAsync(basic, first["refresh_token"]!)).Json!["active"]!);
        var third = await RefreshAsync(basic, second["refresh_token"]!);
        await AssertInactiveAsync(basic, first["refresh_token"]!);
        Assert.True((bool)(await IntrospectAsync(basic, third["refresh_token"]!)).Json!["active"]!);
    }

    [Fact]
    public async Task A_service_account_learns_about_every_token_of_its_organization()
    {
        var (client, basic) = await ConfidentialAsync();
        var tokens = await TokensAsync(client, basic);
        var (account, service) = await ServiceAsync();
        Assert.Equal(client, (await IntrospectAsync(service, tokens["access_token"]!))["client_id"]);
        Assert.Equal(client, (await IntrospectAsync(service, tokens["refresh_token"]!))["client_id"]);
        var own = await flow.PostAsync("/oauth2/token", new() { ["grant_type"] = "client_credentials" }, service);
        var answer = await IntrospectAsync(service, own["access_token"]!);
        Assert.Equal(account, answer["sub"]);
        Assert.Equal(agent.Api, (string?)answer.Json!["aud"]![0]);
        Assert.Null(answer["sid"]);
    }

    [Fact]
    public async Task The_actor_of_an_exchange_is_named()
    {
        using var browser = new FormBrowser();
        var person = await agent.AuthorizeAsync(browser, TestAgent.CommandLineClient, "ines", agent.Gateway, "openid gateway:access mcp:invoke");
        var other = "app_" + (await kontext.ApplicationAsync()).Id;
        var exchanged = await agent.ExchangeAsync(other, person["access_token"]!, "mcp-gateway");
        Assert.Equal(HttpStatusCode.OK, exchanged.Status);
        var (_, service) = await ServiceAsync();
        var answer = await IntrospectAsync(service, exchanged["access_token"]!);
        Assert.Equal(other, (string?)answer.Json!["act"]!["sub"]);
    }

    [Fact]
    public async Task Who_cannot_prove_who_they_are_is_refused()
    {
        var (client, basic) = await ConfidentialAsync();
        var token = (await TokensAsync(client, basic))["access_token"]!;
        var open = "app_" + (await kontext.ApplicationAsync()).Id;
        foreach (var answer in new[]
        {
            await flow.PostAsync("/oauth2/introspect", new() { ["token"] = token }),
            await flow.PostAsync("/oauth2/introspect", new() { ["token"] = token, ["client_id"] = open }),
            await flow.PostAsync("/oauth2/introspect", new() { ["token"] = token, ["client_id"] = client }),
            await flow.PostAsync("/oauth2/introspect", new() { ["token"] = token }, client + ":wrong"),
        })
        {
            Assert.Equal((HttpStatusCode.Unauthorized, "invalid_client"), (answer.Status, answer["error"]));
            Assert.Null(answer.Json!["active"]);
        }
    }

    [Fact]
    public async Task A_request_without_token_and_one_by_GET_are_refused()
    {
        var (_, basic) = await ConfidentialAsync();
        Assert.Equal("invalid_request", (await flow.PostAsync("/oauth2/introspect", [], basic))["error"]);
        using var answer = await kontext.Server.Http.GetAsync(new Uri("/oauth2/introspect?token=x", UriKind.Relative));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.StatusCode);
    }

    [Fact]
    public async Task Metadata_names_the_endpoint_and_how_to_authenticate()
    {
        var answer = await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Get, "/.well-known/oauth-authorization-server", null);
        Assert.Equal(kontext.Server.Url.OriginalString.TrimEnd('/') + "/oauth2/introspect", answer["introspection_endpoint"]);
        Assert.Equal(["client_secret_basic", "client_secret_post", "private_key_jwt"], answer.Json!["introspection_endpoint_auth_methods_supported"]!.AsArray().Select(method => (string?)method));
    }

    private Task<JsonAnswer> IntrospectAsync(string basic, string token, string? hint = null) =>
        flow.PostAsync("/oauth2/introspect", hint is null ? new() { ["token"] = token } : new() { ["token"] = token, ["token_type_hint"] = hint }, basic);

    private async Task AssertInactiveAsync(string basic, params string[] tokens)
    {
        foreach (var token in tokens)
        {
            var answer = await IntrospectAsync(basic, token);
            Assert.Equal(HttpStatusCode.OK, answer.Status);
            Assert.Equal("{\"active\":false}", answer.Json!.ToJsonString());
        }
    }

    private async Task<HttpResponseMessage> PostRawAsync(string path, string basic, Dictionary<string, string> form)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(path, UriKind.Relative)) { Content = new FormUrlEncodedContent(form) };
        request.Headers.Authorization = new("Basic", Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(basic)));
        return await kontext.Server.Http.SendAsync(request);
    }

    private Task<JsonAnswer> RefreshAsync(string basic, string token) =>
        flow.PostAsync("/oauth2/token", new() { ["grant_type"] = "refresh_token", ["refresh_token"] = token }, basic);

    private async Task<(string Client, string Basic)> ConfidentialAsync()
    {
        var (id, created) = await kontext.ApplicationAsync("confidential");
        return ("app_" + id, $"app_{id}:{(string)created.Json!["oauth"]!["clientSecret"]!}");
    }

    private async Task<JsonAnswer> TokensAsync(string client, string basic)
    {
        var (url, verifier) = agent.AuthorizeUrl(client, agent.Gateway);
        using var browser = new FormBrowser();
        var returned = await TestAgent.DecideAsync(browser, url, "ines");
        return await flow.PostAsync("/oauth2/token", new() { ["grant_type"] = "authorization_code", ["code"] = returned["code"], ["redirect_uri"] = TestAgent.RedirectUri, ["code_verifier"] = verifier }, basic);
    }

    private async Task<(string ClientId, string Basic)> ServiceAsync()
    {
        var created = await agent.ApiAsync(HttpMethod.Post, "/service-accounts", kontext.OwnerToken, new JsonObject { ["name"] = ApiCalls.Unique("account") });
        var credentials = created.Json!["credentials"]!;
        return ((string)credentials["clientId"]!, $"{(string)credentials["clientId"]!}:{(string)credentials["clientSecret"]!}");
    }
}
