using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>The device authorization grant (RFC 8628), from the agent's side.</summary>
public sealed class DeviceGrantTests(KontextFixture kontext)
{
    private readonly TestAgent agent = kontext.Agent;
    private readonly DeviceFlow flow = new(kontext.Server.Url);

    [Theory]
    [InlineData("/oauth2/device/authorize")]
    [InlineData("/oauth2/device/auth")]
    public async Task An_agent_gets_a_code_to_show_and_one_to_poll_with(string path)
    {
        var started = await flow.StartAsync(await ClientAsync(), path: path);
        var issuer = kontext.Server.Url.OriginalString.TrimEnd('/');
        Assert.Equal(HttpStatusCode.OK, started.Status);
        Assert.Matches("^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$", started["user_code"]!);
        Assert.Equal(issuer + "/device", started["verification_uri"]);
        Assert.Equal($"{issuer}/device?user_code={started["user_code"]}", started["verification_uri_complete"]);
        Assert.Equal(600, (int)started.Json!["expires_in"]!);
        Assert.Equal(5, (int)started.Json["interval"]!);
        Assert.True(started.Headers.CacheControl!.NoStore);
    }

    [Fact]
    public async Task After_the_person_approved_it_gets_the_tokens_of_an_ordinary_approval()
    {
        var client = await ClientAsync();
        var started = await flow.StartAsync(client, new() { ["scope"] = "openid profile", ["resource"] = agent.Gateway });
        Assert.Equal("authorization_pending", (await flow.PollAsync(client, started["device_code"]!))["error"]);
        await flow.ApproveAsync("dora", started["user_code"]!);

        var tokens = await flow.PollAsync(client, started["device_code"]!);
        Assert.Equal(HttpStatusCode.OK, tokens.Status);
        Assert.Equal("Bearer", tokens["token_type"]);
        Assert.Equal("openid profile mcp:invoke", tokens["scope"]);
        var claims = Jwt.Payload(tokens["access_token"]!);
        Assert.Equal(agent.Gateway, (string?)claims["aud"]);
        Assert.Equal(client, (string?)claims["client_id"]);
        Assert.Equal((string?)claims["sid"], (string?)Jwt.Payload(tokens["id_token"]!)["sid"]);
        Assert.Equal("dora", (string?)Jwt.Payload(tokens["id_token"]!)["name"]);
        Assert.Equal(HttpStatusCode.OK, (await agent.McpAsync(tokens["access_token"]!, "tools/list")).Status);

        var refreshed = await agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = client, ["refresh_token"] = tokens["refresh_token"]! });
        Assert.Equal(HttpStatusCode.OK, refreshed.Status);
    }

    [Fact]
    public async Task Consent_and_issuance_are_recorded_like_those_of_the_code_grant()
    {
        var client = await ClientAsync();
        var started = await flow.StartAsync(client);
        await flow.ApproveAsync("dora", started["user_code"]!);
        var tokens = await flow.PollAsync(client, started["device_code"]!);
        var sid = (string)Jwt.Payload(tokens["access_token"]!)["sid"]!;
        var issued = await EventsAsync("token.issued");
        Assert.Contains(issued, entry => (string?)entry["sessionId"] == sid && (string?)entry["capability"] == "device_code");
        Assert.Contains(await EventsAsync("user.consent"), entry => client == "app_" + (string?)entry["agent"]!["id"] && (string?)entry["status"] == "ok");
    }

    [Fact]
    public async Task A_refusal_reaches_the_agent()
    {
        var client = await ClientAsync();
        var started = await flow.StartAsync(client);
        using var browser = new FormBrowser();
        var done = await browser.SubmitAsync(await flow.ConsentAsync(browser, "dora", started["user_code"]!), "Deny");
        Assert.Contains("You refused", done.Text, StringComparison.Ordinal);
        var answer = await flow.PollAsync(client, started["device_code"]!);
        Assert.Equal((HttpStatusCode.BadRequest, "access_denied"), (answer.Status, answer["error"]));
    }

    [Fact]
    public async Task A_redeemed_code_is_invalid_and_its_second_use_ends_the_session()
    {
        var client = await ClientAsync();
        var started = await flow.StartAsync(client);
        await flow.ApproveAsync("dora", started["user_code"]!);
        var tokens = await flow.PollAsync(client, started["device_code"]!);
        Assert.Equal("invalid_grant", (await flow.PollAsync(client, started["device_code"]!))["error"]);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(tokens["access_token"]!, "tools/list")).Status);
    }

    [Fact]
    public async Task Many_polls_at_once_redeem_it_once()
    {
        var client = await ClientAsync();
        var started = await flow.StartAsync(client);
        await flow.ApproveAsync("dora", started["user_code"]!);
        var answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => flow.PollAsync(client, started["device_code"]!)));
        Assert.Single(answers, answer => answer.Status == HttpStatusCode.OK);
        Assert.All(answers.Where(answer => answer.Status != HttpStatusCode.OK), answer => Assert.Equal("invalid_grant", answer["error"]));
    }

    [Fact]
    public async Task Many_polls_at_once_slow_down_all_but_one()
    {
        var client = await ClientAsync();
        var started = await flow.StartAsync(client);
        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => flow.PollAsync(client, started["device_code"]!)));
        Assert.Single(answers, answer => answer["error"] == "authorization_pending");
        Assert.Equal(5, answers.Count(answer => answer["error"] == "slow_down"));
    }

    [Fact]
    public async Task Another_clients_code_an_unknown_one_and_nonsense_are_invalid_alike()
    {
        var (mine, other) = (await ClientAsync(), await ClientAsync());
        var started = await flow.StartAsync(mine);
        var code = started["device_code"]!;
        var answers = new[]
        {
            await flow.PollAsync(other, code),
            await flow.PollAsync(mine, code[..^1] + (code[^1] == 'A' ? 'B' : 'A')),
            await flow.PollAsync(mine, started["user_code"]!),
            await flow.PollAsync(mine, "x"),
        };
        Assert.All(answers, answer => Assert.Equal((HttpStatusCode.BadRequest, "invalid_grant"), (answer.Status, answer["error"])));
        Assert.Single(answers.Select(answer => answer["error_description"]).Distinct());
        Assert.Equal("authorization_pending", (await flow.PollAsync(mine, code))["error"]);
    }

    [Fact]
    public async Task A_client_that_registered_itself_has_to_have_named_the_grant()
    {
        var without = await Clients.RegisterAsync(kontext, "Without");
        Assert.Equal("unauthorized_client", (await flow.StartAsync(without))["error"]);
        var registered = await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Post, "/oauth2/register", null, new JsonObject
        {
            ["client_name"] = "Headless",
            ["token_endpoint_auth_method"] = "none",
            ["grant_types"] = new JsonArray(DeviceFlow.Grant, "refresh_token"),
        });
        Assert.Equal(HttpStatusCode.Created, registered.Status);
        Assert.Equal(HttpStatusCode.OK, (await flow.StartAsync(registered["client_id"]!)).Status);
    }

    [Fact]
    public async Task A_confidential_application_uses_it_once_an_administrator_allows_it()
    {
        var (id, created) = await kontext.ApplicationAsync("confidential");
        var basic = $"app_{id}:{(string)created.Json!["oauth"]!["clientSecret"]!}";
        Assert.Equal("unauthorized_client", (await flow.PostAsync("/oauth2/device/authorize", [], basic))["error"]);
        var allowed = await agent.ApiAsync(HttpMethod.Patch, $"/applications/{id}/oauth", kontext.OwnerToken, new JsonObject { ["deviceGrant"] = true });
        Assert.Equal(HttpStatusCode.OK, allowed.Status);
        Assert.Equal(HttpStatusCode.OK, (await flow.PostAsync("/oauth2/device/authorize", [], basic)).Status);
        Assert.Equal("invalid_client", (await flow.PostAsync("/oauth2/device/authorize", new() { ["client_id"] = "app_" + id }))["error"]);
    }

    [Theory]
    [InlineData("scope", "root", "invalid_scope")]
    [InlineData("scope", "management:all", null)]
    [InlineData("resource", "https://elsewhere.example/mcp", "invalid_target")]
    public async Task What_may_not_be_asked_for_is_refused_at_once(string name, string value, string? error)
    {
        var client = await ClientAsync();
        var answer = await flow.StartAsync(client, new() { [name] = value });
        Assert.Equal(error ?? "invalid_scope", answer["error"]);
    }

    [Fact]
    public async Task Tokens_can_be_narrowed_to_what_was_approved_and_no_further()
    {
        var client = await ClientAsync();
        var started = await flow.StartAsync(client, new() { ["resource"] = agent.Gateway });
        await flow.ApproveAsync("dora", started["user_code"]!);
        Assert.Equal("invalid_target", (await flow.PollAsync(client, started["device_code"]!, new() { ["resource"] = agent.Api }))["error"]);
        Assert.Equal(HttpStatusCode.OK, (await flow.PollAsync(client, started["device_code"]!, new() { ["resource"] = agent.Gateway })).Status);
    }

    [Fact]
    public async Task Metadata_names_endpoint_and_grant()
    {
        foreach (var path in (string[])["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"])
        {
            var answer = await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Get, path, null);
            Assert.Equal(kontext.Server.Url.OriginalString.TrimEnd('/') + "/oauth2/device/authorize", answer["device_authorization_endpoint"]);
            Assert.Contains(DeviceFlow.Grant, answer.Json!["grant_types_supported"]!.AsArray().Select(type => (string?)type));
        }
    }

    [Fact]
    public async Task The_endpoint_takes_posts_only()
    {
        using var answer = await kontext.Server.Http.GetAsync(new Uri("/oauth2/device/authorize", UriKind.Relative));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.StatusCode);
        Assert.Equal("POST", answer.Content.Headers.Allow.Single());
    }

    private async Task<string> ClientAsync() => "app_" + (await kontext.ApplicationAsync()).Id;

    private async Task<IReadOnlyList<JsonNode>> EventsAsync(string type) =>
        [.. (await agent.ApiAsync(HttpMethod.Get, $"/audit/events?type={type}&limit=200", kontext.OwnerToken)).Json!["items"]!.AsArray().OfType<JsonNode>()];
}
