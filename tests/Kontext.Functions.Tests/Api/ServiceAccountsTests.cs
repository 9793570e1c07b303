using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>Service accounts: they manage, and do nothing else.</summary>
public sealed class ServiceAccountsTests(KontextFixture kontext)
{
    private readonly TestAgent agent = kontext.Agent;

    [Fact]
    public async Task A_service_account_manages_and_has_no_connections()
    {
        var (_, clientId, secret) = await CreateAsync();
        var token = (await TokenAsync(clientId, secret))["access_token"]!;
        Assert.Equal(HttpStatusCode.OK, (await agent.ApiAsync(HttpMethod.Get, "/service-accounts", token)).Status);
        var integration = await kontext.IntegrationAsync("user_token");
        Assert.Equal("kontext_forbidden", (await agent.ApiAsync(HttpMethod.Get, $"/integrations/{integration}/connection", token))["code"]);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(token, "ping")).Status);
        Assert.Equal("invalid_scope", (await TokenAsync(clientId, secret, "mcp:invoke"))["error"]);
    }

    [Fact]
    public async Task A_rotated_secret_replaces_the_old_one_at_once()
    {
        var (id, clientId, secret) = await CreateAsync();
        var rotated = await OwnerAsync(HttpMethod.Post, $"/service-accounts/{id}/rotate-secret");
        Assert.Equal("invalid_client", (await TokenAsync(clientId, secret))["error"]);
        Assert.Equal(HttpStatusCode.OK, (await TokenAsync(clientId, (string)rotated.Json!["credentials"]!["clientSecret"]!)).Status);
    }

    [Fact]
    public async Task A_revoked_account_and_its_tokens_are_refused()
    {
        var (id, clientId, secret) = await CreateAsync();
        var token = (await TokenAsync(clientId, secret))["access_token"]!;
        Assert.Equal(HttpStatusCode.NoContent, (await OwnerAsync(HttpMethod.Delete, $"/service-accounts/{id}")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.ApiAsync(HttpMethod.Get, "/applications", token)).Status);
        Assert.Equal("invalid_client", (await TokenAsync(clientId, secret))["error"]);
        Assert.Equal(HttpStatusCode.NotFound, (await OwnerAsync(HttpMethod.Get, $"/service-accounts/{id}")).Status);
    }

    [Fact]
    public async Task A_switched_off_account_is_refused_at_once_and_works_again_when_switched_on()
    {
        var (id, clientId, secret) = await CreateAsync();
        var token = (await TokenAsync(clientId, secret))["access_token"]!;
        var off = await OwnerAsync(HttpMethod.Patch, $"/service-accounts/{id}", new JsonObject { ["disabled"] = true });
        Assert.True((bool)off.Json!["serviceAccount"]!["disabled"]!);
        Assert.Null(off.Json["credentials"]);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.ApiAsync(HttpMethod.Get, "/applications", token)).Status);
        Assert.Equal("invalid_client", (await TokenAsync(clientId, secret))["error"]);
        await OwnerAsync(HttpMethod.Patch, $"/service-accounts/{id}", new JsonObject { ["disabled"] = false });
        Assert.Equal(HttpStatusCode.OK, (await agent.ApiAsync(HttpMethod.Get, "/applications", token)).Status);
        Assert.Equal(HttpStatusCode.OK, (await TokenAsync(clientId, secret)).Status);
        var changes = await kontext.ChangesAsync();
        Assert.Contains(changes, change => change!.StartsWith("service_account.disabled", StringComparison.Ordinal) && change.Contains(id, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_change_keeps_what_it_does_not_name_and_is_checked()
    {
        var (id, _, _) = await CreateAsync();
        await OwnerAsync(HttpMethod.Patch, $"/service-accounts/{id}", new JsonObject { ["description"] = "Deploys" });
        var named = await OwnerAsync(HttpMethod.Patch, $"/service-accounts/{id}", new JsonObject { ["name"] = "deployer" });
        Assert.Equal(("deployer", "Deploys"), ((string?)named.Json!["serviceAccount"]!["name"], (string?)named.Json["serviceAccount"]!["description"]));
        foreach (var (body, field) in new[] { ("""{"name":""}""", "name"), ("""{"name":"a\u202eb"}""", "name"), ("""{"role":"owner"}""", "role") })
            Assert.NotNull((await OwnerAsync(HttpMethod.Patch, $"/service-accounts/{id}", JsonNode.Parse(body))).Json!["validationErrors"]![field]);
    }

    [Fact]
    public async Task A_member_has_nothing_to_do_with_service_accounts()
    {
        var (id, _, _) = await CreateAsync();
        var member = await agent.ManagementTokenAsync("mia");
        foreach (var (method, path) in new[] { (HttpMethod.Get, ""), (HttpMethod.Post, ""), (HttpMethod.Get, $"/{id}"), (HttpMethod.Patch, $"/{id}"), (HttpMethod.Post, $"/{id}/rotate-secret"), (HttpMethod.Delete, $"/{id}") })
            Assert.Equal("kontext_forbidden", (await agent.ApiAsync(method, "/service-accounts" + path, member))["code"]);
    }

    private async Task<(string Id, string ClientId, string Secret)> CreateAsync()
    {
        var created = await OwnerAsync(HttpMethod.Post, "/service-accounts", new JsonObject { ["name"] = ApiCalls.Unique("robot") });
        Assert.Equal(HttpStatusCode.Created, created.Status);
        var credentials = created.Json!["credentials"]!;
        return ((string)created.Json["serviceAccount"]!["id"]!, (string)credentials["clientId"]!, (string)credentials["clientSecret"]!);
    }

    private Task<JsonAnswer> TokenAsync(string clientId, string secret, string scope = "") =>
        agent.TokenAsync(new() { ["grant_type"] = "client_credentials", ["scope"] = scope }, $"{clientId}:{secret}");

    private Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, JsonNode? body = null) => agent.ApiAsync(method, path, kontext.OwnerToken, body);
}
