using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>Token exchange (RFC 8693): what may be exchanged for what, and what is refused.</summary>
public sealed class ExchangeTests(KontextFixture kontext)
{
    private const string AccessToken = "urn:ietf:params:oauth:token-type:access_token";
    private readonly TestAgent agent = kontext.Agent;

    [Theory]
    [InlineData("resource=mcp-gateway", HttpStatusCode.OK, null)]
    [InlineData("audience=mcp-gateway", HttpStatusCode.OK, null)]
    [InlineData("resource=mcp-gateway&audience={gateway}&resource={gateway}/", HttpStatusCode.OK, null)]
    [InlineData("resource=mcp-gateway&requested_token_type=urn:ietf:params:oauth:token-type:access_token", HttpStatusCode.OK, null)]
    [InlineData("resource=mcp-gateway&requested_token_type=urn:ietf:params:oauth:token-type:jwt", HttpStatusCode.OK, null)]
    [InlineData("", HttpStatusCode.BadRequest, "invalid_request")]
    [InlineData("resource=", HttpStatusCode.BadRequest, "invalid_request")]
    [InlineData("resource=unheard-of", HttpStatusCode.BadRequest, "invalid_target")]
    [InlineData("resource=mcp-gateway&audience=unheard-of", HttpStatusCode.BadRequest, "invalid_target")]
    [InlineData("resource=mcp-gateway&resource={gateway}/{service}", HttpStatusCode.BadRequest, "invalid_target")]
    [InlineData("resource={gateway}/unheard-of", HttpStatusCode.BadRequest, "invalid_target")]
    [InlineData("resource={gateway}/{service}", HttpStatusCode.OK, null)]
    [InlineData("resource=https://elsewhere.example/mcp", HttpStatusCode.BadRequest, "invalid_target")]
    [InlineData("resource={api}", HttpStatusCode.BadRequest, "invalid_target")]
    [InlineData("audience=app_00000000-0000-7000-8000-000000000000", HttpStatusCode.BadRequest, "invalid_target")]
    [InlineData("resource=mcp-gateway&requested_token_type=urn:ietf:params:oauth:token-type:refresh_token", HttpStatusCode.BadRequest, "invalid_request")]
    [InlineData("resource=mcp-gateway&requested_token_type=urn:ietf:params:oauth:token-type:saml2", HttpStatusCode.BadRequest, "invalid_request")]
    [InlineData("resource=mcp-gateway&actor_token=x", HttpStatusCode.BadRequest, "invalid_request")]
    [InlineData("resource=mcp-gateway&actor_token_type=urn:ietf:params:oauth:token-type:access_token", HttpStatusCode.BadRequest, "invalid_request")]
    [InlineData("resource=mcp-gateway&actor_token=x&actor_token_type=urn:ietf:params:oauth:token-type:access_token", HttpStatusCode.BadRequest, "invalid_grant")]
    [InlineData("resource=mcp-gateway&actor_token=x&actor_token_type=urn:ietf:params:oauth:token-type:jwt", HttpStatusCode.BadRequest, "invalid_request")]
    [InlineData("resource=mcp-gateway&scope=management:all", HttpStatusCode.BadRequest, "invalid_scope")]
    public async Task A_target_is_one_that_is_known(string parameters, HttpStatusCode status, string? error)
    {
        var service = await kontext.IntegrationAsync("server_token", new JsonObject { ["serverToken"] = "shared" });
        var name = (string)(await agent.ApiAsync(HttpMethod.Get, $"/integrations/{service}", kontext.OwnerToken)).Json!["integration"]!["name"]!;
        var client = await ClientAsync(service);
        var token = await TokenAsync(client);
        var filled = parameters.Replace("{gateway}", Uri.EscapeDataString(agent.Gateway), StringComparison.Ordinal).Replace("{api}", Uri.EscapeDataString(agent.Api), StringComparison.Ordinal).Replace("{service}", name, StringComparison.Ordinal);
        var answer = await PostAsync($"{filled}&client_id={client}&subject_token={token}&subject_token_type={AccessToken}");
        Assert.Equal((status, error), (answer.Status, answer["error"]));
        if (error is null)
            Assert.Contains("token-type:", answer["issued_token_type"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_an_access_token_passes_for_one()
    {
        var client = await ClientAsync();
        var tokens = await TokensAsync(client, scope: "openid mcp:invoke");
        foreach (var other in new[] { tokens["refresh_token"]!, tokens["id_token"]!, "nonsense" })
            Assert.Equal("invalid_grant", (await agent.ExchangeAsync(client, other, "mcp-gateway"))["error"]);
        foreach (var type in new[] { "urn:ietf:params:oauth:token-type:refresh_token", "urn:ietf:params:oauth:token-type:id_token", "urn:ietf:params:oauth:token-type:saml1", "x" })
            Assert.Equal("invalid_request", (await PostAsync($"resource=mcp-gateway&client_id={client}&subject_token={tokens["access_token"]}&subject_token_type={type}"))["error"]);
        Assert.Equal("unauthorized_client", (await PostAsync($"resource=mcp-gateway&client_id={client}&subject_token_type=urn:kontext:confidential-client"))["error"]);
        Assert.Equal("invalid_request", (await PostAsync($"resource=mcp-gateway&client_id={client}&subject_token=x&subject_token_type=urn:kontext:confidential-client"))["error"]);
        Assert.Equal("invalid_request", (await PostAsync($"resource=mcp-gateway&client_id={client}&subject_token_type={AccessToken}"))["error"]);
    }

    [Fact]
    public async Task A_token_of_another_client_is_refused()
    {
        var (first, second) = (await ClientAsync(), await ClientAsync());
        Assert.Equal("invalid_grant", (await agent.ExchangeAsync(second, await TokenAsync(first), "mcp-gateway"))["error"]);
    }

    [Fact]
    public async Task A_token_for_one_integration_is_never_exchanged_for_more()
    {
        var (one, other) = (await kontext.IntegrationAsync("server_token", new JsonObject { ["serverToken"] = "one" }), await kontext.IntegrationAsync("server_token", new JsonObject { ["serverToken"] = "other" }));
        var client = await ClientAsync(one, other);
        var second = await ClientAsync();
        var (oneName, otherName) = (await NameAsync(one), await NameAsync(other));
        var whole = await TokenAsync(client);
        var narrow = (await agent.ExchangeAsync(client, whole, $"{agent.Gateway}/{oneName}"))["access_token"]!;
        Assert.Equal($"{agent.Gateway}/{oneName}", (string?)Jwt.Payload(narrow)["aud"]);
        Assert.Equal("one", (await agent.ExchangeAsync(client, narrow, oneName))["access_token"]);
        foreach (var target in new[] { "mcp-gateway", otherName, $"{agent.Gateway}/{otherName}", second })
            Assert.Equal("invalid_target", (await agent.ExchangeAsync(client, narrow, target))["error"]);
    }

    [Fact]
    public async Task What_comes_out_does_not_outlive_what_went_in()
    {
        var client = await ClientAsync();
        var token = await TokenAsync(client);
        var once = (await agent.ExchangeAsync(client, token, "mcp-gateway"))["access_token"]!;
        var twice = (await agent.ExchangeAsync(client, once, "mcp-gateway"))["access_token"]!;
        Assert.True((long)Jwt.Payload(twice)["exp"]! <= (long)Jwt.Payload(token)["exp"]!);
        Assert.Null(Jwt.Payload(twice)["act"]);
    }

    private async Task<string> ClientAsync(params string[] integrations)
    {
        var (id, _) = await kontext.ApplicationAsync();
        if (integrations.Length > 0)
            await agent.ApiAsync(HttpMethod.Put, $"/applications/{id}/integrations", kontext.OwnerToken, new JsonObject { ["integrationIds"] = new JsonArray([.. integrations.Select(one => (JsonNode)one)]) });
        return "app_" + id;
    }

    private async Task<JsonAnswer> TokensAsync(string client, string? scope = null)
    {
        using var browser = new FormBrowser();
        return await agent.AuthorizeAsync(browser, client, "alice", agent.Gateway, scope);
    }

    private async Task<string> TokenAsync(string client) => (await TokensAsync(client))["access_token"]!;

    private async Task<string> NameAsync(string integration) => (string)(await agent.ApiAsync(HttpMethod.Get, $"/integrations/{integration}", kontext.OwnerToken)).Json!["integration"]!["name"]!;

    private async Task<JsonAnswer> PostAsync(string parameters)
    {
        using var content = new StringContent($"grant_type=urn:ietf:params:oauth:grant-type:token-exchange&{parameters}", Encoding.UTF8, "application/x-www-form-urlencoded");
        using var answer = await kontext.Server.Http.PostAsync(new Uri("/oauth2/token", UriKind.Relative), content);
        return new JsonAnswer(answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync()), answer.Headers);
    }
}
