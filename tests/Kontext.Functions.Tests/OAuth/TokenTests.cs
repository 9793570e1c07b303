using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>The token endpoint: every grant, and what it refuses.</summary>
public sealed class TokenTests(KontextFixture kontext)
{
    private readonly TestAgent agent = kontext.Agent;

    [Fact]
    public async Task A_wrong_verifier_is_refused_and_does_not_spend_the_code()
    {
        var (client, code, verifier) = await CodeAsync();
        var refused = await RedeemAsync(client, code, verifier[..^1] + (verifier[^1] == 'A' ? 'B' : 'A'));
        Assert.Equal((HttpStatusCode.BadRequest, "invalid_grant"), (refused.Status, refused["error"]));
        Assert.Equal(HttpStatusCode.OK, (await RedeemAsync(client, code, verifier)).Status);
    }

    [Fact]
    public async Task A_missing_verifier_is_refused()
    {
        var (client, code, _) = await CodeAsync();
        var refused = await agent.TokenAsync(new() { ["grant_type"] = "authorization_code", ["client_id"] = client, ["code"] = code });
        Assert.Equal("invalid_grant", refused["error"]);
        Assert.Contains("code_verifier", refused["error_description"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_code_used_twice_ends_the_session_it_made()
    {
        var (client, code, verifier) = await CodeAsync();
        var tokens = await RedeemAsync(client, code, verifier);
        Assert.Equal(HttpStatusCode.OK, tokens.Status);
        Assert.Equal("invalid_grant", (await RedeemAsync(client, code, verifier))["error"]);
        Assert.Equal("invalid_grant", (await RefreshAsync(client, tokens["refresh_token"]!))["error"]);
    }

    [Fact]
    public async Task Of_many_redemptions_at_once_at_most_one_succeeds()
    {
        var (client, code, verifier) = await CodeAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => RedeemAsync(client, code, verifier)));
        Assert.InRange(answers.Count(answer => answer.Status == HttpStatusCode.OK), 0, 1);
        Assert.All(answers.Where(answer => answer.Status != HttpStatusCode.OK), answer => Assert.Equal("invalid_grant", answer["error"]));
    }

    [Fact]
    public async Task Another_client_cannot_redeem_the_code()
    {
        var (_, code, verifier) = await CodeAsync();
        var other = await Clients.RegisterAsync(kontext, "Other agent");
        Assert.Equal("invalid_grant", (await RedeemAsync(other, code, verifier))["error"]);
    }

    [Fact]
    public async Task Sixty_four_refreshes_at_once_get_one_successor()
    {
        var (client, tokens) = await TokensAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => RefreshAsync(client, tokens["refresh_token"]!)));
        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.Status));
        Assert.Single(answers.Select(answer => answer["refresh_token"]).Distinct());
        Assert.NotEqual(tokens["refresh_token"], answers[0]["refresh_token"]);
    }

    [Fact]
    public async Task A_refresh_token_of_two_generations_ago_ends_the_session()
    {
        var (client, first) = await TokensAsync();
        var second = await RefreshAsync(client, first["refresh_token"]!);
        var third = await RefreshAsync(client, second["refresh_token"]!);
        Assert.Equal("invalid_grant", (await RefreshAsync(client, first["refresh_token"]!))["error"]);
        Assert.Equal("invalid_grant", (await RefreshAsync(client, third["refresh_token"]!))["error"]);
    }

    [Fact]
    public async Task A_refresh_narrows_scopes_but_never_widens_them()
    {
        var (client, tokens) = await TokensAsync();
        var wider = await agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = client, ["refresh_token"] = tokens["refresh_token"]!, ["scope"] = "mcp:invoke email" });
        Assert.Equal("invalid_scope", wider["error"]);
    }

    [Fact]
    public async Task A_token_narrowed_to_signing_in_cannot_be_exchanged_for_more()
    {
        var (client, tokens) = await TokensAsync("openid mcp:invoke");
        var narrowed = await agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = client, ["refresh_token"] = tokens["refresh_token"]!, ["scope"] = "openid" });
        Assert.Equal("openid", narrowed["scope"]);
        Assert.Equal("invalid_scope", (await agent.ExchangeAsync(client, narrowed["access_token"]!, "mcp-gateway"))["error"]);
        Assert.Equal("mcp:invoke", (await agent.ExchangeAsync(client, tokens["access_token"]!, "mcp-gateway"))["scope"]);
    }

    [Fact]
    public async Task Another_clients_refresh_token_is_refused()
    {
        var (_, tokens) = await TokensAsync();
        var other = await Clients.RegisterAsync(kontext, "Other agent");
        Assert.Equal("invalid_grant", (await RefreshAsync(other, tokens["refresh_token"]!))["error"]);
    }

    [Fact]
    public async Task A_service_account_gets_management_tokens_and_nothing_else()
    {
        var created = await agent.ApiAsync(HttpMethod.Post, "/service-accounts", kontext.OwnerToken, new JsonObject { ["name"] = "ci" });
        Assert.Equal(HttpStatusCode.Created, created.Status);
        var credentials = created.Json!["credentials"]!;
        var basic = $"{(string)credentials["clientId"]!}:{(string)credentials["clientSecret"]!}";
        var tokens = await agent.TokenAsync(new() { ["grant_type"] = "client_credentials", ["scope"] = "management:all", ["audience"] = agent.Api }, basic);
        Assert.Equal(HttpStatusCode.OK, tokens.Status);
        Assert.Null(tokens["refresh_token"]);
        Assert.Equal(HttpStatusCode.OK, (await agent.ApiAsync(HttpMethod.Get, "/applications", tokens["access_token"]!)).Status);

        Assert.Equal("invalid_scope", (await agent.TokenAsync(new() { ["grant_type"] = "client_credentials", ["scope"] = "mcp:invoke" }, basic))["error"]);
        var asGateway = await agent.McpAsync(tokens["access_token"]!, "tools/list");
        Assert.Equal(HttpStatusCode.Unauthorized, asGateway.Status);
        var wrong = await agent.TokenAsync(new() { ["grant_type"] = "client_credentials" }, basic + "x");
        Assert.Equal((HttpStatusCode.Unauthorized, "invalid_client"), (wrong.Status, wrong["error"]));
        Assert.Equal("Basic", wrong.Headers.WwwAuthenticate.Single().Scheme);
    }

    [Fact]
    public async Task A_public_client_may_send_Basic_with_an_empty_password()
    {
        var (client, code, verifier) = await CodeAsync();
        var answer = await agent.TokenAsync(new() { ["grant_type"] = "authorization_code", ["code"] = code, ["code_verifier"] = verifier }, client + ":");
        Assert.Equal(HttpStatusCode.OK, answer.Status);
    }

    [Fact]
    public async Task Revoking_a_refresh_token_ends_its_session()
    {
        var (client, tokens) = await TokensAsync();
        using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["token"] = tokens["refresh_token"]!, ["client_id"] = client });
        using var revoked = await kontext.Server.Http.PostAsync(new Uri("/oauth2/revoke", UriKind.Relative), form);
        Assert.Equal(HttpStatusCode.OK, revoked.StatusCode);
        Assert.Equal("invalid_grant", (await RefreshAsync(client, tokens["refresh_token"]!))["error"]);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(tokens["access_token"]!, "tools/list")).Status);
    }

    [Theory]
    [InlineData("application/json", "{}")]
    [InlineData("multipart/form-data; boundary=x", "--x\r\n")]
    [InlineData("text/plain", "grant_type=refresh_token")]
    public async Task Anything_but_a_form_is_refused(string contentType, string body)
    {
        using var content = new StringContent(body);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        using var answer = await kontext.Server.Http.PostAsync(new Uri("/oauth2/token", UriKind.Relative), content);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal("invalid_request", (string?)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["error"]);
    }

    [Theory]
    [InlineData("grant_type=authorization_code&code=x&code=y&client_id=", "invalid_request")]
    [InlineData("grant_type=password&username=a&password=b&client_id=", "unsupported_grant_type")]
    [InlineData("client_id=", "invalid_request")]
    [InlineData("grant_type=refresh_token&refresh_token=krt1.x.y.z.1.abc&client_id=", "invalid_grant")]
    [InlineData("grant_type=authorization_code&code=nonsense&client_id=", "invalid_grant")]
    [InlineData("grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=x&subject_token_type=urn:ietf:params:oauth:token-type:saml2&resource=github&client_id=", "invalid_request")]
    [InlineData("grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=x&subject_token_type=urn:ietf:params:oauth:token-type:access_token&resource=github&client_id=", "invalid_grant")]
    [InlineData("grant_type=client_credentials&client_id=", "unauthorized_client")]
    public async Task A_bad_request_gets_the_error_the_specification_asks_for(string body, string error)
    {
        var client = await Clients.RegisterAsync(kontext, "Test agent");
        using var content = new StringContent(body + client, Encoding.UTF8, "application/x-www-form-urlencoded");
        using var answer = await kontext.Server.Http.PostAsync(new Uri("/oauth2/token", UriKind.Relative), content);
        Assert.Equal(error, (string?)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["error"]);
        Assert.Equal("no-store", answer.Headers.CacheControl?.ToString());
    }

    [Fact]
    public async Task A_token_for_the_gateway_does_not_manage_and_an_ID_token_does_nothing()
    {
        var (_, tokens) = await TokensAsync("openid mcp:invoke");
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.ApiAsync(HttpMethod.Get, "/applications", tokens["access_token"]!)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(tokens["id_token"]!, "tools/list")).Status);
    }

    [Fact]
    public async Task The_key_set_has_no_private_members()
    {
        var keys = await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Get, "/.well-known/jwks.json", null);
        foreach (var key in keys.Json!["keys"]!.AsArray())
        {
            Assert.Equal("EC", (string?)key!["kty"]);
            Assert.Null(key["d"]);
        }
    }

    private async Task<(string Client, string Code, string Verifier)> CodeAsync(string? scope = null)
    {
        var client = await Clients.RegisterAsync(kontext, "Test agent");
        var (url, verifier) = agent.AuthorizeUrl(client, agent.Gateway, scope);
        using var browser = new FormBrowser();
        var returned = await TestAgent.DecideAsync(browser, url, "alice");
        return (client, returned["code"], verifier);
    }

    private async Task<(string Client, JsonAnswer Tokens)> TokensAsync(string? scope = null)
    {
        var (client, code, verifier) = await CodeAsync(scope);
        return (client, await RedeemAsync(client, code, verifier));
    }

    private Task<JsonAnswer> RedeemAsync(string client, string code, string verifier) => agent.TokenAsync(new()
    {
        ["grant_type"] = "authorization_code",
        ["client_id"] = client,
        ["code"] = code,
        ["redirect_uri"] = TestAgent.RedirectUri,
        ["code_verifier"] = verifier,
    });

    private Task<JsonAnswer> RefreshAsync(string client, string token) =>
        agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = client, ["refresh_token"] = token });
}
