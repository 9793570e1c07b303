using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>Integrations as providers (contract 2.8), with the calls of bootstrap-token-mode.mjs (contract 6.5).</summary>
public sealed class ConfiguredProvidersTests : IAsyncLifetime
{
    private readonly KontextFixture kontext = new();

    private TestAgent Agent => kontext.Agent;

    public ValueTask InitializeAsync() => kontext.InitializeAsync();

    public ValueTask DisposeAsync() => kontext.DisposeAsync();

    [Fact]
    public async Task Bootstrap_token_mode_can_be_run_once_and_again()
    {
        var (application, _) = await kontext.ApplicationAsync();
        for (var run = 0; run < 2; run++)
        {
            // The OAuth settings, changed where they differ; the order of arrays counts.
            var wanted = new JsonObject
            {
                ["pkceRequired"] = true, ["scopes"] = new JsonArray("openid", "email", "mcp:invoke"), ["redirectUris"] = new JsonArray("http://localhost:3333/callback", "http://127.0.0.1:3334/callback"),
            };
            var oauth = (await CallAsync(HttpMethod.Get, $"/applications/{application}/oauth")).Json!["oauth"]!;
            Assert.Equal("public", (string?)oauth["type"]);
            var differs = wanted.Any(field => field.Value!.ToJsonString() != oauth[field.Key]!.ToJsonString());
            Assert.Equal(run == 0, differs);
            if (differs)
                Assert.Equal(HttpStatusCode.OK, (await CallAsync(HttpMethod.Patch, $"/applications/{application}/oauth", wanted)).Status);

            // Two presets and a custom provider, looked for in the pages of the list, made where they are missing, changed where they differ.
            var ids = new List<string>();
            foreach (var preset in new[] { "github", "google-workspace" })
            {
                var found = await FindAsync(provider => (string?)provider["presetKey"] == preset);
                found ??= (await CallAsync(HttpMethod.Post, "/providers", new JsonObject { ["type"] = "preset", ["presetKey"] = preset, ["scopes"] = new JsonArray() })).Json!["provider"]!;
                Assert.Equal((preset, "preset", "user_oauth"), ((string?)found["handle"], (string?)found["type"], (string?)found["authMethod"]));
                ids.Add((string)found["id"]!);
            }
            var custom = await FindAsync(provider => (string?)provider["displayName"] == "acme-crm");
            Assert.Equal(run == 0, custom is null);
            custom ??= (await CallAsync(HttpMethod.Post, "/providers", new JsonObject
            {
                ["type"] = "custom", ["displayName"] = "acme-crm", ["authMethod"] = "user_oauth",
                ["oauth"] = new JsonObject { ["issuer"] = "https://login.acme.example", ["scopes"] = new JsonArray("crm.read"), ["clientId"] = "acme", ["clientSecret"] = "acme-secret" },
            })).Json!["provider"]!;
            Assert.Equal(("custom", "https://login.acme.example", true), ((string?)custom["kind"], (string?)custom["oauthIssuer"], (bool)custom["clientSecretConfigured"]!));
            var changed = await CallAsync(HttpMethod.Patch, $"/providers/prov_{custom["id"]}", new JsonObject { ["scopes"] = new JsonArray("crm.read", "crm.write") });
            Assert.Equal(["crm.read", "crm.write"], changed.Json!["provider"]!["oauthScopes"]!.AsArray().Select(scope => (string?)scope));
            ids.Add((string)custom["id"]!);

            // Attached in token mode, if nobody else changed that meanwhile.
            var attached = (await CallAsync(HttpMethod.Get, $"/applications/{application}/providers")).Json!;
            var body = new JsonObject
            {
                ["expectedRevision"] = (int)attached["revision"]!,
                ["items"] = new JsonArray([.. ids.Select(id => new JsonObject { ["providerId"] = id, ["mcpEnabled"] = false })]),
            };
            var put = await CallAsync(HttpMethod.Put, $"/applications/{application}/providers", body);
            Assert.Equal((int)attached["revision"]! + 1, (int)put.Json!["revision"]!);
            Assert.Equal(body["items"]!.ToJsonString(), (await CallAsync(HttpMethod.Get, $"/applications/{application}/providers")).Json!["items"]!.ToJsonString());
            var stale = await CallAsync(HttpMethod.Put, $"/applications/{application}/providers", body);
            Assert.Equal((HttpStatusCode.Conflict, (int)put.Json["revision"]!), (stale.Status, (int)stale.Json!["currentRevision"]!));
            Assert.Equal(ids, (await CallAsync(HttpMethod.Get, $"/applications/{application}/integrations")).Json!["integrationIds"]!.AsArray().Select(id => (string)id!));
        }
    }

