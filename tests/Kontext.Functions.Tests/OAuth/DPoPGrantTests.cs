using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>What is bound to a key, through every grant (RFC 9449 sections 5, 6 and 10), and who has to bind (section 5.2).</summary>
public sealed class DPoPGrantTests(KontextFixture kontext) : IDisposable
{
    private readonly DPoPKey key = new();
    private readonly DPoPKey other = new();
    private readonly TestAgent bearer = kontext.Agent;

    private DPoPAgent Agent => field ??= new DPoPAgent(kontext.Server.Url, key);

    private DPoPAgent Thief => field ??= new DPoPAgent(kontext.Server.Url, other);

    public void Dispose()
    {
        Agent.Dispose();
        Thief.Dispose();
        key.Dispose();
        other.Dispose();
    }

    [Fact]
    public async Task A_code_redeemed_with_a_proof_gives_a_token_bound_to_its_key()
    {
        var tokens = await TokensAsync();
        Assert.Equal("DPoP", tokens["token_type"]);
        Assert.Equal(key.Thumbprint, Bound(tokens));
    }

    [Fact]
    public async Task Without_a_proof_nothing_is_bound()
    {
        using var browser = new FormBrowser();
        var tokens = await bearer.AuthorizeAsync(browser, await ClientAsync(), "alice", bearer.Gateway);
        Assert.Equal("Bearer", tokens["token_type"]);
        Assert.Null(Jwt.Payload(tokens["access_token"]!)["cnf"]);
    }

    [Fact]
    public async Task A_public_clients_refresh_token_needs_the_key_and_survives_who_lacks_it()
    {
        var client = await ClientAsync();
        var tokens = await TokensAsync(client);
        var refresh = tokens["refresh_token"]!;
        var without = await Agent.RefreshAsync(client, refresh, []);
        Assert.Equal((HttpStatusCode.BadRequest, "invalid_dpop_proof"), (without.Status, without["error"]));
        var stolen = await Thief.RefreshAsync(client, refresh);
        Assert.Equal((HttpStatusCode.BadRequest, "invalid_grant"), (stolen.Status, stolen["error"]));

        var refreshed = await Agent.RefreshAsync(client, refresh);
        Assert.Equal((HttpStatusCode.OK, "DPoP"), (refreshed.Status, refreshed["token_type"]));
        Assert.Equal(key.Thumbprint, Bound(refreshed));
        // Within the leeway the old token still gets its successor, but not for another key.
        Assert.Equal("invalid_grant", (await Thief.RefreshAsync(client, refresh))["error"]);
        Assert.Equal(refreshed["refresh_token"], (await Agent.RefreshAsync(client, refresh))["refresh_token"]);
    }

    [Fact]
    public async Task A_session_is_bound_to_the_first_key_that_refreshes_it()
    {
        var client = await ClientAsync();
        using var browser = new FormBrowser();
        var tokens = await bearer.AuthorizeAsync(browser, client, "alice", bearer.Gateway);
        var refreshed = await Agent.RefreshAsync(client, tokens["refresh_token"]!);
        Assert.Equal("DPoP", refreshed["token_type"]);
        Assert.Equal("invalid_dpop_proof", (await Agent.RefreshAsync(client, refreshed["refresh_token"]!, []))["error"]);
        Assert.Equal("invalid_grant", (await Thief.RefreshAsync(client, refreshed["refresh_token"]!))["error"]);
    }

    [Fact]
    public async Task A_confidential_clients_refresh_token_is_bound_to_its_authentication_instead()
    {
        var (_, created) = await kontext.ApplicationAsync("confidential");
        var (client, secret) = ((string)created.Json!["oauth"]!["clientId"]!, (string)created.Json["oauth"]!["clientSecret"]!);
        using var browser = new FormBrowser();
        var (url, verifier) = bearer.AuthorizeUrl(client, bearer.Gateway);
        var returned = await TestAgent.DecideAsync(browser, url, "alice");
        var tokens = await Agent.TokenAsync(new() { ["grant_type"] = "authorization_code", ["code"] = returned["code"], ["code_verifier"] = verifier }, basic: $"{client}:{secret}");
        Assert.Equal(key.Thumbprint, Bound(tokens));
        var moved = await Thief.TokenAsync(new() { ["grant_type"] = "refresh_token", ["refresh_token"] = tokens["refresh_token"]! }, basic: $"{client}:{secret}");
        Assert.Equal((HttpStatusCode.OK, other.Thumbprint), (moved.Status, Bound(moved)));
    }

