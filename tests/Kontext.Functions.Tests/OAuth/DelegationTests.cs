using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>Agents that act one for another, and the command line that acts through agents: who may, what it shows, and that nothing is gained by it (RFC 8693 sections 1.1, 4.1, 4.4).</summary>
public sealed class DelegationTests(KontextFixture kontext)
{
    private readonly TestAgent agent = kontext.Agent;

    [Fact]
    public async Task An_agent_hands_on_what_it_may_and_the_chain_of_actors_is_in_the_token()
    {
        var (first, second, third) = (await ClientAsync(), await ClientAsync(), await ClientAsync());
        var token = await TokenAsync(first);
        var handed = await ExchangedAsync(first, token, second);
        Assert.Equal(second, (string?)Jwt.Payload(handed)["may_act"]!["sub"]);
        Assert.Equal(second, (string?)Jwt.Payload(handed)["aud"]);

        // It opens nothing by itself, and nobody else can use it: not a third, not even who asked for it.
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(handed, "tools/list")).Status);
        Assert.Equal("invalid_grant", (await agent.ExchangeAsync(third, handed, "mcp-gateway"))["error"]);
        Assert.Equal("invalid_grant", (await agent.ExchangeAsync(first, handed, "mcp-gateway"))["error"]);

        var acting = Jwt.Payload(await ExchangedAsync(second, handed, "mcp-gateway"));
        Assert.Equal([second, first], ActorsOf(acting));
        Assert.Equal((string?)Jwt.Payload(token)["sub"], (string?)acting["sub"]);
        Assert.Equal((second, agent.Gateway), ((string?)acting["client_id"], (string?)acting["aud"]));
        Assert.True((long)acting["exp"]! <= (long)Jwt.Payload(token)["exp"]!);

        var onwards = await ExchangedAsync(second, await ExchangedAsync(second, handed, "mcp-gateway"), third);
        var last = Jwt.Payload(await ExchangedAsync(third, onwards, "mcp-gateway"));
        Assert.Equal([third, second, first], ActorsOf(last));
    }

    [Fact]
    public async Task Authority_is_not_handed_on_for_ever()
    {
        var client = await ClientAsync();
        var token = await TokenAsync(client);
        for (var actors = 2; actors <= 5; actors++)
        {
            var next = await ClientAsync();
            token = await ExchangedAsync(next, await ExchangedAsync(client, token, next), "mcp-gateway");
            client = next;
        }
        var sixth = await ClientAsync();
        var handed = await ExchangedAsync(client, token, sixth);
        Assert.Equal("invalid_request", (await agent.ExchangeAsync(sixth, handed, "mcp-gateway"))["error"]);
    }

    [Fact]
    public async Task Ending_the_first_agents_session_ends_everything_made_from_it_at_once()
    {
        var (first, second) = (await ClientAsync(), await ClientAsync());
        var tokens = await TokensAsync(first);
        var handed = await ExchangedAsync(first, tokens["access_token"]!, second);
        var acting = await ExchangedAsync(second, handed, "mcp-gateway");
        Assert.Equal(HttpStatusCode.OK, (await agent.McpAsync(acting, "tools/list")).Status);
        await RevokeAsync(first, tokens["refresh_token"]!);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(acting, "tools/list")).Status);
        Assert.Equal("invalid_grant", (await agent.ExchangeAsync(second, handed, "mcp-gateway"))["error"]);
        Assert.Equal("invalid_grant", (await agent.ExchangeAsync(second, acting, "mcp-gateway"))["error"]);
        var child = (string)Jwt.Payload(acting)["sid"]!;
        var shown = await agent.ApiAsync(HttpMethod.Get, $"/applications/{second}/sessions/{child}", kontext.OwnerToken);
        Assert.Equal("disconnected", (string?)shown.Json!["session"]!["status"]);
    }

    [Fact]
    public async Task Revoking_the_second_agents_session_leaves_the_first_and_lasts()
    {
        var (first, second) = (await ClientAsync(), await ClientAsync());
        var token = await TokenAsync(first);
        var handed = await ExchangedAsync(first, token, second);
        var acting = await ExchangedAsync(second, handed, "mcp-gateway");
        Assert.Equal(HttpStatusCode.OK, (await agent.ApiAsync(HttpMethod.Delete, $"/applications/{second}/sessions", kontext.OwnerToken)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(acting, "tools/list")).Status);
        Assert.Equal("invalid_grant", (await agent.ExchangeAsync(second, await ExchangedAsync(first, token, second), "mcp-gateway"))["error"]);
        Assert.Equal(HttpStatusCode.OK, (await agent.McpAsync(token, "tools/list")).Status);
    }

    [Fact]
    public async Task Archiving_the_first_agent_ends_what_it_handed_on()
    {
        var (first, second) = (await ClientAsync(), await ClientAsync());
        var acting = await ExchangedAsync(second, await ExchangedAsync(first, await TokenAsync(first), second), "mcp-gateway");
        Assert.Equal(HttpStatusCode.NoContent, (await agent.ApiAsync(HttpMethod.Delete, $"/applications/{first}", kontext.OwnerToken)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(acting, "tools/list")).Status);
    }

    [Fact]
    public async Task Nothing_is_gained_by_acting_for_another()
    {
        var shared = new JsonObject { ["serverToken"] = "shared" };
        var (both, mine) = (await kontext.IntegrationAsync("server_token", shared), await kontext.IntegrationAsync("server_token", shared));
        var (first, second) = (await ClientAsync(both), await ClientAsync(both, mine));
        var handed = await ExchangedAsync(first, await TokenAsync(first), second);
        Assert.Equal("shared", (await agent.ExchangeAsync(second, handed, await NameAsync(both)))["access_token"]);
        // Attached to the second agent, but the first could not use it and the person never approved it.
        Assert.Equal("kontext_policy_denied", (await agent.ExchangeAsync(second, handed, await NameAsync(mine)))["code"]);

        // A rule about the first agent holds for who acts for it.
        var rule = await agent.ApiAsync(HttpMethod.Post, "/policy/rules", kontext.OwnerToken, new JsonObject { ["action"] = "deny", ["scope"] = "server", ["level"] = "agent", ["integrationId"] = both, ["applicationId"] = first });
        Assert.Equal(HttpStatusCode.Created, rule.Status);
        Assert.Equal("kontext_policy_denied", (await agent.ExchangeAsync(second, handed, await NameAsync(both)))["code"]);

        var events = (await agent.ApiAsync(HttpMethod.Get, $"/audit/events?type=credential.issued&applicationId={second}", kontext.OwnerToken)).Json!["items"]!.AsArray();
        Assert.Equal(["error_auth", "error_auth", "ok"], events.Select(entry => (string?)entry!["status"]));
        Assert.All(events, entry => Assert.Equal($"""["{second}","{first}"]""", entry!["act"]!.ToJsonString()));
    }

    [Fact]
    public async Task What_was_handed_on_is_no_approval_of_who_it_was_handed_to()
    {
        var (one, other) = (await kontext.IntegrationAsync("user_token"), await kontext.IntegrationAsync("user_token"));
        var (first, second) = (await ClientAsync(one), await ClientAsync(one, other));
        using var browser = new FormBrowser();
        var token = (await agent.AuthorizeAsync(browser, first, "alice", agent.Gateway))["access_token"]!;
        await ExchangedAsync(second, await ExchangedAsync(first, token, second), "mcp-gateway");
        var page = await browser.OpenAsync(agent.AuthorizeUrl(second, agent.Gateway).Url);
        Assert.Equal([one, other], page.Document.QuerySelectorAll("input[name=integration]").Select(box => box.GetAttribute("value")));
        Assert.Null(page.Document.QuerySelector(".before"));
    }

    [Fact]
    public async Task An_actor_token_has_to_be_the_clients_own()
    {
        var (first, second) = (await ClientAsync(), await ClientAsync());
        var (own, foreign) = (await TokenAsync(first), await TokenAsync(second));
        Dictionary<string, string> With(string actor) => new()
        {
            ["grant_type"] = "urn:ietf:params:oauth:grant-type:token-exchange", ["client_id"] = first, ["resource"] = "mcp-gateway",
            ["subject_token"] = own, ["subject_token_type"] = "urn:ietf:params:oauth:token-type:access_token",
            ["actor_token"] = actor, ["actor_token_type"] = "urn:ietf:params:oauth:token-type:access_token",
        };
        Assert.Equal("invalid_grant", (await agent.TokenAsync(With(foreign)))["error"]);
        var acted = await agent.TokenAsync(With(own));
        Assert.Equal([first], ActorsOf(Jwt.Payload(acted["access_token"]!)));
    }

    [Fact]
    public async Task The_command_line_calls_the_gateway_as_the_agent_of_the_terminal()
    {
        var shared = await kontext.IntegrationAsync("server_token", new JsonObject { ["serverToken"] = "shared" });
        var client = await ClientAsync(shared);
        using var browser = new FormBrowser();
        var signedIn = await agent.AuthorizeAsync(browser, TestAgent.CommandLineClient, "alice", scope: "openid email profile offline_access");
        var acting = await ExchangedAsync(client, signedIn["access_token"]!, "mcp-gateway");
        Assert.Equal([client, TestAgent.CommandLineClient], ActorsOf(Jwt.Payload(acting)));
        Assert.NotEqual((string?)Jwt.Payload(signedIn["access_token"]!)["sid"], (string?)Jwt.Payload(acting)["sid"]);
        Assert.Equal(HttpStatusCode.OK, (await agent.McpAsync(acting, "tools/list")).Status);
        Assert.Equal("shared", (await agent.ExchangeAsync(client, acting, await NameAsync(shared)))["access_token"]);
        await RevokeAsync(TestAgent.CommandLineClient, signedIn["refresh_token"]!);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(acting, "tools/list")).Status);
    }

    [Fact]
    public async Task The_command_line_asks_for_gateway_access_and_signs_in_again_where_it_lacks()
    {
        var shared = await kontext.IntegrationAsync("server_token", new JsonObject { ["serverToken"] = "shared" });
        var client = await ClientAsync(shared);
        using var browser = new FormBrowser();
        var signedIn = await agent.AuthorizeAsync(browser, TestAgent.CommandLineClient, "alice", scope: "openid email profile offline_access");
        Task<JsonAnswer> AskAsync(string token) => agent.TokenAsync(new()
        {
            ["grant_type"] = "urn:ietf:params:oauth:grant-type:token-exchange", ["client_id"] = client, ["resource"] = "mcp-gateway", ["scope"] = "gateway:access",
            ["subject_token"] = token, ["subject_token_type"] = "urn:ietf:params:oauth:token-type:access_token",
        });
        var refused = await AskAsync(signedIn["access_token"]!);
        Assert.Equal(("invalid_scope", "Requested scope 'gateway:access' exceeds subject token scopes"), (refused["error"], refused["error_description"]));

        var again = await agent.AuthorizeAsync(browser, client, "alice", scope: "openid email profile gateway:access");
        var acting = await AskAsync(again["access_token"]!);
        Assert.Equal(HttpStatusCode.OK, acting.Status);
        Assert.Equal("shared", (await agent.ExchangeAsync(client, acting["access_token"]!, await NameAsync(shared)))["access_token"]);
    }

    /// <summary>The nested actors, the outermost first.</summary>
    private static List<string?> ActorsOf(JsonNode claims)
    {
        var actors = new List<string?>();
        for (var act = claims["act"]; act is not null; act = act["act"])
            actors.Add((string?)act["sub"]);
        return actors;
    }

    private async Task<string> ClientAsync(params string[] integrations)
    {
        var (id, _) = await kontext.ApplicationAsync();
        if (integrations.Length > 0)
            await agent.ApiAsync(HttpMethod.Put, $"/applications/{id}/integrations", kontext.OwnerToken, new JsonObject { ["integrationIds"] = new JsonArray([.. integrations.Select(one => (JsonNode)one)]) });
        return "app_" + id;
    }

    private async Task<JsonAnswer> TokensAsync(string client)
    {
        using var browser = new FormBrowser();
        return await agent.AuthorizeAsync(browser, client, "alice", agent.Gateway);
    }

    private async Task<string> TokenAsync(string client) => (await TokensAsync(client))["access_token"]!;

    private async Task<string> ExchangedAsync(string client, string subject, string target)
    {
        var answer = await agent.ExchangeAsync(client, subject, target);
        Assert.True(answer.Status == HttpStatusCode.OK, answer.Json?.ToJsonString());
        return answer["access_token"]!;
    }

    private async Task RevokeAsync(string client, string token)
    {
        using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["token"] = token, ["client_id"] = client });
        using var revoked = await kontext.Server.Http.PostAsync(new Uri("/oauth2/revoke", UriKind.Relative), form);
        Assert.Equal(HttpStatusCode.OK, revoked.StatusCode);
    }

    private async Task<string> NameAsync(string integration) => (string)(await agent.ApiAsync(HttpMethod.Get, $"/integrations/{integration}", kontext.OwnerToken)).Json!["integration"]!["name"]!;
}