    [Fact]
    public async Task A_provider_is_an_integration_and_the_other_way_round()
    {
        var key = (await CallAsync(HttpMethod.Post, "/providers", new JsonObject { ["type"] = "custom", ["displayName"] = "weather", ["authMethod"] = "org_key", ["key"] = "shared" })).Json!["provider"]!;
        var integration = (await CallAsync(HttpMethod.Get, $"/integrations/{key["id"]}")).Json!["integration"]!;
        Assert.Equal(("weather", "server_token", true, "internal_mcp_credentials"), ((string?)integration["name"], (string?)integration["authMode"], (bool)integration["serverTokenConfigured"]!, (string?)integration["category"]));
        var made = await kontext.IntegrationAsync("user_token");
        Assert.Equal("user_key", (string?)(await CallAsync(HttpMethod.Get, $"/providers/{made}")).Json!["provider"]!["authMethod"]);
        Assert.Equal(HttpStatusCode.Conflict, (await CallAsync(HttpMethod.Post, "/providers", new JsonObject { ["type"] = "custom", ["displayName"] = "Weather", ["authMethod"] = "user_key" })).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await CallAsync(HttpMethod.Get, $"/providers/{Guid.NewGuid()}")).Status);
    }

    [Fact]
    public async Task What_is_attached_for_credentials_alone_is_not_offered_by_the_gateway()
    {
        var integration = await kontext.IntegrationAsync("none", new JsonObject { ["name"] = "tokenmode" });
        var (application, _) = await kontext.ApplicationAsync();
        using var browser = new FormBrowser();
        var token = (await Agent.AuthorizeAsync(browser, "app_" + application, "sam", Agent.Gateway))["access_token"]!;
        await AttachAsync(application, integration, mcp: true);
        Assert.Equal(HttpStatusCode.OK, (await Agent.McpAsync(token, "ping", path: "/mcp/tokenmode")).Status);
        await AttachAsync(application, integration, mcp: false);
        Assert.Equal(HttpStatusCode.NotFound, (await Agent.McpAsync(token, "ping", path: "/mcp/tokenmode")).Status);
    }

    [Theory]
    [InlineData("""{"type":"preset","presetKey":"nonesuch"}""")]
    [InlineData("""{"type":"preset"}""")]
    [InlineData("""{"type":"preset","presetKey":"github","displayName":"x"}""")]
    [InlineData("""{"type":"custom","displayName":"x","authMethod":"magic"}""")]
    [InlineData("""{"type":"custom","displayName":"x","authMethod":"org_key"}""")]
    [InlineData("""{"type":"custom","displayName":"x","authMethod":"user_key","key":"k"}""")]
    [InlineData("""{"type":"custom","displayName":"x","authMethod":"user_oauth"}""")]
    [InlineData("""{"type":"other"}""")]
    [InlineData("""{"type":"preset","presetKey":"github","extra":1}""")]
    public async Task What_makes_no_provider_is_refused(string body) =>
        Assert.Equal("kontext_validation_error", (await CallAsync(HttpMethod.Post, "/providers", JsonNode.Parse(body)))["code"]);

    [Fact]
    public async Task An_integration_that_is_attached_anew_is_offered_at_the_gateway_again()
    {
        foreach (var replace in new[] { false, true })
        {
            var (application, _) = await kontext.ApplicationAsync();
            var service = await kontext.IntegrationAsync("server_token", new JsonObject { ["serverToken"] = "shared" });
            await AttachAsync(application, service, mcp: false);
            if (replace)
                await CallAsync(HttpMethod.Put, $"/applications/{application}/integrations", new JsonObject { ["integrationIds"] = new JsonArray() });
            else
                await CallAsync(HttpMethod.Delete, $"/applications/{application}/integrations/{service}");
            await CallAsync(HttpMethod.Post, $"/applications/{application}/integrations/{service}");
            Assert.True((bool)Assert.Single((await CallAsync(HttpMethod.Get, $"/applications/{application}/providers")).Json!["items"]!.AsArray())!["mcpEnabled"]!);
        }
    }

    private async Task AttachAsync(string application, string integration, bool mcp)
    {
        var revision = (int)(await CallAsync(HttpMethod.Get, $"/applications/{application}/providers")).Json!["revision"]!;
        var put = await CallAsync(HttpMethod.Put, $"/applications/{application}/providers", new JsonObject
        {
            ["expectedRevision"] = revision, ["items"] = new JsonArray(new JsonObject { ["providerId"] = integration, ["mcpEnabled"] = mcp }),
        });
        Assert.Equal(HttpStatusCode.OK, put.Status);
    }

    private async Task<JsonNode?> FindAsync(Func<JsonNode, bool> matches)
    {
        string? cursor = null;
        do
        {
            var page = (await CallAsync(HttpMethod.Get, "/providers?limit=2" + (cursor is null ? "" : "&cursor=" + cursor))).Json!;
            if (page["items"]!.AsArray().FirstOrDefault(item => matches(item!)) is { } found)
                return found;
            cursor = (string?)page["nextCursor"];
        }
        while (cursor is not null);
        return null;
    }

    private Task<JsonAnswer> CallAsync(HttpMethod method, string path, JsonNode? body = null) => Agent.ApiAsync(method, path, kontext.OwnerToken, body);
}
