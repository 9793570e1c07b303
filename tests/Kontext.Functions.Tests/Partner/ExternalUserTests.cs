using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Mcp;
using Kontext.Functions.Tests.OAuth;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Partner;

/// <summary>An application's own users: known to it alone, under the same policy as everybody, and cut off like everybody (contract 3.4.4 b).</summary>
[Collection(Partners.Name)]
public sealed class ExternalUserTests(PartnerFixture world)
{
    [Fact]
    public async Task Two_applications_with_the_same_user_id_know_different_users()
    {
        var (integration, name) = await world.IntegrationAsync("user_token");
        var (first, second) = (await world.ApplicationAsync(null, integration), await world.ApplicationAsync(null, integration));
        await ConnectedAsync(first, "user-1", "ghp_first");
        Assert.Equal("integration_required", (await world.ExchangeAsync(second, "user-1", name))["error"]);
        await world.ConnectAsync(second, "user-1");
        Assert.Equal("integration_required", (await world.ExchangeAsync(second, "user-1", name))["error"]);
        await ConnectedAsync(second, "user-1", "ghp_second");
        Assert.Equal("ghp_first", (await world.ExchangeAsync(first, "user-1", name))["access_token"]);
        Assert.Equal("ghp_second", (await world.ExchangeAsync(second, "user-1", name))["access_token"]);
    }

    [Fact]
    public async Task A_person_of_the_organization_cannot_be_named()
    {
        var (integration, name) = await world.IntegrationAsync("server_token", new JsonObject { ["serverToken"] = "shared" });
        var application = await world.ApplicationAsync(null, integration);
        foreach (var person in new[] { "olivia", "development:olivia", "user-unknown" })
            Assert.Equal("integration_required", (await world.ExchangeAsync(application, person, name))["error"]);
        Assert.Equal("invalid_request", (await world.ExchangeAsync(application, "development\nolivia", name))["error"]);
        await world.ConnectAsync(application, "user-1");
        Assert.Equal("shared", (await world.ExchangeAsync(application, "user-1", name))["access_token"]);
    }

    [Fact]
    public async Task Only_a_confidential_application_with_trust_may_name_users()
    {
        var application = await world.ApplicationAsync();
        var form = new Dictionary<string, string>
        {
            ["grant_type"] = "urn:ietf:params:oauth:grant-type:token-exchange", ["subject_token_type"] = "urn:kontext:user-id", ["subject_token"] = "user-1", ["resource"] = "mcp-gateway",
        };
        Assert.Equal("invalid_client", (await world.Agent.TokenAsync(new(form) { ["client_id"] = application.ClientId }))["error"]);
        Assert.Equal("invalid_client", (await world.Agent.TokenAsync(form, application.ClientId + ":wrong"))["error"]);
        Assert.Equal("unauthorized_client", (await world.Agent.TokenAsync(new(form) { ["client_id"] = TestAgent.CommandLineClient }))["error"]);
        Assert.Equal("invalid_request", (await world.ExchangeAsync(application, "   ", "mcp-gateway"))["error"]);
        Assert.Equal("invalid_request", (await world.ExchangeAsync(application, new string('x', 513), "mcp-gateway"))["error"]);
    }

    [Fact]
    public async Task Policy_has_its_say_as_for_anybody()
    {
        var (integration, name) = await world.IntegrationAsync("user_token");
        var application = await world.ApplicationAsync(null, integration);
        await ConnectedAsync(application, "user-1", "ghp_1");
        var rule = await world.OwnerAsync(HttpMethod.Post, "/policy/rules", new JsonObject { ["action"] = "deny", ["scope"] = "server", ["level"] = "org", ["integrationId"] = integration });
        Assert.Equal(HttpStatusCode.Created, rule.Status);
        var denied = await world.ExchangeAsync(application, "user-1", name);
        Assert.Equal((HttpStatusCode.Forbidden, "kontext_policy_denied"), (denied.Status, denied["code"]));
        var (other, _) = await world.IntegrationAsync("user_token");
        await world.OwnerAsync(HttpMethod.Put, $"/applications/{application.Id}/integrations", new JsonObject { ["integrationIds"] = new JsonArray(other) });
        Assert.Equal("invalid_target", (await world.ExchangeAsync(application, "user-1", name))["error"]);
    }

