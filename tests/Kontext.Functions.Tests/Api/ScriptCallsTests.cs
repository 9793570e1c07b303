using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Mcp;
using Kontext.Functions.Tests.Partner;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>The calls that the public client scripts make, in their order and with what they read (contract 6.2, 6.3). Each reads JSON from every success but 204.</summary>
[Collection(Partners.Name)]
public sealed class ScriptCallsTests(PartnerFixture world)
{
    private readonly TestAgent agent = world.Agent;

    [Fact]
    public async Task Configure_byoa_then_require_credential()
    {
        await using var server = await McpServerDouble.StartAsync(modern: true);
        var (clientId, secret) = await ServiceAccountAsync();
        var application = await world.ApplicationAsync(new JsonObject { ["enabled"] = false });

        // configure-byoa.mjs: a management token.
        var token = await agent.TokenAsync(new() { ["grant_type"] = "client_credentials", ["scope"] = "management:all", ["audience"] = agent.Api }, $"{clientId}:{secret}");
        Assert.Equal((HttpStatusCode.OK, "Bearer"), (token.Status, token["token_type"]));
        Assert.True((int)token.Json!["expires_in"]! > 0);
        var management = token["access_token"]!;

        // The application, by its id and by its name in the pages of the list.
        var read = await agent.ApiAsync(HttpMethod.Get, $"/applications/app_{application.Id}", management);
        Assert.Equal(application.Id, (string?)read.Json!["application"]!["id"]);
        Assert.Equal(application.Id, await FindAsync(management, "/applications?all=true&limit=2", item => (string?)item["name"] == (string?)read.Json["application"]!["name"]));
        var oauth = (await agent.ApiAsync(HttpMethod.Get, $"/applications/{application.Id}/oauth", management)).Json!["oauth"]!;
        Assert.Equal(("confidential", application.ClientId, agent.Gateway), ((string?)oauth["type"], (string?)oauth["clientId"], (string?)oauth["gatewayUrl"]));

        // externalAuth, with a key of 32 random bytes in hex.
        var partnerKey = Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32));
        var patched = await agent.ApiAsync(HttpMethod.Patch, $"/applications/{application.Id}", management, new JsonObject
        {
            ["externalAuth"] = new JsonObject
            {
                ["enabled"] = true,
                ["issuer"] = world.Partner.Issuer,
                ["jwksUrl"] = world.Partner.JwksUrl,
                ["audience"] = "https://kontext.example",
                ["allowedAlgorithms"] = new JsonArray("RS256"),
                ["requiredClaims"] = new JsonObject(),
                ["allowedReturnUrls"] = new JsonArray("https://app.partner.example/after"),
                ["maxTokenAgeSeconds"] = 600,
                ["partnerApiKey"] = partnerKey,
            },
        });
        Assert.Equal(HttpStatusCode.OK, patched.Status);

        // An integration: looked for, made, changed, validated, attached.
        var name = ApiCalls.Unique("byoa");
        Assert.Null(await FindAsync(management, "/integrations?all=true&limit=2", item => (string?)item["name"] == name));
        Assert.Empty((await agent.ApiAsync(HttpMethod.Get, $"/applications/{application.Id}/integrations", management)).Json!["integrationIds"]!.AsArray());
        var created = await agent.ApiAsync(HttpMethod.Post, "/integrations", management, new JsonObject { ["name"] = name, ["url"] = server.Url.OriginalString, ["authMode"] = "user_token" });
        var integration = (string)created.Json!["integration"]!["id"]!;
        var changed = await agent.ApiAsync(HttpMethod.Patch, $"/integrations/{integration}", management, new JsonObject { ["tokenLabel"] = "Personal access token" });
        Assert.Equal((HttpStatusCode.OK, integration), (changed.Status, (string?)changed.Json!["integration"]!["id"]));
        Assert.Equal("user_token", (string?)(await agent.ApiAsync(HttpMethod.Get, $"/integrations/{integration}", management)).Json!["integration"]!["authMode"]);
        var validation = await agent.ApiAsync(HttpMethod.Post, $"/integrations/{integration}/validate", management);
        Assert.Equal((HttpStatusCode.OK, "valid"), (validation.Status, validation["status"]));
        var attached = await agent.ApiAsync(HttpMethod.Post, $"/applications/{application.Id}/integrations/{integration}", management);
        Assert.True(attached.Status == HttpStatusCode.NoContent || attached.Json is not null);

        // Read back: everything but the key, of which only that it is there.
        var external = (await agent.ApiAsync(HttpMethod.Get, $"/applications/{application.Id}", management)).Json!["application"]!["externalAuth"]!;
        Assert.True((bool)external["enabled"]! && (bool)external["partnerApiKeyConfigured"]!);
        Assert.Equal(world.Partner.Issuer, (string?)external["issuer"]);
        Assert.Equal(600, (int)external["maxTokenAgeSeconds"]!);
        Assert.DoesNotContain(partnerKey, external.ToJsonString(), StringComparison.Ordinal);

        // require-credential.mjs: first nobody has connected, then somebody has.
        var missing = await RequireAsync(application, "platform-user-1", name);
        Assert.Equal((HttpStatusCode.BadRequest, "integration_required", integration, name), (missing.Status, missing["error"], missing["integration_id"], missing["integration_name"]));
        var session = await world.ConnectAsync(application.Id, partnerKey, world.Partner.Key.Sign(world.Claims("platform-user-1"), "RS256"), "https://app.partner.example/after");
        using var browser = new FormBrowser();
        await PartnerFixture.SaveTokenAsync(browser, session["connectUrl"]!, "upstream-secret-1");
        var credential = await RequireAsync(application, "platform-user-1", name);
        Assert.Equal((HttpStatusCode.OK, "Bearer", "upstream-secret-1"), (credential.Status, credential["token_type"], credential["access_token"]));
        Assert.Null(credential.Json!["expires_in"]);
        Assert.Equal("integration_required", (await RequireAsync(application, "platform-user-2", name))["error"]);
    }

    [Fact]
    public async Task Require_credential_tells_a_shared_token_that_is_missing_from_a_user_who_is()
    {
        var (shared, name) = await world.IntegrationAsync("server_token", new JsonObject { ["serverToken"] = "shared-secret" });
        var application = await world.ApplicationAsync(null, shared);
        Assert.Equal("integration_required", (await RequireAsync(application, "platform-user-1", name))["error"]);
        await world.ConnectAsync(application, "platform-user-1");
        var credential = await RequireAsync(application, "platform-user-1", name);
        Assert.Equal((HttpStatusCode.OK, "shared-secret"), (credential.Status, credential["access_token"]));
        Assert.Null(credential.Json!["expires_in"]);
    }

    private Task<JsonAnswer> RequireAsync(PartnerApplication application, string user, string integration) => world.ExchangeAsync(application, user, integration);

    private async Task<(string ClientId, string Secret)> ServiceAccountAsync()
    {
        var created = await world.OwnerAsync(HttpMethod.Post, "/service-accounts", new JsonObject { ["name"] = ApiCalls.Unique("byoa") });
        return ((string)created.Json!["credentials"]!["clientId"]!, (string)created.Json["credentials"]!["clientSecret"]!);
    }

    /// <summary>Walks the pages of a list as the scripts do; null when nothing matches.</summary>
    private async Task<string?> FindAsync(string token, string path, Func<JsonNode, bool> matches)
    {
        var cursor = "";
        do
        {
            var page = await agent.ApiAsync(HttpMethod.Get, path + cursor, token);
            Assert.Equal(HttpStatusCode.OK, page.Status);
            if (page.Json!["items"]!.AsArray().FirstOrDefault(item => matches(item!)) is { } found)
                return (string)found["id"]!;
            cursor = page["nextCursor"] is { } next ? $"&cursor={Uri.EscapeDataString(next)}" : "";
        }
        while (cursor.Length > 0);
        return null;
    }
}
