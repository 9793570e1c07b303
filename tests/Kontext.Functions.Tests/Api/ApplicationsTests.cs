using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>Applications through the management API: their life, their OAuth settings, what is attached to them.</summary>
public sealed class ApplicationsTests(KontextFixture kontext)
{
    private readonly TestAgent agent = kontext.Agent;

    [Fact]
    public async Task A_secret_is_shown_when_it_is_made_and_never_again()
    {
        var (id, created) = await kontext.ApplicationAsync("confidential");
        var secret = (string?)created.Json!["oauth"]!["clientSecret"];
        Assert.Equal(43, secret!.Length);
        Assert.True(created.Headers.CacheControl!.NoStore);
        Assert.DoesNotContain(secret, (await OwnerAsync(HttpMethod.Get, $"/applications/{id}/oauth")).Json!.ToJsonString(), StringComparison.Ordinal);
        var rotated = await OwnerAsync(HttpMethod.Post, $"/applications/{id}/rotate-secret");
        Assert.NotEqual(secret, rotated["clientSecret"]);
        Assert.Equal("invalid_client", (await agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["refresh_token"] = "x" }, $"app_{id}:{secret}"))["error"]);
        Assert.Equal("invalid_grant", (await agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["refresh_token"] = "x" }, $"app_{id}:{rotated["clientSecret"]}"))["error"]);
    }

    [Fact]
    public async Task A_name_is_given_once()
    {
        var (_, first) = await kontext.ApplicationAsync();
        var (second, _) = await kontext.ApplicationAsync();
        var taken = new JsonObject { ["name"] = (string?)first.Json!["application"]!["name"] };
        Assert.Equal(HttpStatusCode.Conflict, (await OwnerAsync(HttpMethod.Post, "/applications", taken)).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await OwnerAsync(HttpMethod.Patch, $"/applications/{second}", taken)).Status);
    }

    [Theory]
    [InlineData("""{"name":""}""", "name")]
    [InlineData("""{"name":"a\u202eb"}""", "name")]
    [InlineData("""{"name":"a\u0000b"}""", "name")]
    [InlineData("""{"name":"a","unknown":1}""", "unknown")]
    [InlineData("""{"name":"a","oauth":{"redirectUris":["http://evil.example/"]}}""", "redirectUris")]
    [InlineData("""{"name":"a","oauth":{"redirectUris":["javascript:alert(1)"]}}""", "redirectUris")]
    [InlineData("""{"name":"a","oauth":{"scopes":[null]}}""", "scopes")]
    [InlineData("""{"name":"a","oauth":{"scopes":["root"]}}""", "scopes")]
    [InlineData("""{"name":"a","oauth":{"type":"public","pkceRequired":false}}""", "pkceRequired")]
    [InlineData("""{"name":"a","oauth":{"allowedResources":["https://elsewhere.example"]}}""", "allowedResources")]
    public async Task A_bad_field_is_named(string body, string field)
    {
        var answer = await OwnerAsync(HttpMethod.Post, "/applications", JsonNode.Parse(body));
        Assert.Equal((HttpStatusCode.BadRequest, "kontext_validation_error"), (answer.Status, answer["code"]));
        Assert.NotNull(answer.Json!["validationErrors"]![field]);
    }

    [Fact]
    public async Task More_than_can_be_stored_is_too_large()
    {
        var answer = await OwnerAsync(HttpMethod.Post, "/integrations", new JsonObject
        {
            ["name"] = ApiCalls.Unique("large"), ["url"] = "https://mcp.example.com/mcp", ["credentialSchema"] = new JsonObject { ["key"] = new string('x', 900_000) },
        });
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "kontext_validation_error"), (answer.Status, answer["code"]));
    }

    [Fact]
    public async Task A_member_cannot_attach_integrations_and_so_not_obtain_the_organizations_shared_tokens()
    {
        var member = await agent.ManagementTokenAsync("mia");
        var (own, created) = await kontext.ApplicationAsync("confidential", member);
        var shared = await kontext.IntegrationAsync("server_token", new JsonObject { ["serverToken"] = "shared-secret" });
        Assert.Equal(HttpStatusCode.Forbidden, (await agent.ApiAsync(HttpMethod.Post, $"/applications/{own}/integrations/{shared}", member)).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await agent.ApiAsync(HttpMethod.Put, $"/applications/{own}/integrations", member, new JsonObject { ["integrationIds"] = new JsonArray(shared) })).Status);

        var name = (string)(await agent.ApiAsync(HttpMethod.Get, $"/integrations/{shared}", kontext.OwnerToken)).Json!["integration"]!["name"]!;
        var oauth = created.Json!["oauth"]!;
        var exchanged = await agent.TokenAsync(new()
        {
            ["grant_type"] = "urn:ietf:params:oauth:grant-type:token-exchange",
            ["client_id"] = (string)oauth["clientId"]!,
            ["client_secret"] = (string)oauth["clientSecret"]!,
            ["subject_token_type"] = "urn:kontext:confidential-client",
            ["resource"] = name,
        });
        Assert.Equal("invalid_target", exchanged["error"]);
    }

    [Fact]
    public async Task A_member_has_applications_of_their_own_and_does_not_see_others()
    {
        var member = await agent.ManagementTokenAsync("mia");
        var (foreign, _) = await kontext.ApplicationAsync();
        var (own, _) = await kontext.ApplicationAsync(token: member);
        Assert.Equal(HttpStatusCode.OK, (await agent.ApiAsync(HttpMethod.Get, $"/applications/{own}", member)).Status);
        foreach (var (method, path) in new[] { (HttpMethod.Get, ""), (HttpMethod.Delete, ""), (HttpMethod.Post, "/rotate-secret"), (HttpMethod.Get, "/oauth"), (HttpMethod.Get, "/integrations"), (HttpMethod.Get, "/sessions"), (HttpMethod.Delete, "/sessions") })
            Assert.Equal(HttpStatusCode.NotFound, (await agent.ApiAsync(method, $"/applications/{foreign}{path}", member)).Status);
        var listed = (await agent.ApiAsync(HttpMethod.Get, "/applications", member)).Json!["items"]!.AsArray();
        Assert.DoesNotContain(listed, item => (string?)item!["id"] == foreign);
    }

    [Fact]
    public async Task Integrations_are_attached_replaced_and_detached()
    {
        var (id, _) = await kontext.ApplicationAsync();
        var (first, second) = (await kontext.IntegrationAsync("none"), await kontext.IntegrationAsync("none"));
        Assert.Equal([first], Attached(await OwnerAsync(HttpMethod.Post, $"/applications/{id}/integrations/{first}")));
        Assert.Equal([second], Attached(await OwnerAsync(HttpMethod.Put, $"/applications/{id}/integrations", new JsonObject { ["integrationIds"] = new JsonArray(second, second) })));
        Assert.Equal(HttpStatusCode.NoContent, (await OwnerAsync(HttpMethod.Delete, $"/applications/{id}/integrations/{second}")).Status);
        Assert.Empty(Attached(await OwnerAsync(HttpMethod.Get, $"/applications/{id}/integrations")));
        var unknown = Guid.CreateVersion7().ToString();
        Assert.Equal(HttpStatusCode.NotFound, (await OwnerAsync(HttpMethod.Post, $"/applications/{id}/integrations/{unknown}")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await OwnerAsync(HttpMethod.Put, $"/applications/{id}/integrations", new JsonObject { ["integrationIds"] = new JsonArray(unknown) })).Status);
    }

    [Theory]
    [InlineData("jwksUrl", "\"ftp://127.0.0.1/keys\"")]
    [InlineData("allowedReturnUrls", "[\"javascript:alert(1)\"]")]
    [InlineData("allowedReturnUrls", "[null]")]
    [InlineData("requiredClaims", "{\"tenant\":null}")]
    [InlineData("allowedAlgorithms", "[\"none\"]")]
    [InlineData("partnerApiKey", "\"short\"")]
    public async Task Trust_in_a_partner_is_checked_field_by_field(string field, string value)
    {
        var (id, _) = await kontext.ApplicationAsync("confidential");
        var trust = new JsonObject { ["issuer"] = "https://partner.example", ["jwksUrl"] = "https://partner.example/keys", ["audience"] = "kontext" };
        Assert.Equal(HttpStatusCode.OK, (await OwnerAsync(HttpMethod.Patch, $"/applications/{id}", new JsonObject { ["externalAuth"] = trust.DeepClone() })).Status);
        trust[field] = JsonNode.Parse(value);
        var answer = await OwnerAsync(HttpMethod.Patch, $"/applications/{id}", new JsonObject { ["externalAuth"] = trust });
        Assert.NotNull(answer.Json!["validationErrors"]!["externalAuth." + field]);
    }

    private static IReadOnlyList<string> Attached(JsonAnswer answer) =>
        [.. answer.Json!["integrationIds"]!.AsArray().Select(id => (string)id!)];

    private Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, JsonNode? body = null) => agent.ApiAsync(method, path, kontext.OwnerToken, body);
}
