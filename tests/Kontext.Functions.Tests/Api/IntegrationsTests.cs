using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>Integrations and a person's connection to them through the management API.</summary>
public sealed class IntegrationsTests(KontextFixture kontext)
{
    private readonly TestAgent agent = kontext.Agent;

    [Fact]
    public async Task Changing_the_mode_clears_connections_for_good()
    {
        var id = await kontext.IntegrationAsync("user_token");
        Assert.Equal("connected", (await OwnerAsync(HttpMethod.Post, $"/integrations/{id}/connection", new JsonObject { ["token"] = "tok-1" }))["status"]);
        foreach (var mode in new[] { "none", "user_token" })
        {
            Assert.Equal(HttpStatusCode.OK, (await OwnerAsync(HttpMethod.Patch, $"/integrations/{id}", new JsonObject { ["authMode"] = mode })).Status);
            Assert.Equal("disconnected", (await OwnerAsync(HttpMethod.Get, $"/integrations/{id}/connection"))["status"]);
        }
    }

    [Fact]
    public async Task A_connection_is_the_callers_own()
    {
        var id = await kontext.IntegrationAsync("user_token");
        var member = await agent.ManagementTokenAsync("nora");
        Assert.Equal(HttpStatusCode.OK, (await agent.ApiAsync(HttpMethod.Post, $"/integrations/{id}/connection", member, new JsonObject { ["token"] = "tok-nora" })).Status);
        Assert.Equal("disconnected", (await OwnerAsync(HttpMethod.Get, $"/integrations/{id}/connection"))["status"]);
        Assert.Equal(HttpStatusCode.NoContent, (await agent.ApiAsync(HttpMethod.Delete, $"/integrations/{id}/connection", member)).Status);
        Assert.Equal("disconnected", (await agent.ApiAsync(HttpMethod.Get, $"/integrations/{id}/connection", member))["status"]);
    }

    [Fact]
    public async Task A_server_token_is_taken_and_never_shown()
    {
        var id = await kontext.IntegrationAsync("server_token", new JsonObject { ["serverToken"] = "very-secret-token" });
        var read = (await OwnerAsync(HttpMethod.Get, $"/integrations/{id}")).Json!;
        Assert.True((bool)read["integration"]!["serverTokenConfigured"]!);
        Assert.DoesNotContain("very-secret-token", read.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.BadRequest, (await OwnerAsync(HttpMethod.Post, $"/integrations/{id}/connection", new JsonObject { ["token"] = "x" })).Status);
    }

    [Fact]
    public async Task OAuth_settings_keep_their_secret_to_themselves()
    {
        var id = await kontext.IntegrationAsync("oauth", new JsonObject { ["oauth"] = new JsonObject { ["provider"] = "github" } });
        var set = await OwnerAsync(HttpMethod.Put, $"/integrations/{id}/oauth", new JsonObject { ["clientId"] = "our-app", ["clientSecret"] = "our-secret" });
        Assert.True((bool)set.Json!["oauth"]!["clientSecretConfigured"]!);
        Assert.DoesNotContain("our-secret", set.Json.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NoContent, (await OwnerAsync(HttpMethod.Delete, $"/integrations/{id}/oauth")).Status);
        Assert.False((bool)(await OwnerAsync(HttpMethod.Get, $"/integrations/{id}/oauth")).Json!["oauth"]!["clientSecretConfigured"]!);
    }

    [Fact]
    public async Task Parameters_of_a_provider_are_kept_shown_and_changed_as_a_whole()
    {
        var id = await kontext.IntegrationAsync("oauth", new JsonObject { ["oauth"] = new JsonObject { ["provider"] = "shopify", ["parameters"] = new JsonObject { ["shop"] = "acme" } } });
        Assert.Equal("acme", (string?)(await OAuthAsync(id))["parameters"]!["shop"]);
        await OwnerAsync(HttpMethod.Put, $"/integrations/{id}/oauth", new JsonObject { ["clientId"] = "our-app", ["clientSecret"] = "our-secret" });
        Assert.Equal("acme", (string?)(await OAuthAsync(id))["parameters"]!["shop"]);
        Assert.Equal(HttpStatusCode.OK, (await OwnerAsync(HttpMethod.Patch, $"/integrations/{id}", new JsonObject { ["oauth"] = new JsonObject { ["parameters"] = new JsonObject { ["shop"] = "other" } } })).Status);
        Assert.Equal("other", (string?)(await OAuthAsync(id))["parameters"]!["shop"]);

        var refused = await OwnerAsync(HttpMethod.Put, $"/integrations/{id}/oauth", new JsonObject { ["provider"] = "zendesk" });
        Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
        Assert.NotNull(refused.Json!["validationErrors"]!["oauth.parameters.subdomain"]);
        Assert.Equal(HttpStatusCode.OK, (await OwnerAsync(HttpMethod.Put, $"/integrations/{id}/oauth", new JsonObject { ["provider"] = "github" })).Status);
        Assert.Null((await OAuthAsync(id))["parameters"]);
    }