    [Fact]
    public async Task A_gateway_token_for_a_partners_user_calls_tools_with_that_users_credential()
    {
        await using var server = await McpServerDouble.StartAsync(modern: true);
        var (integration, name) = await world.IntegrationAsync("user_token", new JsonObject { ["url"] = server.Url.OriginalString });
        var application = await world.ApplicationAsync(null, integration);
        await ConnectedAsync(application, "user-1", "upstream-secret-1");
        var exchanged = await world.ExchangeAsync(application, "user-1", "mcp-gateway");
        Assert.Equal((HttpStatusCode.OK, "mcp:invoke"), (exchanged.Status, exchanged["scope"]));
        var called = await world.Agent.McpAsync(exchanged["access_token"]!, "tools/call", new JsonObject { ["name"] = name + "__echo", ["arguments"] = new JsonObject { ["text"] = "hello" } });
        Assert.Contains("hello", called.Json!["result"]!.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal("Bearer upstream-secret-1", server.SeenOf("tools/call").Single().Headers["Authorization"]);
        Assert.Equal(HttpStatusCode.Unauthorized, (await world.Agent.ApiAsync(HttpMethod.Get, "/applications", exchanged["access_token"]!)).Status);
    }

    [Fact]
    public async Task Revoking_the_session_ends_exchange_and_gateway_until_the_application_vouches_again()
    {
        var (integration, name) = await world.IntegrationAsync("user_token");
        var application = await world.ApplicationAsync(null, integration);
        await ConnectedAsync(application, "user-1", "ghp_1");
        var gateway = (await world.ExchangeAsync(application, "user-1", "mcp-gateway"))["access_token"]!;
        Assert.Equal(HttpStatusCode.OK, (await world.Agent.McpAsync(gateway, "tools/list")).Status);
        var sessions = (await world.OwnerAsync(HttpMethod.Get, $"/applications/{application.Id}/sessions")).Json!["items"]!.AsArray();
        var session = (string)Assert.Single(sessions)!["id"]!;
        Assert.Equal(session, (string?)Jwt.Payload(gateway)["sid"]);

        Assert.Equal(HttpStatusCode.NoContent, (await world.OwnerAsync(HttpMethod.Delete, $"/applications/{application.Id}/sessions/{session}")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await world.Agent.McpAsync(gateway, "tools/list")).Status);
        Assert.Equal("integration_required", (await world.ExchangeAsync(application, "user-1", name))["error"]);
        await world.ConnectAsync(application, "user-1");
        Assert.Equal("ghp_1", (await world.ExchangeAsync(application, "user-1", name))["access_token"]);
        Assert.Equal(HttpStatusCode.Unauthorized, (await world.Agent.McpAsync(gateway, "tools/list")).Status);
    }

    [Fact]
    public async Task Many_connect_sessions_at_once_leave_one_session()
    {
        var application = await world.ApplicationAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => world.ConnectAsync(application, "user-1")));
        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.Status));
        Assert.Equal(8, answers.Select(answer => answer["connectUrl"]).Distinct().Count());
        Assert.Single((await world.OwnerAsync(HttpMethod.Get, $"/applications/{application.Id}/sessions")).Json!["items"]!.AsArray());
    }

    [Fact]
    public async Task The_partners_token_itself_can_be_exchanged_for_a_user_who_is_known()
    {
        var application = await world.ApplicationAsync();
        var token = world.Partner.Key.Sign(world.Claims("user-1"), "RS256");
        const string Jwt = "urn:ietf:params:oauth:token-type:jwt";
        Assert.Equal("integration_required", (await world.ExchangeAsync(application, token, "mcp-gateway", Jwt))["error"]);
        await world.ConnectAsync(application, "user-1");
        var exchanged = await world.ExchangeAsync(application, token, "mcp-gateway", Jwt);
        Assert.Equal(HttpStatusCode.OK, exchanged.Status);
        Assert.True((int)exchanged.Json!["expires_in"]! <= 300);
        using var foreign = new TestKey();
        Assert.Equal("invalid_grant", (await world.ExchangeAsync(application, foreign.Sign(world.Claims("user-1"), "RS256"), "mcp-gateway", Jwt))["error"]);
    }

    [Fact]
    public async Task Archiving_the_application_ends_its_users_access()
    {
        var application = await world.ApplicationAsync();
        await world.ConnectAsync(application, "user-1");
        var gateway = (await world.ExchangeAsync(application, "user-1", "mcp-gateway"))["access_token"]!;
        Assert.Equal(HttpStatusCode.NoContent, (await world.OwnerAsync(HttpMethod.Delete, $"/applications/{application.Id}")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await world.Agent.McpAsync(gateway, "tools/list")).Status);
        Assert.Equal("invalid_client", (await world.ExchangeAsync(application, "user-1", "mcp-gateway"))["error"]);
        Assert.Equal(HttpStatusCode.Unauthorized, (await world.ConnectAsync(application, "user-1")).Status);
    }

    private async Task ConnectedAsync(PartnerApplication application, string subject, string token)
    {
        using var browser = new FormBrowser();
        var saved = await PartnerFixture.SaveTokenAsync(browser, (await world.ConnectAsync(application, subject))["connectUrl"]!, token);
        Assert.Contains("is connected", saved.Text, StringComparison.Ordinal);
    }
}
