using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>The provider catalog through the management API.</summary>
public sealed class ProvidersTests(KontextFixture kontext)
{
    private readonly TestAgent agent = kontext.Agent;

    [Fact]
    public async Task The_catalog_is_listed_whole_and_searched_by_words()
    {
        Assert.InRange((await KeysAsync("")).Count, 70, 1000);
        Assert.Equal(["github"], await KeysAsync("?q=GITHUB"));
        Assert.Contains("google-gmail", await KeysAsync("?q=mail%20google"));
        Assert.Contains("google", await KeysAsync("?q=google-workspace"));
        Assert.Empty(await KeysAsync("?q=nonesuch"));
        Assert.Equal(HttpStatusCode.BadRequest, (await ReadAsync("?q=" + new string('x', 201))).Status);
    }

    [Fact]
    public async Task An_entry_says_what_an_integration_has_to_tell()
    {
        var shopify = (await ReadAsync("/shopify")).Json!["provider"]!;
        Assert.Equal("Shopify", (string?)shopify["name"]);
        Assert.Equal("https://{shop}.myshopify.com/admin/oauth/authorize", (string?)shopify["authorizationEndpoint"]);
        var parameter = Assert.Single(shopify["parameters"]!.AsArray())!;
        Assert.Equal("shop", (string?)parameter["name"]);
        Assert.True((bool)parameter["required"]!);
        Assert.Equal("rotated", (string?)shopify["tokens"]!["refresh"]);
        Assert.False((bool)shopify["platformAppConfigured"]!);
        Assert.Equal("google-gmail", (string?)(await ReadAsync("/gmail")).Json!["provider"]!["key"]);
        Assert.Equal(HttpStatusCode.NotFound, (await ReadAsync("/nonesuch")).Status);
    }

    [Fact]
    public async Task Scopes_are_searched_by_name_and_explanation()
    {
        var all = (await ReadAsync("/github/scopes")).Json!["items"]!.AsArray();
        Assert.InRange(all.Count, 15, 100);
        Assert.True((bool)all.Single(scope => (string?)scope!["name"] == "repo")!["default"]!);
        var found = (await ReadAsync("/github/scopes?q=packages")).Json!["items"]!.AsArray();
        Assert.Equal(["read:packages", "write:packages"], found.Select(scope => (string?)scope!["name"]).Order());
        Assert.All(found, scope => Assert.NotEmpty((string?)scope!["explanation"] ?? ""));
        Assert.Single((await ReadAsync("/github/scopes?q=publish%20PACKAGES")).Json!["items"]!.AsArray());
        Assert.Equal(HttpStatusCode.NotFound, (await ReadAsync("/nonesuch/scopes")).Status);
    }

    [Fact]
    public async Task Clients_that_look_for_configured_providers_are_not_misled()
    {
        foreach (var item in (await ReadAsync("")).Json!["items"]!.AsArray())
            Assert.Empty(item!.AsObject().Select(member => member.Key).Intersect(["id", "handle", "presetKey", "authMethod", "oauthProvider"]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/github")]
    [InlineData("/github/scopes")]
    public async Task Administrators_and_service_accounts_read_it_and_nobody_else(string path)
    {
        var member = await agent.ManagementTokenAsync("nora");
        Assert.Equal(HttpStatusCode.Forbidden, (await agent.ApiAsync(HttpMethod.Get, "/provider-catalog" + path, member)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.ApiAsync(HttpMethod.Get, "/provider-catalog" + path, "nonsense")).Status);

        var credentials = (await agent.ApiAsync(HttpMethod.Post, "/service-accounts", kontext.OwnerToken, new JsonObject { ["name"] = ApiCalls.Unique("robot") })).Json!["credentials"]!;
        var token = await agent.TokenAsync(new()
        {
            ["grant_type"] = "client_credentials", ["client_id"] = (string)credentials["clientId"]!, ["client_secret"] = (string)credentials["clientSecret"]!, ["scope"] = "management:all",
        });
        Assert.Equal(HttpStatusCode.OK, (await agent.ApiAsync(HttpMethod.Get, "/provider-catalog" + path, token["access_token"]!)).Status);
    }

    private async Task<IReadOnlyList<string?>> KeysAsync(string query) => [.. (await ReadAsync(query)).Json!["items"]!.AsArray().Select(item => (string?)item!["key"])];

    private Task<JsonAnswer> ReadAsync(string path) => agent.ApiAsync(HttpMethod.Get, "/provider-catalog" + path, kontext.OwnerToken);
}
