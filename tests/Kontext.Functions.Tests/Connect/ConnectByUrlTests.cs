using System.Net;
using System.Text.Json.Nodes;
using System.Web;
using Kontext.Functions.Tests.Api;
using Kontext.Functions.Tests.Organizations;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Connect;

/// <summary>Services that the catalog does not know, through the running product: an MCP server by its URL alone, a service by its issuer, a service by its endpoints.</summary>
public sealed class ConnectByUrlTests(KontextFixture kontext, ConnectByUrlTests.Simulator simulator) : IClassFixture<ConnectByUrlTests.Simulator>
{
    private readonly UpstreamIdp idp = simulator.Idp;

    public sealed class Simulator : IAsyncLifetime
    {
        public UpstreamIdp Idp { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Idp = await UpstreamIdp.StartAsync(("ACCESS_TTL", "600"));

        public ValueTask DisposeAsync() => Idp.DisposeAsync();
    }

    [Fact]
    public async Task A_server_known_by_its_URL_alone_is_connected_called_and_asked_for_more_scopes()
    {
        // The first of its issuers is not there: the next one serves.
        await using var server = await ProtectedMcpServer.StartAsync($"http://127.0.0.1:{KontextServer.FreePort()}", idp.Issuer);
        var id = await CreateAsync(server.Url);
        var name = await NameAsync(id);
        var agent = await AttachedAgent.CreateAsync(kontext, id, "mara");
        using var browser = new FormBrowser();

        var asked = await ConnectAsync(browser, await LinkAsync(agent, name, "read"), "Connect");
        Assert.StartsWith("dyn-", asked["client_id"], StringComparison.Ordinal);
        Assert.Equal("S256", asked["code_challenge_method"]);
        Assert.Equal(server.Url, asked["resource"]);
        Assert.Equal("openid api.read offline_access", asked["scope"]);
        Assert.Equal(server.Url, (string?)(await idp.GrantAsync("alice"))["resource"]);

        var listed = await kontext.Agent.McpAsync(agent.Token, "tools/list", path: $"/mcp/{name}");
        Assert.Contains("read", listed.Json!.ToJsonString(), StringComparison.Ordinal);
        Assert.Null((await CallAsync(agent, name, "read"))["error"]);

        // The scope that is missing shows on the page, and connecting again asks for it beside those granted.
        var again = await LinkAsync(agent, name, "write");
        var page = await browser.OpenAsync(new Uri(again));
        Assert.Contains("api.write", page.Text, StringComparison.Ordinal);
        asked = await ConnectAsync(browser, again, "Reconnect");
        Assert.Equal(["api.read", "api.write", "offline_access", "openid"], asked["scope"]!.Split(' ').Order(StringComparer.Ordinal));
        Assert.Null((await CallAsync(agent, name, "write"))["error"]);

        var registered = (await idp.StateAsync())["events"]!.AsArray().Count(happened => (string?)happened!["type"] == "register");
        Assert.Equal(1, registered);
    }

    [Fact]
    public async Task A_server_whose_metadata_is_about_another_one_is_not_connected_and_validation_says_so()
    {
        await using var server = await ProtectedMcpServer.StartAsync(idp.Issuer);
        server.Resource = "https://bank.example.com/mcp";
        var found = await kontext.Agent.ApiAsync(HttpMethod.Post, $"/integrations/{await CreateAsync(server.Url)}/validate", kontext.OwnerToken);
        Assert.Equal("invalid", found["status"]);
        Assert.Contains("is about another resource", found["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_asks_for_no_token_says_where_metadata_is_missing()
    {
        var found = await kontext.Agent.ApiAsync(HttpMethod.Post, $"/integrations/{await CreateAsync(idp.Issuer + "/nothing")}/validate", kontext.OwnerToken);
        Assert.Equal("invalid", found["status"]);
        Assert.Contains("/.well-known/oauth-protected-resource/nothing", found["message"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_service_by_issuer_or_by_endpoints_comes_down_to_the_same(bool byIssuer)
    {
        var oauth = new JsonObject { ["clientId"] = "vault-client", ["clientSecret"] = "vault-secret", ["scopes"] = new JsonArray("api.read") };
        if (byIssuer)
            oauth["issuer"] = idp.Issuer;
        else
            (oauth["authorizationUrl"], oauth["tokenUrl"]) = (idp.Issuer + "/authorize", idp.Issuer + "/token");
        var id = await kontext.IntegrationAsync("oauth", new JsonObject { ["category"] = "internal_mcp_credentials", ["oauth"] = oauth });
        var found = await kontext.Agent.ApiAsync(HttpMethod.Post, $"/integrations/{id}/validate", kontext.OwnerToken);
        Assert.Equal("valid", found["status"]);
        var metadata = (await kontext.Agent.ApiAsync(HttpMethod.Get, $"/integrations/{id}/oauth", kontext.OwnerToken)).Json!["oauth"]!["metadata"]!;
        Assert.Equal(idp.Issuer + "/token", (string?)metadata["token_endpoint"]);
    }

    [Fact]
    public async Task Our_own_client_metadata_document_names_itself_and_the_callback()
    {
        var document = await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Get, "/.well-known/oauth-client", token: null);
        Assert.Equal(HttpStatusCode.OK, document.Status);
        var issuer = kontext.Server.Url.OriginalString.TrimEnd('/');
        Assert.Equal(issuer + "/.well-known/oauth-client", document["client_id"]);
        Assert.Equal(issuer + "/oauth/callback", (string?)document.Json!["redirect_uris"]![0]);
        Assert.Equal("none", document["token_endpoint_auth_method"]);
    }

    private Task<string> CreateAsync(string url) => kontext.IntegrationAsync("oauth", new JsonObject { ["url"] = url });

    private async Task<string> NameAsync(string id) => (string)(await kontext.Agent.ApiAsync(HttpMethod.Get, $"/integrations/{id}", kontext.OwnerToken)).Json!["integration"]!["name"]!;

    private async Task<JsonNode> CallAsync(AttachedAgent agent, string name, string tool) =>
        (await kontext.Agent.McpAsync(agent.Token, "tools/call", new JsonObject { ["name"] = $"{name}__{tool}", ["arguments"] = new JsonObject() })).Json!;

    private async Task<string> LinkAsync(AttachedAgent agent, string name, string tool)
    {
        var refused = await CallAsync(agent, name, tool);
        Assert.Equal(-32042, (int)refused["error"]!["code"]!);
        return (string)refused["error"]!["data"]!["elicitations"]![0]!["url"]!;
    }

    /// <summary>Connects on the page as a person does; gives what the authorization server was asked.</summary>
    private async Task<System.Collections.Specialized.NameValueCollection> ConnectAsync(FormBrowser browser, string link, string button)
    {
        var page = await browser.OpenAsync(new Uri(link));
        if (page.Document.QuerySelector("input[name=username]") is not null)
            page = await browser.SubmitAsync(page, "Sign in", new Dictionary<string, string> { ["username"] = "mara" });
        var away = await browser.SubmitAsync(page, button, null, uri => uri.OriginalString.StartsWith(idp.Issuer, StringComparison.Ordinal));
        var back = await idp.AuthorizeAsync(away.Location!);
        var done = await browser.OpenAsync(new Uri(kontext.Server.Url, back.PathAndQuery));
        Assert.True(done.Status == HttpStatusCode.OK, done.Text);
        return HttpUtility.ParseQueryString(away.Location!.Query);
    }
}
