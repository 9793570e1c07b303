using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Mcp;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>The calls of the public scripts that set things up with a service account's token, in their order and with what they read (contract 6.4, 6.5).</summary>
public sealed class ManagingScriptCallsTests(KontextFixture kontext) : IAsyncLifetime
{
    private readonly TestAgent agent = kontext.Agent;
    private string management = "";

    public async ValueTask InitializeAsync()
    {
        var account = (await agent.ApiAsync(HttpMethod.Post, "/service-accounts", kontext.OwnerToken, new JsonObject { ["name"] = ApiCalls.Unique("script") })).Json!["credentials"]!;
        management = (await agent.TokenAsync(new() { ["grant_type"] = "client_credentials", ["scope"] = "management:all", ["audience"] = agent.Api }, $"{account["clientId"]}:{account["clientSecret"]}"))["access_token"]!;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task Manage_credential_integration()
    {
        await using var server = await McpServerDouble.StartAsync(modern: true);
        var name = ApiCalls.Unique("managed");
        var created = await DoneAsync(HttpMethod.Post, "/applications", $$"""
            {"name":"{{name}}","oauth":{"type":"confidential","redirectUris":["http://localhost:3000/callback"],"pkceRequired":true,"scopes":["mcp:invoke"],"allowedResources":["mcp-gateway"]} }
            """);
        var application = (string)created["application"]!["id"]!;
        Assert.NotEmpty((string)created["oauth"]!["clientSecret"]!);
        Assert.Equal("""["mcp-gateway"]""", created["oauth"]!["allowedResources"]!.ToJsonString());

        var integration = (string)(await DoneAsync(HttpMethod.Post, "/integrations", $$"""{"name":"{{name}}","url":"{{server.Url}}","authMode":"server_token","serverToken":"old"}"""))["integration"]!["id"]!;
        // Only what changed is sent.
        await DoneAsync(HttpMethod.Patch, $"/integrations/{integration}", """{"serverToken":"upstream-secret-1"}""");
        Assert.Equal("valid", (string?)(await DoneAsync(HttpMethod.Post, $"/integrations/{integration}/validate"))["status"]);
        var read = (await DoneAsync(HttpMethod.Get, $"/integrations/{integration}"))["integration"]!;
        Assert.Equal((true, "server_token", name), ((bool)read["serverTokenConfigured"]!, (string?)read["authMode"], (string?)read["name"]));
        await DoneAsync(HttpMethod.Post, $"/applications/{application}/integrations/{integration}");
        Assert.Equal(integration, (string?)Assert.Single((await DoneAsync(HttpMethod.Get, $"/applications/{application}/integrations"))["integrationIds"]!.AsArray()));

        await DoneAsync(HttpMethod.Patch, $"/integrations/{integration}", """{"authMode":"oauth","oauth":{"issuer":"https://idp.example.com","scopes":["b","a"]}}""");
        var changed = (await DoneAsync(HttpMethod.Get, $"/integrations/{integration}"))["integration"]!;
        Assert.Equal(("oauth", false, """["b","a"]"""), ((string?)changed["authMode"], (bool)changed["serverTokenConfigured"]!, changed["oauth"]!["scopes"]!.ToJsonString()));
    }

    [Fact]
    public async Task Bootstrap_token_mode()
    {
        var name = ApiCalls.Unique("boot");
        var application = (string)(await DoneAsync(HttpMethod.Post, "/applications", $$"""
            {"name":"{{name}}","oauth":{"type":"public","redirectUris":["http://localhost:3000/cb","http://127.0.0.1:9/cb"],"pkceRequired":true,"scopes":["mcp:invoke","openid"]} }
            """))["application"]!["id"]!;
        // The script compares arrays by their order: what was sent last is what is read.
        await DoneAsync(HttpMethod.Patch, $"/applications/{application}/oauth", """{"redirectUris":["http://127.0.0.1:9/cb","http://localhost:3000/cb"],"scopes":["openid","mcp:invoke"],"pkceRequired":true}""");
        var oauth = (await DoneAsync(HttpMethod.Get, $"/applications/{application}/oauth"))["oauth"]!;
        Assert.Equal(("""["http://127.0.0.1:9/cb","http://localhost:3000/cb"]""", """["openid","mcp:invoke"]""", true), (oauth["redirectUris"]!.ToJsonString(), oauth["scopes"]!.ToJsonString(), (bool)oauth["pkceRequired"]!));

        var custom = (await DoneAsync(HttpMethod.Post, "/providers", $$"""
            {"type":"custom","displayName":"{{name}}","authMethod":"user_oauth","oauth":{"issuer":"https://idp.example.com","scopes":["a"],"clientId":"c","clientSecret":"s"} }
            """))["provider"]!;
        Assert.Equal(("custom", "user_oauth", name, "https://idp.example.com"), ((string?)custom["type"], (string?)custom["authMethod"], (string?)custom["displayName"], (string?)custom["oauthIssuer"]));
        var provider = (string)custom["id"]!;
        await DoneAsync(HttpMethod.Patch, $"/providers/{provider}", """{"scopes":["a","b"],"clientId":"c2"}""");
        Assert.Equal("""["a","b"]""", (await DoneAsync(HttpMethod.Get, $"/providers/{provider}"))["provider"]!["oauthScopes"]!.ToJsonString());
        var personal = (string)(await DoneAsync(HttpMethod.Post, "/providers", $$"""{"type":"custom","displayName":"{{name}} key","authMethod":"user_key"}"""))["provider"]!["id"]!;

        var attached = await DoneAsync(HttpMethod.Get, $"/applications/{application}/providers");
        Assert.Empty(attached["items"]!.AsArray());
        var revision = (int)attached["revision"]!;
        var body = $$"""{"expectedRevision":{{revision}},"items":[{"providerId":"{{provider}}","mcpEnabled":false},{"providerId":"{{personal}}","mcpEnabled":false}]}""";
        Assert.True((int)(await DoneAsync(HttpMethod.Put, $"/applications/{application}/providers", body))["revision"]! > revision);
        Assert.Equal([provider, personal], (await DoneAsync(HttpMethod.Get, $"/applications/{application}/providers"))["items"]!.AsArray().Select(item => (string)item!["providerId"]!));
        Assert.Equal(HttpStatusCode.Conflict, (await agent.ApiAsync(HttpMethod.Put, $"/applications/{application}/providers", management, JsonNode.Parse(body))).Status);
    }

    /// <summary>The scripts read JSON from every success but 204.</summary>
    private async Task<JsonNode> DoneAsync(HttpMethod method, string path, string? body = null)
    {
        var answer = await agent.ApiAsync(method, path, management, body is null ? null : JsonNode.Parse(body));
        Assert.True(answer.Status is HttpStatusCode.OK or HttpStatusCode.Created && answer.Json is not null, $"{method} {path}: {(int)answer.Status} {answer.Json}");
        return answer.Json;
    }
}
