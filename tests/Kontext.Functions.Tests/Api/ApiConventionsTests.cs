using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>What is the same on the whole management API (contract 2.1): errors in one format, request ids, limits.</summary>
public sealed class ApiConventionsTests(KontextFixture kontext)
{
    [Fact]
    public async Task A_body_that_is_not_json_is_415_and_one_that_is_too_large_413()
    {
        var (status, error) = await SendAsync(new StringContent("name=x", Encoding.UTF8, "application/x-www-form-urlencoded"));
        Assert.Equal((415, 415), (status, (int)error["statusCode"]!));
        (status, error) = await SendAsync(new StringContent("{\"name\":\"" + new string('x', 1_100_000) + "\"}", Encoding.UTF8, "application/json"));
        Assert.Equal((413, "kontext_validation_error"), (status, (string?)error["code"]));
    }

    [Theory]
    [InlineData("""{"name":"x","colour":"red"}""", "colour")]
    [InlineData("""{"oauth":{"typ":"public"}}""", "oauth.typ")]
    [InlineData("""{"name":7}""", "name")]
    [InlineData("""{"name":"x","name":"y"}""", "name")]
    public async Task A_field_nobody_knows_is_named_with_those_there_are(string body, string field)
    {
        var (status, error) = await SendAsync(new StringContent(body, Encoding.UTF8, "application/json"));
        Assert.Equal(400, status);
        Assert.Contains("oauth", (string)error["validationErrors"]![field]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_request_brings_to_an_endpoint_without_a_body_is_refused_and_nothing_is_done()
    {
        var integration = await kontext.IntegrationAsync("none");
        var (application, _) = await kontext.ApplicationAsync();
        var cut = (string)(await OwnerAsync(HttpMethod.Post, "/revocations", $$"""{"type":"integration","integrationId":"{{integration}}"}""")).Json!["revocation"]!["id"]!;
        foreach (var (method, path) in new[] { (HttpMethod.Post, $"/revocations/{cut}/reinstate"), (HttpMethod.Post, $"/applications/{application}/integrations/{integration}"), (HttpMethod.Post, $"/applications/{application}/archive"), (HttpMethod.Delete, $"/applications/{application}") })
        {
            foreach (var body in new[] { """{"dryRun":true}""", "[]", "\"now\"", $$"""{"reason":"{{new string('x', 2000)}}"}""" })
            {
                var refused = await OwnerAsync(method, path, body);
                Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
                Assert.Contains("takes no body", (string?)refused.Json!["validationErrors"]!["body"], StringComparison.Ordinal);
            }
        }
        Assert.Equal("active", (string?)(await OwnerAsync(HttpMethod.Get, $"/revocations/{cut}")).Json!["revocation"]!["status"]);
        Assert.False((bool)(await OwnerAsync(HttpMethod.Get, $"/applications/{application}")).Json!["application"]!["archived"]!);
        Assert.Empty((await OwnerAsync(HttpMethod.Get, $"/applications/{application}/integrations")).Json!["integrationIds"]!.AsArray());
        // Clients send an empty object out of habit.
        Assert.Equal(HttpStatusCode.OK, (await OwnerAsync(HttpMethod.Post, $"/revocations/{cut}/reinstate", " {} ")).Status);
    }

    [Fact]
    public async Task Texts_that_people_read_are_bounded_and_show_what_they_say()
    {
        var integration = await kontext.IntegrationAsync("user_token");
        var (application, _) = await kontext.ApplicationAsync();
        var account = (string)(await OwnerAsync(HttpMethod.Post, "/service-accounts", $$"""{"name":"{{ApiCalls.Unique("robot")}}"}""")).Json!["serviceAccount"]!["id"]!;
        var webhook = (string)(await OwnerAsync(HttpMethod.Post, "/webhooks", """{"url":"https://hooks.example.com/in"}""")).Json!["webhook"]!["id"]!;
        foreach (var (path, field, error) in new[]
        {
            ($"/applications/{application}", "description", "description"), ($"/service-accounts/{account}", "description", "description"), ($"/webhooks/{webhook}", "description", "description"),
            ($"/integrations/{integration}", "tokenLabel", "tokenLabel"), ($"/integrations/{integration}", "tokenPlaceholder", "tokenPlaceholder"),
            ($"/providers/{integration}", "clientId", "oauth.clientId"),
        })
        {
            foreach (var text in new[] { new string('x', 2001), "pay \u202eecila", "nul \0" })
            {
                var refused = await OwnerAsync(HttpMethod.Patch, path, new JsonObject { [field] = text }.ToJsonString());
                Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
                Assert.NotNull(refused.Json!["validationErrors"]![error]);
            }
        }
        Assert.Equal(HttpStatusCode.OK, (await OwnerAsync(HttpMethod.Patch, $"/applications/{application}", """{"description":"Two\r\nlines"}""")).Status);
        foreach (var rule in new[] { """{"action":"ask","level":"org","description":"\u202eecila"}""", $$"""{"action":"ask","level":"org","description":"{{new string('x', 501)}}"}""" })
            Assert.NotNull((await OwnerAsync(HttpMethod.Post, "/policy/rules", rule)).Json!["validationErrors"]!["description"]);
    }

    [Fact]
    public async Task A_list_that_was_forgotten_detaches_nothing()
    {
        var integration = await kontext.IntegrationAsync("none");
        var (application, _) = await kontext.ApplicationAsync();
        await OwnerAsync(HttpMethod.Put, $"/applications/{application}/integrations", $$"""{"integrationIds":["{{integration}}"]}""");
        Assert.Equal("Is required.", (string?)(await OwnerAsync(HttpMethod.Put, $"/applications/{application}/integrations", "{}")).Json!["validationErrors"]!["integrationIds"]);
        Assert.Single((await OwnerAsync(HttpMethod.Get, $"/applications/{application}/integrations")).Json!["integrationIds"]!.AsArray());
        Assert.Equal(HttpStatusCode.OK, (await OwnerAsync(HttpMethod.Put, $"/applications/{application}/integrations", """{"integrationIds":[]}""")).Status);
    }

    [Fact]
    public async Task Every_answer_has_a_request_id_and_every_error_its_three_fields()
    {
        foreach (var (path, token) in new[] { ("/organization", kontext.OwnerToken), ("/organization", "nonsense"), ("/nowhere", kontext.OwnerToken), ("/applications/x", kontext.OwnerToken), ("/applications?limit=0", kontext.OwnerToken) })
        {
            var answer = await kontext.Agent.ApiAsync(HttpMethod.Get, path, token);
            Assert.NotEmpty(Assert.Single(answer.Headers.GetValues("X-Request-Id")));
            if (answer.Status == HttpStatusCode.OK)
                continue;
            Assert.Equal((int)answer.Status, (int)answer.Json!["statusCode"]!);
            Assert.NotEmpty(answer["message"]!);
            Assert.StartsWith("kontext_", answer["code"], StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Who_asks_too_often_is_told_when_to_come_back_and_nobody_else_is()
    {
        var keys = Directory.CreateTempSubdirectory("kontext-keys-");
        await using var server = await KontextServer.StartAsync("memory", keys.FullName, settings: new Dictionary<string, string> { ["Kontext__Limits__ApiRequestsPerMinute"] = "5" });
        var agent = new TestAgent(server.Url);
        var (owner, other) = (await agent.ManagementTokenAsync("olivia"), await agent.ManagementTokenAsync("mia"));
        JsonAnswer? refused = null;
        for (var request = 0; request < 12 && refused is null; request++)
        {
            var answer = await agent.ApiAsync(HttpMethod.Get, "/organization", owner);
            refused = answer.Status == HttpStatusCode.TooManyRequests ? answer : null;
        }
        Assert.Equal("kontext_rate_limited", refused?["code"]);
        Assert.True(refused!.Headers.RetryAfter?.Delta > TimeSpan.Zero);
        Assert.Equal(HttpStatusCode.OK, (await agent.ApiAsync(HttpMethod.Get, "/organization", other)).Status);
        keys.Delete(recursive: true);
    }

    [Fact]
    public async Task A_session_shows_what_its_mcp_client_says_it_is()
    {
        var (application, _) = await kontext.ApplicationAsync();
        using var browser = new FormBrowser();
        var token = (await kontext.Agent.AuthorizeAsync(browser, "app_" + application, "sam", kontext.Agent.Gateway))["access_token"]!;
        await kontext.Agent.McpAsync(token, "initialize", new JsonObject
        {
            ["protocolVersion"] = "2025-06-18", ["capabilities"] = new JsonObject(), ["clientInfo"] = new JsonObject { ["name"] = "claude-code", ["title"] = "Claude Code", ["version"] = "2.1" },
        });
        var session = (await kontext.Agent.ApiAsync(HttpMethod.Get, $"/applications/{application}/sessions", kontext.OwnerToken)).Json!["items"]![0]!;
        Assert.Equal(("claude-code", "Claude Code", "2.1", "active"), ((string?)session["clientInfo"]!["name"], (string?)session["clientInfo"]!["title"], (string?)session["clientInfo"]!["version"], (string?)session["derivedStatus"]));
    }

    private async Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, string? body = null)
    {
        using var request = new HttpRequestMessage(method, new Uri("/api/v1" + path, UriKind.Relative)) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", kontext.OwnerToken);
        using var answer = await kontext.Server.Http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        return new JsonAnswer(answer.StatusCode, text.Length == 0 ? null : JsonNode.Parse(text), answer.Headers);
    }

    private async Task<(int Status, JsonNode Error)> SendAsync(HttpContent body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri("/api/v1/applications", UriKind.Relative)) { Content = body };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", kontext.OwnerToken);
        // A body that is refused unread is not sent: half of it on the way would break the connection before the answer is read.
        request.Headers.ExpectContinue = true;
        using var answer = await kontext.Server.Http.SendAsync(request);
        return ((int)answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync())!);
    }
}
