using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Proxy;

/// <summary>Nothing an agent or a service sends leads anywhere but below the integration's base address, and past no rule.</summary>
public sealed class ProxyBoundaryTests(KontextFixture kontext) : IAsyncLifetime
{
    private ProxyWorld world = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => world = await ProxyWorld.CreateAsync(kontext.Server, kontext.OwnerToken);

    public ValueTask DisposeAsync() => world.DisposeAsync();

    [Theory]
    [InlineData("/proxy/{0}/../{0}/x")]
    [InlineData("/proxy/{0}/..")]
    [InlineData("/proxy/{0}/a/../../../admin")]
    [InlineData("/proxy/{0}/%2e%2e/admin")]
    [InlineData("/proxy/{0}/..%2fadmin")]
    [InlineData("/proxy/{0}/a%2F..%2F..%2Fadmin")]
    [InlineData("/proxy/{0}/a%252fb")]
    [InlineData("/proxy/{0}/a%5c..%5cadmin")]
    [InlineData("/proxy/{0}//evil.example/x")]
    [InlineData("/proxy/{0}/a//b")]
    [InlineData("/proxy/{0}/..;/admin")]
    [InlineData("/proxy/other/../{0}/x")]
    [InlineData("/proxy/{0}/a#b")]
    [InlineData("/proxy/{0}/a?b#c")]
    public async Task Addresses_that_can_be_read_in_two_ways_never_reach_the_API(string target)
    {
        var answer = await world.SendTargetAsync(string.Format(System.Globalization.CultureInfo.InvariantCulture, target, world.Name));
        Assert.Matches("^HTTP/1.1 (400|404) ", answer);
        Assert.Empty(world.Api.Seen);
    }

    [Theory]
    [InlineData("/@evil.example/x")]
    [InlineData("/:80@evil.example/x")]
    [InlineData("/http://evil.example")]
    [InlineData("/x?url=http://169.254.169.254/")]
    public async Task Addresses_in_a_path_stay_a_path(string path)
    {
        var answer = await world.SendTargetAsync($"/proxy/{world.Name}{path}");
        if (path.Contains("//", StringComparison.Ordinal) && !path.Contains('?', StringComparison.Ordinal))
        {
            Assert.StartsWith("HTTP/1.1 400", answer);
            Assert.Empty(world.Api.Seen);
            return;
        }
        Assert.StartsWith("HTTP/1.1 200", answer);
        Assert.Equal(ApiDouble.Prefix + path, Assert.Single(world.Api.Seen).Target);
    }

    [Theory]
    [InlineData("TRACE")]
    [InlineData("CONNECT")]
    public async Task Methods_that_send_back_or_tunnel_are_not_passed_on(string method)
    {
        var answer = await world.SendTargetAsync($"/proxy/{world.Name}/x", method);
        Assert.Matches("^HTTP/1.1 4", answer);
        Assert.Empty(world.Api.Seen);
    }

    [Theory]
    [InlineData("/base/v1/next?page=2#top", "/next?page=2#top")]
    [InlineData("next", "/next")]
    [InlineData("{root}/base/v1/a%20b", "/a%20b")]
    [InlineData("{root}/base/v1", "")]
    public async Task A_redirect_below_the_base_address_leads_through_the_proxy(string location, string expected)
    {
        Redirect(location);
        using var answer = await world.GetAsync("/here");
        Assert.Equal((HttpStatusCode.Found, $"{kontext.Server.Url.OriginalString.TrimEnd('/')}/proxy/{world.Name}{expected}"), (answer.StatusCode, answer.Headers.Location?.OriginalString));
    }