    [Fact]
    public async Task A_service_accounts_token_can_be_bound_too()
    {
        var created = await bearer.ApiAsync(HttpMethod.Post, "/service-accounts", kontext.OwnerToken, new JsonObject { ["name"] = ApiCalls.Unique("ci") });
        var credentials = created.Json!["credentials"]!;
        var tokens = await Agent.TokenAsync(new() { ["grant_type"] = "client_credentials" }, basic: $"{(string)credentials["clientId"]!}:{(string)credentials["clientSecret"]!}");
        Assert.Equal(("DPoP", key.Thumbprint), (tokens["token_type"], Bound(tokens)));
        Assert.Equal(HttpStatusCode.OK, (await Agent.CallAsync(HttpMethod.Get, "/api/v1/applications", tokens["access_token"]!)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await bearer.ApiAsync(HttpMethod.Get, "/applications", tokens["access_token"]!)).Status);
    }

    [Fact]
    public async Task A_code_asked_for_with_dpop_jkt_is_redeemed_by_that_key_only()
    {
        var client = await ClientAsync();
        using var browser = new FormBrowser();
        var (url, verifier) = bearer.AuthorizeUrl(client, bearer.Gateway, more: new Dictionary<string, string> { ["dpop_jkt"] = key.Thumbprint });
        var returned = await TestAgent.DecideAsync(browser, url, "alice");
        var form = new Dictionary<string, string> { ["grant_type"] = "authorization_code", ["client_id"] = client, ["code"] = returned["code"], ["code_verifier"] = verifier };
        Assert.Equal("invalid_grant", (await Thief.TokenAsync(form))["error"]);
        Assert.Equal("invalid_dpop_proof", (await Agent.TokenAsync(form, []))["error"]);
        Assert.Equal((HttpStatusCode.OK, "DPoP"), ((await Agent.TokenAsync(form)) is var tokens ? tokens.Status : default, tokens["token_type"]));
    }

