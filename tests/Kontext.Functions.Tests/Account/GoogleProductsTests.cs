using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Api;
using Kontext.Functions.Tests.OAuth;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Account;

/// <summary>Gmail, Calendar and Drive: MCP servers that are there from the start and are used with the one connection to Google (seed 004).</summary>
public sealed class GoogleProductsTests(KontextFixture kontext)
{
    private static readonly string[] Products = ["gmail", "google_calendar", "google_drive"];

    [Fact]
    public async Task Their_servers_are_listed_with_a_warning_that_leads_to_the_one_card_of_Google()
    {
        var google = await IdOfAsync("google");
        using var browser = new FormBrowser();
        await browser.SubmitAsync(await browser.OpenAsync(new Uri(kontext.Server.Url, "/login")), "Sign in", new Dictionary<string, string> { ["username"] = ApiCalls.Unique("gina") });

        var servers = (await browser.OpenAsync(new Uri(kontext.Server.Url, "/mcps"))).Document;
        var cards = (await browser.OpenAsync(new Uri(kontext.Server.Url, "/integrations"))).Document;

        foreach (var product in Products)
        {
            var id = await IdOfAsync(product);
            var server = servers.QuerySelector($"section[aria-labelledby='server-{id}']")!;
            Assert.Contains("needs your connection to Google", server.TextContent, StringComparison.Ordinal);
            Assert.Equal($"/integrations#card-{google}", server.QuerySelector("a")!.GetAttribute("href"));
            Assert.Null(cards.QuerySelector($"#card-{id}"));
        }
        Assert.NotNull(cards.QuerySelector($"#card-{google}"));
    }

    [Fact]
    public async Task Their_connection_is_that_to_Google_and_is_not_ended_by_way_of_them()
    {
        var (google, gmail) = (await IdOfAsync("google"), await IdOfAsync("gmail"));
        Assert.Equal(google, (string?)(await OwnerAsync(HttpMethod.Get, $"/integrations/{gmail}")).Json!["integration"]!["connectionOf"]);

        var read = await OwnerAsync(HttpMethod.Get, $"/integrations/{gmail}/connection");
        Assert.Equal("disconnected", (string?)read.Json!["status"]);
        using var browser = new FormBrowser();
        await browser.SubmitAsync(await browser.OpenAsync(new Uri(kontext.Server.Url, "/login")), "Sign in", new Dictionary<string, string> { ["username"] = KontextFixture.Owner });
        var connect = (await browser.OpenAsync(new Uri((string)read.Json["connection"]!["connectUrl"]!))).Text;
        Assert.Contains("google", connect, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("gmail", connect, StringComparison.Ordinal);

        var ended = await OwnerAsync(HttpMethod.Delete, $"/integrations/{gmail}/connection");
        Assert.Equal(HttpStatusCode.Conflict, ended.Status);
        Assert.Contains(google, (string?)ended.Json!["message"], StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Conflict, (await OwnerAsync(HttpMethod.Put, $"/integrations/{gmail}/oauth", new JsonObject { ["clientId"] = "ours" })).Status);
        var owner = (string)Jwt.Payload(kontext.OwnerToken)["sub"]!;
        var revoked = await OwnerAsync(HttpMethod.Post, "/revocations", new JsonObject { ["type"] = "connection", ["userId"] = owner, ["integrationId"] = gmail });
        Assert.Equal(HttpStatusCode.Conflict, revoked.Status);
        Assert.Contains(google, (string?)revoked.Json!["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Their_credential_is_handed_to_no_agent()
    {
        var gmail = await IdOfAsync("gmail");
        var created = await OwnerAsync(HttpMethod.Post, "/applications", new JsonObject
        {
            ["name"] = ApiCalls.Unique("reader"), ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        });
        var application = created.Json!["application"]!;
        await OwnerAsync(HttpMethod.Put, $"/applications/{application["id"]}/integrations", new JsonObject { ["integrationIds"] = new JsonArray(gmail) });
        using var browser = new FormBrowser();
        var token = (await kontext.Agent.AuthorizeAsync(browser, (string)application["clientId"]!, KontextFixture.Owner, kontext.Agent.Gateway))["access_token"]!;

        var refused = await kontext.Agent.ExchangeAsync((string)application["clientId"]!, token, "gmail");

        Assert.Equal("invalid_target", refused["error"]);
        Assert.Contains("gateway", refused["error_description"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("url", "https://mail.example.test/mcp")]
    [InlineData("category", "internal_mcp_credentials")]
    [InlineData("connectionOf", "nonsense")]
    [InlineData("connectionOf", "01234567-89ab-7def-8123-456789abcdef")]
    public async Task What_is_no_product_of_the_suite_cannot_use_its_connection(string field, string value)
    {
        var wanted = await ProductAsync();
        wanted[field] = value;
        var refused = await OwnerAsync(HttpMethod.Post, "/integrations", wanted);
        Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
        Assert.NotNull(refused.Json!["validationErrors"]!["connectionOf"]);
    }

    [Fact]
    public async Task A_product_can_be_moved_to_connections_of_its_own_but_not_elsewhere_with_those_of_the_suite()
    {
        var id = (string)(await OwnerAsync(HttpMethod.Post, "/integrations", await ProductAsync())).Json!["integration"]!["id"]!;
        foreach (var change in new JsonObject[] { new() { ["url"] = "https://mail.example.test/mcp" }, new() { ["oauth"] = new JsonObject { ["provider"] = "github" } }, new() { ["authMode"] = "none" } })
            Assert.NotNull((await OwnerAsync(HttpMethod.Patch, $"/integrations/{id}", change)).Json!["validationErrors"]!["connectionOf"]);

        var own = await OwnerAsync(HttpMethod.Patch, $"/integrations/{id}", new JsonObject { ["connectionOf"] = "", ["url"] = "https://mail.example.test/mcp" });

        Assert.Equal(HttpStatusCode.OK, own.Status);
        Assert.Null(own.Json!["integration"]!["connectionOf"]);
    }

    private async Task<JsonObject> ProductAsync() => new()
    {
        ["name"] = ApiCalls.Unique("mail"), ["url"] = "https://gmailmcp.googleapis.com/mcp/v1", ["authMode"] = "oauth",
        ["oauth"] = new JsonObject { ["provider"] = "google-gmail" }, ["connectionOf"] = await IdOfAsync("google"),
    };

    private async Task<string> IdOfAsync(string name)
    {
        for (var cursor = ""; ;)
        {
            var page = (await OwnerAsync(HttpMethod.Get, $"/integrations?limit=200{cursor}")).Json!;
            if (page["items"]!.AsArray().FirstOrDefault(item => (string?)item!["name"] == name) is { } found)
                return (string)found["id"]!;
            cursor = $"&cursor={(string?)page["nextCursor"] ?? throw new InvalidOperationException($"There is no {name}.")}";
        }
    }

    private Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, JsonNode? body = null) => kontext.Agent.ApiAsync(method, path, kontext.OwnerToken, body);
}