    [Theory]
    [InlineData("http://169.254.169.254/latest/meta-data/")]
    [InlineData("//evil.example/x")]
    [InlineData("https://evil.example/x")]
    [InlineData("/admin")]
    [InlineData("/base/v1evil")]
    [InlineData("/base/v1/../admin")]
    [InlineData("{root-as-user}@evil.example/x")]
    [InlineData("http://allowed.example:81/x")]
    [InlineData("file:///etc/passwd")]
    [InlineData("javascript:alert(1)")]
    public async Task A_redirect_elsewhere_is_refused(string location)
    {
        await world.ChangeAsync(new JsonObject { ["proxy"] = new JsonObject { ["allowedHosts"] = new JsonArray("allowed.example") } });
        Redirect(location);
        using var answer = await world.GetAsync("/here");
        Assert.Equal((HttpStatusCode.BadGateway, "kontext_upstream_failed"), (answer.StatusCode, Assert.Single(answer.Headers.GetValues("X-Kontext-Error"))));
        Assert.Null(answer.Headers.Location);
    }

    [Fact]
    public async Task A_redirect_to_an_allowed_host_and_links_to_further_pages_are_passed_on()
    {
        Assert.Equal(HttpStatusCode.OK, (await world.ChangeAsync(new JsonObject { ["proxy"] = new JsonObject { ["allowedHosts"] = new JsonArray("Files.example:8443") } })).Status);
        world.Api.Answer = context =>
        {
            context.Response.StatusCode = 302;
            context.Response.Headers.Location = "https://files.example:8443/blob?sig=1";
            context.Response.Headers.Link = $"<{world.Api.BaseUrl}/items?page=2>; rel=\"next\", <https://docs.example/>; rel=\"help\"";
            return Task.CompletedTask;
        };
        using var answer = await world.GetAsync("/download");
        Assert.Equal("https://files.example:8443/blob?sig=1", answer.Headers.Location?.OriginalString);
        Assert.Equal($"<{kontext.Server.Url.OriginalString.TrimEnd('/')}/proxy/{world.Name}/items?page=2>; rel=\"next\", <https://docs.example/>; rel=\"help\"", Assert.Single(answer.Headers.GetValues("Link")));
    }

    [Theory]
    [InlineData("DELETE", "/repos/acme/web")]
    [InlineData("DELETE", "/%72epos/acme/web")]
    [InlineData("delete", "/repos/acme/web")]
    [InlineData("DELETE", "/repos/acme/web/")]
    [InlineData("DELETE", "/repos/acme/web?x=/other")]
    public async Task A_rule_about_method_and_path_cannot_be_got_around(string method, string path)
    {
        await world.RuleAsync("deny", "DELETE /repos/*");
        Assert.StartsWith("HTTP/1.1 403", await world.SendTargetAsync($"/proxy/{world.Name}{path}", method));
        Assert.Empty(world.Api.Seen);
        using var allowed = await world.GetAsync("/repos/acme/web");
        Assert.Equal(HttpStatusCode.OK, allowed.StatusCode);
    }

    [Fact]
    public async Task A_denial_names_its_layer_and_HEAD_is_a_GET()
    {
        await world.RuleAsync("deny", "GET /private*");
        using var head = await world.SendAsync(HttpMethod.Head, "/private/1");
        Assert.Equal(HttpStatusCode.Forbidden, head.StatusCode);
        using var denied = await world.GetAsync("/private/1");
        var body = await denied.Content.ReadFromJsonAsync<JsonNode>(Cancelled);
        Assert.Equal(("kontext_policy_denied", "org", world.Name), ((string?)body!["code"], (string?)body["layer"], (string?)body["integrationName"]));
        Assert.Empty(world.Api.Seen);
    }

    [Fact]
    public async Task A_condition_on_the_body_holds_for_bodies_it_cannot_read_too()
    {
        await world.RuleAsync("deny", "POST /payments", [new JsonObject { ["path"] = "arguments.body.amount", ["operator"] = "at_least", ["values"] = new JsonArray("100") }]);
        async Task<int> PayAsync(HttpContent content)
        {
            using var answer = await world.SendAsync(HttpMethod.Post, "/payments", content);
            return (int)answer.StatusCode;
        }
        Assert.Equal(200, await PayAsync(JsonContent.Create(new JsonObject { ["amount"] = 5 })));
        Assert.Equal(403, await PayAsync(Json("""{"amount":500}""")));
        Assert.Equal(403, await PayAsync(Json("""{"amount":5,"amount":500}""")));
        Assert.Equal(403, await PayAsync(new StringContent("""{"amount":500}""")));
        using var unannounced = new StreamContent(new UnsizedStream("""{"amount":500}"""u8.ToArray()));
        Assert.Equal(403, await PayAsync(unannounced));
        using var large = new StringContent($$"""{"amount":5,"note":"{{new string('x', 70_000)}}"}""", System.Text.Encoding.UTF8, "application/json");
        Assert.Equal(403, await PayAsync(large));
        Assert.Single(world.Api.Seen);
    }

