using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Organizations;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>How connections begin, are checked and end, on the running program with real services at the other end.</summary>
public sealed class ConnectionsTests(KontextFixture kontext, Services services) : IClassFixture<Services>
{
    [Fact]
    public async Task A_token_the_service_refuses_is_not_stored_and_the_person_is_told()
    {
        var (id, service) = await TokenServiceAsync();
        using var person = await Person.WithTokenAsync(kontext, "karl");
        var refused = await OwnAsync(person, HttpMethod.Post, id, "", new JsonObject { ["token"] = "wrong-token" });
        Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
        Assert.Contains($"{service} does not accept this token", refused["message"], StringComparison.Ordinal);
        Assert.DoesNotContain("wrong-token", refused.Json!.ToJsonString(), StringComparison.Ordinal);
        Assert.Null(await person.RecordAsync(service));

        var stored = await OwnAsync(person, HttpMethod.Post, id, "", new JsonObject { ["token"] = "upstream-secret-1" });
        Assert.Equal("connected", stored["status"]);
        Assert.Equal("valid", (string?)stored.Json!["connection"]!["validity"]);
    }

    [Fact]
    public async Task A_token_that_cannot_be_checked_is_stored_as_unknown_and_the_person_is_told()
    {
        var (id, service) = await TokenServiceAsync($"http://127.0.0.1:{KontextServer.FreePort()}/mcp");
        using var person = await Person.WithTokenAsync(kontext, "kim");
        var stored = await person.CallAsync(HttpMethod.Post, $"/{service}/token", new JsonObject { ["token"] = "some-token" });
        Assert.Equal(HttpStatusCode.OK, stored.Status);
        Assert.Equal("unknown", (string?)stored.Json!["integration"]!["status"]);
        Assert.Contains("could not be checked", stored["message"], StringComparison.Ordinal);
        Assert.Equal("connected", (await OwnAsync(person, HttpMethod.Get, id, ""))["status"]);
    }

    [Fact]
    public async Task The_form_says_what_the_service_says_of_a_token()
    {
        var (id, service) = await TokenServiceAsync();
        using var person = await Person.WithTokenAsync(kontext, "kuno");
        using var browser = new FormBrowser();
        var page = await browser.OpenAsync(new Uri((string)(await OwnAsync(person, HttpMethod.Get, id, "")).Json!["connection"]!["connectUrl"]!));
        page = await browser.SubmitAsync(page, "Sign in", new Dictionary<string, string> { ["username"] = "kuno" });
        page = await browser.SubmitAsync(page, "Save", new Dictionary<string, string> { ["token"] = "wrong-token" });
        Assert.Equal(HttpStatusCode.BadRequest, page.Status);
        Assert.Contains($"{service} does not accept this token", page.Text, StringComparison.Ordinal);
        page = await browser.SubmitAsync(page, "Save", new Dictionary<string, string> { ["token"] = "upstream-secret-1" });
        Assert.Contains($"{service} is connected.", page.Text, StringComparison.Ordinal);
        Assert.Equal("valid", (string?)(await person.RecordAsync(service))!["status"]);
    }