    [Fact]
    public async Task A_dpop_jkt_that_is_no_thumbprint_is_refused()
    {
        using var browser = new FormBrowser();
        var (url, _) = bearer.AuthorizeUrl(await ClientAsync(), bearer.Gateway, more: new Dictionary<string, string> { ["dpop_jkt"] = "short" });
        var page = await browser.OpenAsync(url, uri => uri.OriginalString.StartsWith(TestAgent.RedirectUri, StringComparison.Ordinal));
        Assert.Contains("error=invalid_request", page.Location!.Query, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bound_token_is_exchanged_with_its_key_only_and_stays_bound()
    {
        var client = await ClientAsync();
        var token = (await TokensAsync(client))["access_token"]!;
        Assert.Equal("invalid_dpop_proof", (await bearer.ExchangeAsync(client, token, "mcp-gateway"))["error"]);
        Assert.Equal("invalid_grant", (await Thief.TokenAsync(Exchange(client, token)))["error"]);
        var exchanged = await Agent.TokenAsync(Exchange(client, token));
        Assert.Equal((HttpStatusCode.OK, "DPoP", key.Thumbprint), (exchanged.Status, exchanged["token_type"], Bound(exchanged)));
        var listed = await Agent.CallAsync(HttpMethod.Get, "/mcp/integrations", exchanged["access_token"]!);
        Assert.Equal(HttpStatusCode.OK, listed.Status);
    }

    [Fact]
    public async Task A_bearer_token_exchanged_with_a_proof_becomes_bound()
    {
        var client = await ClientAsync();
        using var browser = new FormBrowser();
        var token = (await bearer.AuthorizeAsync(browser, client, "alice", bearer.Gateway))["access_token"]!;
        var exchanged = await Agent.TokenAsync(Exchange(client, token));
        Assert.Equal((HttpStatusCode.OK, key.Thumbprint), (exchanged.Status, Bound(exchanged)));
    }

    [Fact]
    public async Task A_brokered_credential_is_truthfully_a_bearer_token()
    {
        var (id, created) = await kontext.ApplicationAsync();
        var client = (string)created.Json!["oauth"]!["clientId"]!;
        var integration = await kontext.IntegrationAsync("server_token", new JsonObject { ["serverToken"] = "shared-token-of-team" });
        Assert.True((await bearer.ApiAsync(HttpMethod.Post, $"/applications/{id}/integrations/{integration}", kontext.OwnerToken)).Status is HttpStatusCode.OK or HttpStatusCode.Created or HttpStatusCode.NoContent);
        var name = (string)(await bearer.ApiAsync(HttpMethod.Get, $"/integrations/{integration}", kontext.OwnerToken)).Json!["integration"]!["name"]!;
        var token = (await TokensAsync(client))["access_token"]!;
        Assert.Equal("invalid_dpop_proof", (await bearer.ExchangeAsync(client, token, name))["error"]);
        var credential = await Agent.TokenAsync(Exchange(client, token, name));
        Assert.Equal((HttpStatusCode.OK, "Bearer", "shared-token-of-team"), (credential.Status, credential["token_type"], credential["access_token"]));
    }

    [Fact]
    public async Task An_application_can_demand_bound_tokens()
    {
        var (id, created) = await kontext.ApplicationAsync();
        var client = (string)created.Json!["oauth"]!["clientId"]!;
        Assert.False((bool)created.Json["oauth"]!["dpopBoundAccessTokens"]!);
        using var browser = new FormBrowser();
        var before = await bearer.AuthorizeAsync(browser, client, "alice", bearer.Gateway);
        Assert.Equal(HttpStatusCode.OK, (await bearer.McpAsync(before["access_token"]!, "tools/list")).Status);

        var changed = await bearer.ApiAsync(HttpMethod.Patch, $"/applications/{id}/oauth", kontext.OwnerToken, new JsonObject { ["dpopBoundAccessTokens"] = true });
        Assert.True((bool)changed.Json!["oauth"]!["dpopBoundAccessTokens"]!);
        // What was issued before counts no longer, and its refresh token only with a proof.
        Assert.Equal(HttpStatusCode.Unauthorized, (await bearer.McpAsync(before["access_token"]!, "tools/list")).Status);
        Assert.Equal("invalid_dpop_proof", (await Agent.RefreshAsync(client, before["refresh_token"]!, []))["error"]);
        Assert.Equal("DPoP", (await Agent.RefreshAsync(client, before["refresh_token"]!))["token_type"]);
        Assert.Equal("invalid_dpop_proof", (await Agent.AuthorizeAsync(client, "alice", bearer.Gateway, proofs: []))["error"]);
        Assert.Equal("DPoP", (await Agent.AuthorizeAsync(client, "alice", bearer.Gateway))["token_type"]);
        Assert.Equal("invalid_dpop_proof", (await bearer.ExchangeAsync(client, before["access_token"]!, "mcp-gateway"))["error"]);
        Assert.Equal("invalid_grant", (await Agent.TokenAsync(Exchange(client, before["access_token"]!)))["error"]);

        Assert.Equal(HttpStatusCode.OK, (await bearer.ApiAsync(HttpMethod.Patch, $"/applications/{id}/oauth", kontext.OwnerToken, new JsonObject { ["dpopBoundAccessTokens"] = false })).Status);
        using var another = new FormBrowser();
        Assert.Equal("Bearer", (await bearer.AuthorizeAsync(another, client, "alice", bearer.Gateway))["token_type"]);
    }

    [Fact]
    public async Task A_client_that_registers_itself_can_demand_bound_tokens()
    {
        var registered = await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Post, "/oauth2/register", null, new JsonObject
        {
            ["client_name"] = "Careful agent",
            ["redirect_uris"] = new JsonArray(TestAgent.RedirectUri),
            ["token_endpoint_auth_method"] = "none",
            ["dpop_bound_access_tokens"] = true,
        });
        Assert.True((bool)registered.Json!["dpop_bound_access_tokens"]!);
        var client = registered["client_id"]!;
        Assert.Equal("invalid_dpop_proof", (await Agent.AuthorizeAsync(client, "alice", bearer.Gateway, proofs: []))["error"]);
        Assert.Equal("DPoP", (await Agent.AuthorizeAsync(client, "alice", bearer.Gateway))["token_type"]);
    }

    [Fact]
    public async Task A_registration_whose_demand_is_no_boolean_is_refused()
    {
        var refused = await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Post, "/oauth2/register", null, new JsonObject { ["redirect_uris"] = new JsonArray(TestAgent.RedirectUri), ["dpop_bound_access_tokens"] = "yes" });
        Assert.Equal((HttpStatusCode.BadRequest, "invalid_client_metadata"), (refused.Status, refused["error"]));
    }

    private static Dictionary<string, string> Exchange(string client, string token, string resource = "mcp-gateway") => new()
    {
        ["grant_type"] = "urn:ietf:params:oauth:grant-type:token-exchange",
        ["client_id"] = client,
        ["subject_token_type"] = "urn:ietf:params:oauth:token-type:access_token",
        ["subject_token"] = token,
        ["resource"] = resource,
    };

    private static string? Bound(JsonAnswer tokens) => (string?)Jwt.Payload(tokens["access_token"]!)["cnf"]?["jkt"];

    private Task<string> ClientAsync() => Clients.RegisterAsync(kontext, "Agent with a key");

    private async Task<JsonAnswer> TokensAsync(string? client = null)
    {
        var tokens = await Agent.AuthorizeAsync(client ?? await ClientAsync(), "alice", bearer.Gateway);
        Assert.Equal(HttpStatusCode.OK, tokens.Status);
        return tokens;
    }
}