    [Fact]
    public async Task What_needs_approval_is_shown_with_its_body_and_refused_when_it_cannot_be()
    {
        await world.RuleAsync("ask", "POST /payments");
        using var asked = await world.SendAsync(HttpMethod.Post, "/payments", Json("""{"amount":500}"""));
        var body = await asked.Content.ReadFromJsonAsync<JsonNode>(Cancelled);
        Assert.Equal((HttpStatusCode.Forbidden, "kontext_approval_required"), (asked.StatusCode, (string?)body!["code"]));
        Assert.Contains("/approvals/", (string?)body["approvalUrl"]);
        using var unseen = await world.SendAsync(HttpMethod.Post, "/payments", new StreamContent(new UnsizedStream("{}"u8.ToArray())));
        Assert.Equal("kontext_policy_denied", (string?)(await unseen.Content.ReadFromJsonAsync<JsonNode>(Cancelled))!["code"]);
        Assert.Empty(world.Api.Seen);
    }

    [Fact]
    public async Task Without_a_token_of_ours_for_it_nothing_is_passed_on()
    {
        using var http = new HttpClient { BaseAddress = kontext.Server.Url };
        using var anonymous = await http.GetAsync($"/proxy/{world.Name}/x", Cancelled);
        Assert.Equal(HttpStatusCode.Unauthorized, anonymous.StatusCode);
        Assert.Contains("resource_metadata=", anonymous.Headers.WwwAuthenticate.ToString());
        using var management = new HttpRequestMessage(HttpMethod.Get, $"/proxy/{world.Name}/x");
        management.Headers.Authorization = new AuthenticationHeaderValue("Bearer", kontext.OwnerToken);
        using var refused = await http.SendAsync(management, Cancelled);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        await using var other = await ProxyWorld.CreateAsync(kontext.Server, kontext.OwnerToken);
        using var foreign = new HttpRequestMessage(HttpMethod.Get, $"/proxy/{world.Name}/x");
        foreign.Headers.Authorization = new AuthenticationHeaderValue("Bearer", other.Token);
        using var unattached = await http.SendAsync(foreign, Cancelled);
        Assert.Equal(HttpStatusCode.NotFound, unattached.StatusCode);
        Assert.Empty(world.Api.Seen);
    }

    [Fact]
    public async Task An_integration_without_a_base_address_and_a_person_without_a_connection_are_told_so()
    {
        await kontext.Agent.ApiAsync(HttpMethod.Delete, $"/integrations/{world.IntegrationId}/connection", kontext.OwnerToken);
        using var unconnected = await world.GetAsync("/x");
        var body = await unconnected.Content.ReadFromJsonAsync<JsonNode>(Cancelled);
        Assert.Equal((HttpStatusCode.Forbidden, "kontext_integration_connection_required"), (unconnected.StatusCode, (string?)body!["code"]));
        Assert.StartsWith(kontext.Server.Url.OriginalString, (string?)body["connectUrl"]);
        Assert.Equal(HttpStatusCode.OK, (await world.ChangeAsync(new JsonObject { ["proxy"] = new JsonObject { ["baseUrl"] = "" } })).Status);
        using var gone = await world.GetAsync("/x");
        Assert.Equal(HttpStatusCode.NotFound, gone.StatusCode);
    }

