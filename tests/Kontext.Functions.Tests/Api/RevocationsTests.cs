using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>Cutting off and reinstating: what is dead is dead at once, what lives on is told, and what is undone works again.</summary>
public sealed class RevocationsTests(KontextFixture kontext)
{
    private readonly TestAgent agent = kontext.Agent;

    [Fact]
    public async Task An_application_is_cut_off_and_comes_back_with_its_sessions()
    {
        var work = await WorkAsync("rita");
        var cut = await CutAsync(new JsonObject { ["type"] = "application", ["applicationId"] = work.Application, ["reason"] = "leaked" });
        Assert.Equal(("active", "application", "leaked"), ((string?)cut["status"], (string?)cut["type"], (string?)cut["reason"]));
        Assert.NotEmpty(cut["dead"]!.AsArray());
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(work.Token, "ping")).Status);
        Assert.Equal("invalid_client", (await agent.ExchangeAsync("app_" + work.Application, work.Token, work.Integration))["error"]);
        Assert.True((bool)(await OwnerAsync(HttpMethod.Get, $"/applications/{work.Application}")).Json!["application"]!["suspended"]!);

        var back = (await OwnerAsync(HttpMethod.Post, $"/revocations/{cut["id"]}/reinstate")).Json!["revocation"]!;
        Assert.Equal("reinstated", (string?)back["status"]);
        Assert.Equal(HttpStatusCode.OK, (await agent.McpAsync(work.Token, "ping")).Status);
        Assert.Equal(HttpStatusCode.OK, (await agent.ExchangeAsync("app_" + work.Application, work.Token, work.Integration)).Status);
        var recorded = (await OwnerAsync(HttpMethod.Get, "/audit/events?limit=200")).Json!["items"]!.AsArray()
            .Where(item => ((string?)item!["target"])?.Contains((string)cut["id"]!, StringComparison.Ordinal) == true).Select(item => (string?)item!["type"]);
        Assert.Equal(["access.reinstated", "access.revoked"], recorded);
    }

    [Fact]
    public async Task An_application_cut_off_twice_comes_back_when_both_are_undone()
    {
        var work = await WorkAsync("ruth");
        var order = new JsonObject { ["type"] = "application", ["applicationId"] = work.Application };
        var (first, second) = (await CutAsync((JsonObject)order.DeepClone()), await CutAsync(order));
        Assert.Equal([(string?)first["id"]], second["alsoCutOffBy"]!.AsArray().Select(other => (string?)other));

        var back = (await OwnerAsync(HttpMethod.Post, $"/revocations/{second["id"]}/reinstate")).Json!["revocation"]!;
        Assert.Equal("reinstated", (string?)back["status"]);
        Assert.Equal([(string?)first["id"]], back["alsoCutOffBy"]!.AsArray().Select(other => (string?)other));
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(work.Token, "ping")).Status);

        back = (await OwnerAsync(HttpMethod.Post, $"/revocations/{first["id"]}/reinstate")).Json!["revocation"]!;
        Assert.Null(back["alsoCutOffBy"]);
        Assert.Equal(HttpStatusCode.OK, (await agent.McpAsync(work.Token, "ping")).Status);
    }

    [Fact]
    public async Task A_person_is_cut_off_from_every_agent_and_from_the_management_API()
    {
        var work = await WorkAsync("sally");
        var token = await agent.ManagementTokenAsync("sally");
        var user = (string)(await agent.ApiAsync(HttpMethod.Get, "/me/sessions", token)).Json!["items"]![0]!["userId"]!;
        var cut = await CutAsync(new JsonObject { ["type"] = "user", ["userId"] = user });
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(work.Token, "ping")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.ApiAsync(HttpMethod.Get, "/organization", token)).Status);
        await OwnerAsync(HttpMethod.Post, $"/revocations/{cut["id"]}/reinstate");
        Assert.Equal(HttpStatusCode.OK, (await agent.McpAsync(work.Token, "ping")).Status);
    }

    [Fact]
    public async Task An_integration_is_cut_off_for_everybody_and_what_agents_hold_is_told()
    {
        var work = await WorkAsync("tom");
        // Asked for twice, it is one credential.
        Assert.Equal(HttpStatusCode.OK, (await agent.ExchangeAsync("app_" + work.Application, work.Token, work.Integration)).Status);
        Assert.Equal(HttpStatusCode.OK, (await agent.ExchangeAsync("app_" + work.Application, work.Token, work.Integration)).Status);
        var cut = await CutAsync(new JsonObject { ["type"] = "integration", ["integrationId"] = work.IntegrationId });
        var refused = await agent.ExchangeAsync("app_" + work.Application, work.Token, work.Integration);
        Assert.Equal((HttpStatusCode.Forbidden, "access_denied"), (refused.Status, refused["error"]));
        // The shared token was handed out and never ends: nobody can take it back but the service that made it.
        var survivor = Assert.Single(cut["surviving"]!.AsArray())!;
        Assert.Equal(("issued_credential", work.Application, work.Integration), ((string?)survivor["what"], (string?)survivor["agentId"], (string?)survivor["integration"]));
        Assert.Empty(cut["expiring"]!.AsArray());
        await OwnerAsync(HttpMethod.Post, $"/revocations/{cut["id"]}/reinstate");
        Assert.Equal(HttpStatusCode.OK, (await agent.ExchangeAsync("app_" + work.Application, work.Token, work.Integration)).Status);
    }

    [Fact]
    public async Task A_session_is_cut_off_for_good()
    {
        var work = await WorkAsync("uma");
        var session = (string)(await OwnerAsync(HttpMethod.Get, $"/applications/{work.Application}/sessions")).Json!["items"]![0]!["id"]!;
        var cut = await CutAsync(new JsonObject { ["type"] = "session", ["applicationId"] = work.Application, ["sessionId"] = session });
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(work.Token, "ping")).Status);
        Assert.False((bool)cut["reinstatable"]!);
        Assert.Equal(HttpStatusCode.Conflict, (await OwnerAsync(HttpMethod.Post, $"/revocations/{cut["id"]}/reinstate")).Status);
        Assert.Contains((await OwnerAsync(HttpMethod.Get, "/revocations")).Json!["items"]!.AsArray(), item => (string?)item!["id"] == (string?)cut["id"]);
        Assert.Equal((string?)cut["id"], (string?)(await OwnerAsync(HttpMethod.Get, $"/revocations/{cut["id"]}")).Json!["revocation"]!["id"]);
    }

    [Fact]
    public async Task A_persons_connections_end_with_them_when_that_is_ordered()
    {
        var integration = await kontext.IntegrationAsync("user_token");
        var token = await agent.ManagementTokenAsync("vera");
        Assert.Equal(HttpStatusCode.OK, (await agent.ApiAsync(HttpMethod.Post, $"/integrations/{integration}/connection", token, new JsonObject { ["token"] = "veras-own" })).Status);
        var user = (string)(await agent.ApiAsync(HttpMethod.Get, "/me/sessions", token)).Json!["items"]![0]!["userId"]!;
        var cut = await CutAsync(new JsonObject { ["type"] = "user", ["userId"] = user, ["disconnect"] = true });
        Assert.Equal(("active", 1), ((string?)cut["status"], (int)cut["disconnectedConnections"]!));
        var listed = (await OwnerAsync(HttpMethod.Get, $"/integrations/{integration}/connections")).Json!["items"]!.AsArray();
        Assert.False((bool)Assert.Single(listed)!["connection"]!["connected"]!);
    }

    [Fact]
    public async Task What_agents_hold_of_one_service_is_told_when_the_persons_connection_to_another_ends()
    {
        var work = await WorkAsync("vito");
        Assert.Equal(HttpStatusCode.OK, (await agent.ExchangeAsync("app_" + work.Application, work.Token, work.Integration)).Status);
        var connected = await kontext.IntegrationAsync("user_token");
        var token = await agent.ManagementTokenAsync("vito");
        Assert.Equal(HttpStatusCode.OK, (await agent.ApiAsync(HttpMethod.Post, $"/integrations/{connected}/connection", token, new JsonObject { ["token"] = "vitos-own" })).Status);
        var user = (string)(await agent.ApiAsync(HttpMethod.Get, "/me/sessions", token)).Json!["items"]![0]!["userId"]!;

        var cut = await CutAsync(new JsonObject { ["type"] = "user", ["userId"] = user, ["disconnect"] = true });
        Assert.Equal(1, (int)cut["disconnectedConnections"]!);
        Assert.Contains(cut["surviving"]!.AsArray(), left => ((string?)left!["what"], (string?)left["integration"]) == ("issued_credential", work.Integration));
    }

    [Fact]
    public async Task What_the_agents_hold_that_acted_for_a_session_is_told_with_it()
    {
        var work = await WorkAsync("wanda");
        var (second, _) = await kontext.ApplicationAsync();
        await OwnerAsync(HttpMethod.Post, $"/applications/{second}/integrations/{work.IntegrationId}");
        var handed = await agent.ExchangeAsync("app_" + work.Application, work.Token, "app_" + second);
        var acting = await agent.ExchangeAsync("app_" + second, handed["access_token"]!, "mcp-gateway");
        Assert.Equal(HttpStatusCode.OK, (await agent.ExchangeAsync("app_" + second, acting["access_token"]!, work.Integration)).Status);

        var session = (string)(await OwnerAsync(HttpMethod.Get, $"/applications/{work.Application}/sessions")).Json!["items"]![0]!["id"]!;
        var cut = await CutAsync(new JsonObject { ["type"] = "session", ["applicationId"] = work.Application, ["sessionId"] = session });
        Assert.Equal(second, (string?)Assert.Single(cut["surviving"]!.AsArray())!["agentId"]);
    }

    [Fact]
    public async Task What_must_not_be_cut_off_is_not()
    {
        var self = (string)(await OwnerAsync(HttpMethod.Get, "/me/sessions")).Json!["items"]![0]!["userId"]!;
        Assert.Equal(HttpStatusCode.Conflict, (await OwnerAsync(HttpMethod.Post, "/revocations", new JsonObject { ["type"] = "user", ["userId"] = self })).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await OwnerAsync(HttpMethod.Post, "/revocations", new JsonObject { ["type"] = "application", ["applicationId"] = TestAgent.CommandLineClient })).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await OwnerAsync(HttpMethod.Post, "/revocations", new JsonObject { ["type"] = "integration", ["integrationId"] = Guid.NewGuid().ToString() })).Status);
        foreach (var wrong in new[] { """{}""", """{"type":"planet"}""", """{"type":"user"}""", """{"type":"user","userId":"x"}""", $$"""{"type":"organization","userId":"{{self}}"}""", """{"type":"organization","disconnect":true}""" })
            Assert.Equal(HttpStatusCode.BadRequest, (await OwnerAsync(HttpMethod.Post, "/revocations", JsonNode.Parse(wrong))).Status);
    }

    private async Task<JsonNode> CutAsync(JsonObject order)
    {
        var cut = await OwnerAsync(HttpMethod.Post, "/revocations", order);
        Assert.True(cut.Status == HttpStatusCode.Created, $"{cut.Json}");
        return cut.Json!["revocation"]!;
    }

    private async Task<(string Application, string Token, string Integration, string IntegrationId)> WorkAsync(string person)
    {
        var name = ApiCalls.Unique("cut");
        var integration = await kontext.IntegrationAsync("server_token", new JsonObject { ["name"] = name, ["serverToken"] = "shared-token" });
        var (application, _) = await kontext.ApplicationAsync();
        await OwnerAsync(HttpMethod.Post, $"/applications/{application}/integrations/{integration}");
        using var browser = new FormBrowser();
        var tokens = await agent.AuthorizeAsync(browser, "app_" + application, person, agent.Gateway);
        return (application, tokens["access_token"]!, name, integration);
    }

    private Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, JsonNode? body = null) => agent.ApiAsync(method, path, kontext.OwnerToken, body);
}