    [Theory]
    [InlineData("""{"authMode":"server_token"}""", "serverToken")]
    [InlineData("""{"authMode":"magic"}""", "authMode")]
    [InlineData("""{"authMode":"oauth","category":"internal_mcp_credentials"}""", "oauth")]
    [InlineData("""{"authMode":"oauth","oauth":{"tokenUrl":"https://idp.example.com/token"}}""", "oauth")]
    [InlineData("""{"authMode":"oauth","oauth":{"provider":"nobody"}}""", "oauth.provider")]
    [InlineData("""{"authMode":"oauth","oauth":{"provider":"shopify"}}""", "oauth.parameters.shop")]
    [InlineData("""{"authMode":"oauth","oauth":{"provider":"shopify","parameters":{"shop":"evil.test/"}}}""", "oauth.parameters.shop")]
    [InlineData("""{"authMode":"oauth","oauth":{"provider":"shopify","parameters":{"shop":null}}}""", "oauth.parameters.shop")]
    [InlineData("""{"authMode":"oauth","oauth":{"provider":"shopify","parameters":{"shop":"acme","host":"evil.test"}}}""", "oauth.parameters")]
    [InlineData("""{"authMode":"oauth","oauth":{"provider":"github","parameters":{"shop":"acme"}}}""", "oauth.parameters")]
    [InlineData("""{"authMode":"oauth","oauth":{"provider":"microsoft-365","parameters":{"tenant":"a/../b"}}}""", "oauth.parameters.tenant")]
    [InlineData("""{"url":"https://user@mcp.example.com/"}""", "url")]
    [InlineData("""{"url":"file:///etc/passwd"}""", "url")]
    [InlineData("""{"name":"a/b"}""", "name")]
    [InlineData("""{"name":".."}""", "name")]
    [InlineData("""{"name":"MCP-gateway"}""", "name")]
    [InlineData("""{"name":"integrations"}""", "name")]
    [InlineData("""{"name":"a\u202eb"}""", "name")]
    [InlineData("""{"credentialSchema":{"key":null}}""", "credentialSchema")]
    [InlineData("""{"capabilities":{"tools":5}}""", "capabilities")]
    public async Task A_bad_field_is_named(string fields, string field)
    {
        var body = new JsonObject { ["name"] = ApiCalls.Unique("bad"), ["url"] = "https://mcp.example.com/mcp" };
        foreach (var (name, value) in JsonNode.Parse(fields)!.AsObject())
            body[name] = value?.DeepClone();
        var answer = await OwnerAsync(HttpMethod.Post, "/integrations", body);
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.NotNull(answer.Json!["validationErrors"]![field]);
    }

    [Fact]
    public async Task A_member_reads_integrations_and_changes_none()
    {
        var id = await kontext.IntegrationAsync("none");
        var member = await agent.ManagementTokenAsync("nora");
        Assert.Equal(HttpStatusCode.OK, (await agent.ApiAsync(HttpMethod.Get, $"/integrations/{id}", member)).Status);
        foreach (var (method, path) in new[] { (HttpMethod.Patch, ""), (HttpMethod.Delete, ""), (HttpMethod.Post, "/validate"), (HttpMethod.Put, "/oauth"), (HttpMethod.Delete, "/oauth") })
            Assert.Equal("kontext_forbidden", (await agent.ApiAsync(method, $"/integrations/{id}{path}", member, new JsonObject()))["code"]);
    }

    [Fact]
    public async Task An_archived_integration_is_gone()
    {
        var id = await kontext.IntegrationAsync("none");
        Assert.Equal(HttpStatusCode.NoContent, (await OwnerAsync(HttpMethod.Delete, $"/integrations/{id}")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await OwnerAsync(HttpMethod.Get, $"/integrations/{id}")).Status);
    }

    private Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, JsonNode? body = null) => agent.ApiAsync(method, path, kontext.OwnerToken, body);

    private async Task<JsonNode> OAuthAsync(string id) => (await OwnerAsync(HttpMethod.Get, $"/integrations/{id}/oauth")).Json!["oauth"]!;
}