    [Fact]
    public async Task A_service_that_lists_its_tools_to_anybody_proves_no_token_good()
    {
        await using var open = await Mcp.McpServerDouble.StartAsync(modern: true);
        open.Tokens.Add("any");
        open.Fault = (context, _) =>
        {
            context.Request.Headers.Authorization = "Bearer any";
            return Task.FromResult(false);
        };
        var (id, _) = await TokenServiceAsync(open.Url.AbsoluteUri);
        using var person = await Person.WithTokenAsync(kontext, "kora");
        var stored = await OwnAsync(person, HttpMethod.Post, id, "", new JsonObject { ["token"] = "nonsense" });
        Assert.Equal("unknown", (string?)stored.Json!["connection"]!["validity"]);
        Assert.Contains("proves nothing", (string?)stored.Json["connection"]!["checkMessage"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_withdrawn_at_the_service_is_found_by_validating_and_handed_to_no_agent_until_it_works_again()
    {
        await using var server = await Mcp.McpServerDouble.StartAsync(modern: true);
        var (id, service) = await TokenServiceAsync(server.Url.AbsoluteUri);
        using var person = await Person.WithTokenAsync(kontext, "lars");
        await OwnAsync(person, HttpMethod.Post, id, "", new JsonObject { ["token"] = "upstream-secret-1" });
        var agent = await AttachedAgent.CreateAsync(kontext, id, "lars");
        Assert.Equal("upstream-secret-1", (await agent.ExchangeAsync(kontext, service))["access_token"]);

        server.Tokens.Clear();
        var found = await OwnAsync(person, HttpMethod.Post, id, "/validate");
        Assert.Equal("invalid", found["validity"]);
        Assert.Equal("disconnected", (string?)found.Json!["connection"]!["status"]);
        var refused = await agent.ExchangeAsync(kontext, service);
        Assert.Equal("integration_required", refused["error"]);
        Assert.Contains("no longer accepts the stored credential", refused["error_description"], StringComparison.Ordinal);
        Assert.Equal("invalid", (string?)(await person.RecordAsync(service))!["status"]);

        server.Tokens.Add("upstream-secret-1");
        Assert.Equal("valid", (await OwnAsync(person, HttpMethod.Post, id, "/validate"))["validity"]);
        Assert.Equal("upstream-secret-1", (await agent.ExchangeAsync(kontext, service))["access_token"]);
        Assert.Contains(await EventsAsync("connection.validated"), entry => (string?)entry["integration"] == service && (string?)entry["status"] == "error_auth");
    }

    [Fact]
    public async Task After_the_provider_ended_a_grant_status_page_gateway_and_exchange_say_so_and_one_link_mends_it()
    {
        await using var server = await Mcp.McpServerDouble.StartAsync(modern: true);
        var settings = services.OAuth();
        settings["category"] = "gateway_remote_mcp";
        settings["url"] = server.Url.AbsoluteUri;
        settings["oauth"]!["authorizationUrl"] = services.Idp.Issuer + "/authorize";
        settings["oauth"]!["tokenUrl"] = services.Idp.Issuer + "/token";
        var id = await kontext.IntegrationAsync("oauth", settings);
        var service = await NameAsync(id);
        using var person = await Person.WithTokenAsync(kontext, "mara");
        var connected = await person.ConnectAsync(services, service);
        Assert.Equal(HttpStatusCode.OK, connected.Status);
        var agent = await AttachedAgent.CreateAsync(kontext, id, "mara");
        server.Tokens.Add((await agent.ExchangeAsync(kontext, service))["access_token"]!);
        var call = new JsonObject { ["name"] = $"{service}__echo", ["arguments"] = new JsonObject { ["text"] = "hi" } };
        Assert.Null((await kontext.Agent.McpAsync(agent.Token, "tools/call", call.DeepClone().AsObject())).Json!["error"]);

        await services.Idp.RevokeUserAsync("alice");
        server.Tokens.Clear();
        var gateway = await kontext.Agent.McpAsync(agent.Token, "tools/call", call.DeepClone().AsObject());
        Assert.Equal(-32042, (int)gateway.Json!["error"]!["code"]!);
        Assert.Contains("the provider ended the grant", (string?)gateway.Json["error"]!["message"], StringComparison.Ordinal);

        var status = await OwnAsync(person, HttpMethod.Get, id, "");
        Assert.Equal("disconnected", status["status"]);
        Assert.Contains("the provider ended the grant", (string?)status.Json!["connection"]!["reason"], StringComparison.Ordinal);
        Assert.Equal("invalid_grant", (string?)status.Json["connection"]!["reasonCode"]);
        Assert.Equal("invalid", (string?)(await person.RecordAsync(service))!["status"]);
        Assert.False((bool)(await person.CallAsync(HttpMethod.Post, $"/{service}")).Json!["is_valid"]!);

        var exchange = await agent.ExchangeAsync(kontext, service);
        Assert.Equal("integration_required", exchange["error"]);
        Assert.Contains("the provider ended the grant", exchange["error_description"], StringComparison.Ordinal);

        var links = new[] { (string)gateway.Json["error"]!["data"]!["elicitations"]![0]!["url"]!, (string)status.Json["connection"]!["connectUrl"]!, exchange["connect_url"]! };
        foreach (var link in links)
        {
            using var browser = new FormBrowser();
            var page = await browser.OpenAsync(new Uri(link));
            page = await browser.SubmitAsync(page, "Sign in", new Dictionary<string, string> { ["username"] = "mara" });
            Assert.Contains("the provider ended the grant", page.Text, StringComparison.Ordinal);
            if (link != links[^1])
                continue;
            var away = await browser.SubmitAsync(page, "Reconnect", null, uri => uri.OriginalString.StartsWith(services.Idp.Issuer, StringComparison.Ordinal));
            await browser.OpenAsync(new Uri(kontext.Server.Url, (await services.Idp.AuthorizeAsync(away.Location!)).PathAndQuery));
        }
        Assert.NotNull((await agent.ExchangeAsync(kontext, service))["access_token"]);
    }

    [Fact]
    public async Task Changing_the_mode_ends_everybodys_connection_at_the_provider_and_in_the_vault()
    {
        var id = await kontext.IntegrationAsync("oauth", services.OAuth());
        var service = await NameAsync(id);
        using var first = await Person.WithTokenAsync(kontext, "nele");
        using var second = await Person.WithTokenAsync(kontext, "nils");
        await first.ConnectAsync(services, service);
        await second.ConnectAsync(services, service);
        var before = await RevocationsAsync();

        var changed = await OwnerAsync(HttpMethod.Patch, $"/integrations/{id}", new JsonObject { ["authMode"] = "user_token" });
        Assert.Equal(2, (int)changed.Json!["connectionsCleared"]!);
        Assert.Equal(before + 2, await RevocationsAsync());
        foreach (var person in new[] { first, second })
        {
            var connection = (await OwnAsync(person, HttpMethod.Get, id, "")).Json!["connection"]!;
            Assert.Equal("mode_changed", (string?)connection["reasonCode"]);
            Assert.Null(await person.RecordAsync(service));
        }
        var ended = (await EventsAsync("connection.disconnected")).Where(entry => (string?)entry["integration"] == service).ToList();
        Assert.Equal(2, ended.Count);
        Assert.All(ended, entry => Assert.Equal("olivia", (string?)entry["actor"]!["name"]));
    }

    [Fact]
    public async Task Another_provider_for_an_integration_gets_no_token_of_the_one_before()
    {
        await using var other = await UpstreamIdp.StartAsync();
        var id = await kontext.IntegrationAsync("oauth", services.OAuth());
        var service = await NameAsync(id);
        using var person = await Person.WithTokenAsync(kontext, "otto");
        await person.ConnectAsync(services, service);
        var moved = await OwnerAsync(HttpMethod.Put, $"/integrations/{id}/oauth", new JsonObject { ["issuer"] = other.Issuer });
        Assert.Equal(HttpStatusCode.OK, moved.Status);
        Assert.Equal("mode_changed", (string?)(await OwnAsync(person, HttpMethod.Get, id, "")).Json!["connection"]!["reasonCode"]);
        Assert.Equal(0, (await other.StateAsync())["counters"]!["revoke"]!.GetValue<int>());
        var ended = (await EventsAsync("connection.disconnected")).First(entry => (string?)entry["integration"] == service);
        Assert.Contains("could not be told", (string?)ended["errorMessage"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Archiving_stops_agents_at_once_and_ends_the_connections()
    {
        var id = await kontext.IntegrationAsync("oauth", services.OAuth());
        var service = await NameAsync(id);
        using var person = await Person.WithTokenAsync(kontext, "petra");
        await person.ConnectAsync(services, service);
        var agent = await AttachedAgent.CreateAsync(kontext, id, "petra");
        Assert.NotNull((await agent.ExchangeAsync(kontext, service))["access_token"]);
        var before = await RevocationsAsync();

        Assert.Equal(HttpStatusCode.NoContent, (await OwnerAsync(HttpMethod.Delete, $"/integrations/{id}")).Status);
        Assert.Equal("invalid_target", (await agent.ExchangeAsync(kontext, service))["error"]);
        Assert.Equal(before + 1, await RevocationsAsync());
        Assert.Null(await person.OfferAsync(service));
        Assert.Null(await person.RecordAsync(service));
    }

    [Fact]
    public async Task An_administrator_sees_and_ends_a_persons_connection_and_the_person_reads_who_did()
    {
        var id = await kontext.IntegrationAsync("oauth", services.OAuth());
        var service = await NameAsync(id);
        using var person = await Person.WithTokenAsync(kontext, "rita");
        await person.ConnectAsync(services, service);
        var agent = await AttachedAgent.CreateAsync(kontext, id, "rita");
        Assert.Equal(HttpStatusCode.Forbidden, (await kontext.Agent.ApiAsync(HttpMethod.Get, $"/integrations/{id}/connections", person.Token)).Status);

        var listed = (await OwnerAsync(HttpMethod.Get, $"/integrations/{id}/connections")).Json!["items"]!.AsArray().Single()!;
        Assert.Equal("rita", (string?)listed["userName"]);
        Assert.True((bool)listed["connection"]!["connected"]!);
        await services.Idp.FaultAsync("revoke", "unavailable");
        var ended = await OwnerAsync(HttpMethod.Delete, $"/integrations/{id}/connections/{(string)listed["userId"]!}");
        Assert.Equal("failed", (string?)ended.Json!["revocation"]!["provider"]);
        Assert.True((bool)ended.Json["revocation"]!["secretsDeleted"]!);
        Assert.NotNull(ended.Json["revocation"]!["livesUntil"]);

        Assert.Equal("an administrator disconnected it", (string?)(await OwnAsync(person, HttpMethod.Get, id, "")).Json!["connection"]!["reason"]);
        Assert.Contains("an administrator disconnected it", (await agent.ExchangeAsync(kontext, service))["error_description"], StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await OwnerAsync(HttpMethod.Delete, $"/integrations/{id}/connections/{Guid.NewGuid()}")).Status);
    }

    [Fact]
    public async Task A_settings_fault_found_by_validating_names_the_setting()
    {
        var settings = services.OAuth();
        settings["oauth"]!.AsObject().Remove("clientId");
        settings["oauth"]!.AsObject().Remove("clientSecret");
        var id = await kontext.IntegrationAsync("oauth", settings);
        var answer = await OwnerAsync(HttpMethod.Post, $"/integrations/{id}/validate");
        Assert.Equal("invalid", answer["status"]);
        Assert.Contains("oauth.clientId", answer["message"], StringComparison.Ordinal);
        await OwnerAsync(HttpMethod.Put, $"/integrations/{id}/oauth", new JsonObject { ["clientId"] = "vault-client", ["clientSecret"] = "vault-secret" });
        Assert.Equal("valid", (await OwnerAsync(HttpMethod.Post, $"/integrations/{id}/validate"))["status"]);
        var read = (await OwnerAsync(HttpMethod.Get, $"/integrations/{id}")).Json!["integration"]!;
        Assert.Equal(services.Idp.Issuer + "/token", (string?)read["oauth"]!["metadata"]!["token_endpoint"]);
    }

    [Fact]
    public async Task Validating_lists_the_tools_with_the_administrators_own_connection_and_keeps_them()
    {
        await using var server = await Mcp.McpServerDouble.StartAsync(modern: false);
        var (id, _) = await TokenServiceAsync(server.Url.AbsoluteUri);
        var asked = await OwnerAsync(HttpMethod.Post, $"/integrations/{id}/validate");
        Assert.Equal("valid", asked["status"]);
        Assert.Contains("asks for a credential", asked["message"], StringComparison.Ordinal);
        await OwnerAsync(HttpMethod.Post, $"/integrations/{id}/connection", new JsonObject { ["token"] = "upstream-secret-1" });
        var listed = await OwnerAsync(HttpMethod.Post, $"/integrations/{id}/validate");
        Assert.Contains("offers 2 tools", listed["message"], StringComparison.Ordinal);
        var kept = (await OwnerAsync(HttpMethod.Get, $"/integrations/{id}")).Json!["integration"]!["capabilities"]!["tools"]!.AsArray();
        Assert.Equal(["echo", "delete_item"], kept.Select(name => (string?)name));
    }

    [Theory]
    [InlineData("/nothing-here", "no MCP server")]
    [InlineData("", "cannot be reached")]
    public async Task Validating_says_what_is_wrong_with_the_address(string path, string words)
    {
        var url = path.Length > 0 ? services.Idp.Issuer + path : $"http://127.0.0.1:{KontextServer.FreePort()}/mcp";
        var id = await kontext.IntegrationAsync("none", new JsonObject { ["url"] = url });
        var answer = await OwnerAsync(HttpMethod.Post, $"/integrations/{id}/validate");
        Assert.Equal("invalid", answer["status"]);
        Assert.Contains(words, answer["message"], StringComparison.Ordinal);
        Assert.Null((string?)(await OwnerAsync(HttpMethod.Patch, $"/integrations/{id}", new JsonObject { ["url"] = services.Server.Url.AbsoluteUri })).Json!["integration"]!["validationStatus"]);
    }

    [Fact]
    public async Task Disconnecting_reports_what_became_of_the_grant_to_who_asks()
    {
        var id = await kontext.IntegrationAsync("oauth", services.OAuth());
        using var person = await Person.WithTokenAsync(kontext, "sven");
        await person.ConnectAsync(services, await NameAsync(id));
        using var request = new HttpRequestMessage(HttpMethod.Delete, new Uri(kontext.Server.Url, $"/api/v1/integrations/{id}/connection"));
        request.Headers.Authorization = new System.Net.Http.Headers.AuthenticationHeaderValue("Bearer", person.Token);
        request.Headers.Add("Prefer", "return=representation");
        using var answer = await kontext.Server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        var report = JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        Assert.Equal("revoked", (string?)report["revocation"]!["provider"]);
        Assert.Equal("disconnected_by_person", (string?)report["connection"]!["reasonCode"]);
        Assert.Equal(HttpStatusCode.NoContent, (await OwnAsync(person, HttpMethod.Delete, id, "")).Status);
    }

    private async Task<(string Id, string Name)> TokenServiceAsync(string? url = null)
    {
        var id = await kontext.IntegrationAsync("user_token", new JsonObject { ["url"] = url ?? services.Server.Url.AbsoluteUri });
        return (id, await NameAsync(id));
    }

    private async Task<string> NameAsync(string id) => (string)(await OwnerAsync(HttpMethod.Get, $"/integrations/{id}")).Json!["integration"]!["name"]!;

    private async Task<int> RevocationsAsync() => (await services.Idp.StateAsync())["counters"]!["revoke"]!.GetValue<int>();

    private async Task<List<JsonNode>> EventsAsync(string type) =>
        [.. (await OwnerAsync(HttpMethod.Get, $"/audit/events?type={type}&limit=200")).Json!["items"]!.AsArray().Select(entry => entry!)];

    private Task<JsonAnswer> OwnAsync(Person person, HttpMethod method, string id, string path, JsonNode? body = null) =>
        kontext.Agent.ApiAsync(method, $"/integrations/{id}/connection{path}", person.Token, body);

    private Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, JsonNode? body = null) => kontext.Agent.ApiAsync(method, path, kontext.OwnerToken, body);
}