    [Theory]
    [InlineData("""{"proxy":{"baseUrl":"ftp://a.example"}}""", "proxy.baseUrl")]
    [InlineData("""{"proxy":{"baseUrl":"https://user@a.example"}}""", "proxy.baseUrl")]
    [InlineData("""{"proxy":{"baseUrl":"https://a.example/x?y=1"}}""", "proxy.baseUrl")]
    [InlineData("""{"proxy":{"baseUrl":"https://a.example/x/../y"}}""", "proxy.baseUrl")]
    [InlineData("""{"proxy":{"baseUrl":"https://a.example/%2e%2e"}}""", "proxy.baseUrl")]
    [InlineData("""{"proxy":{"allowedHosts":["https://a.example"]}}""", "proxy.allowedHosts")]
    [InlineData("""{"proxy":{"allowedHosts":["*.example"]}}""", "proxy.allowedHosts")]
    [InlineData("""{"credentialInjection":{"type":"cookie"}}""", "credentialInjection")]
    [InlineData("""{"credentialInjection":{"type":"header"}}""", "credentialInjection")]
    [InlineData("""{"credentialInjection":{"type":"header","name":"Host"}}""", "credentialInjection")]
    [InlineData("""{"credentialInjection":{"type":"header","name":"X-A\r\nB"}}""", "credentialInjection")]
    [InlineData("""{"credentialInjection":{"type":"query","name":"a&b"}}""", "credentialInjection")]
    [InlineData("""{"credentialInjection":{"type":"basic","username":"a:b"}}""", "credentialInjection")]
    [InlineData("""{"credentialInjection":{"type":"bearer","field":"key"}}""", "credentialInjection")]
    public async Task Wrong_settings_are_refused_by_field(string change, string field)
    {
        var answer = await world.ChangeAsync((JsonObject)JsonNode.Parse(change)!);
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.NotNull(answer.Json!["validationErrors"]![field]);
    }

    [Fact]
    public async Task Private_addresses_are_refused_by_name_and_number_unless_configured()
    {
        var keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;
        await using var server = await KontextServer.StartAsync("memory", keys, settings: new Dictionary<string, string> { ["Kontext__AllowPrivateUpstreams"] = "false" });
        var owner = await new TestAgent(server.Url).ManagementTokenAsync(KontextFixture.Owner);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await using var guarded = await ProxyWorld.CreateAsync(server, owner, body =>
        {
            body["url"] = "https://api.example/";
            body["proxy"] = new JsonObject { ["baseUrl"] = $"https://localhost:{port}" };
        });
        var agent = new TestAgent(server.Url);
        foreach (var host in new[] { $"localhost:{port}", $"127.0.0.1:{port}", $"[::ffff:127.0.0.1]:{port}", $"2130706433:{port}", "169.254.169.254" })
        {
            Assert.Equal(HttpStatusCode.OK, (await guarded.ChangeAsync(new JsonObject { ["proxy"] = new JsonObject { ["baseUrl"] = $"https://{host}/" } })).Status);
            using var answer = await guarded.GetAsync("/latest/meta-data/");
            Assert.Equal((HttpStatusCode.BadGateway, "kontext_upstream_failed"), (answer.StatusCode, Assert.Single(answer.Headers.GetValues("X-Kontext-Error"))));
        }
        Assert.False(listener.Pending());
        Assert.Equal(HttpStatusCode.BadRequest, (await guarded.ChangeAsync(new JsonObject { ["proxy"] = new JsonObject { ["baseUrl"] = "http://api.example" } })).Status);
        Directory.Delete(keys, recursive: true);
    }

    private static StringContent Json(string text) => new(text, System.Text.Encoding.UTF8, "application/json");

    private void Redirect(string location) => world.Api.Answer = context =>
    {
        context.Response.StatusCode = 302;
        context.Response.Headers.Location = location.Replace("{root-as-user}", world.Api.Root.OriginalString.TrimEnd('/'), StringComparison.Ordinal).Replace("{root}", world.Api.Root.OriginalString.TrimEnd('/'), StringComparison.Ordinal);
        return Task.CompletedTask;
    };

    /// <summary>A stream that does not say how long it is, so that its sender cannot either.</summary>
    private sealed class UnsizedStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;
    }
}
