using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>What ends when: codes, tokens, sessions and sign-ins, on a clock that the test moves.</summary>
public sealed class ExpiryTests : IAsyncLifetime
{
    private readonly TimedKontext kontext = new();
    private TestAgent agent = null!;
    private string client = "";

    public async ValueTask InitializeAsync()
    {
        kontext.StartServer();
        agent = new TestAgent(kontext.Address);
        var registered = await TestAgent.CallAsync(kontext.Address, HttpMethod.Post, "/oauth2/register", null, new JsonObject
        {
            ["client_name"] = "Agent",
            ["redirect_uris"] = new JsonArray(TestAgent.RedirectUri),
            ["token_endpoint_auth_method"] = "none",
        });
        client = registered["client_id"]!;
    }

    public ValueTask DisposeAsync() => kontext.DisposeAsync();

    [Fact]
    public async Task A_code_can_be_redeemed_for_a_minute()
    {
        var (url, verifier) = agent.AuthorizeUrl(client, agent.Gateway);
        using var browser = new FormBrowser();
        var returned = await TestAgent.DecideAsync(browser, url, "alice");
        kontext.Time.Advance(TimeSpan.FromSeconds(60));
        var late = await agent.TokenAsync(new() { ["grant_type"] = "authorization_code", ["client_id"] = client, ["code"] = returned["code"], ["code_verifier"] = verifier });
        Assert.Equal("invalid_grant", late["error"]);
    }

    [Fact]
    public async Task Within_the_leeway_a_repeated_refresh_gets_the_same_successor_and_after_it_ends_the_session()
    {
        var tokens = await TokensAsync();
        var second = await RefreshAsync(tokens["refresh_token"]!);
        kontext.Time.Advance(TimeSpan.FromSeconds(30));
        var repeated = await RefreshAsync(tokens["refresh_token"]!);
        Assert.Equal(second["refresh_token"], repeated["refresh_token"]);

        kontext.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("invalid_grant", (await RefreshAsync(tokens["refresh_token"]!))["error"]);
        Assert.Equal("invalid_grant", (await RefreshAsync(second["refresh_token"]!))["error"]);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(second["access_token"]!, "tools/list")).Status);
    }

    [Fact]
    public async Task An_access_token_lives_ten_minutes()
    {
        var tokens = await TokensAsync();
        Assert.Equal(600, (int)tokens.Json!["expires_in"]!);
        kontext.Time.Advance(TimeSpan.FromSeconds(599));
        Assert.Equal(HttpStatusCode.OK, (await agent.McpAsync(tokens["access_token"]!, "tools/list")).Status);
        kontext.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(tokens["access_token"]!, "tools/list")).Status);
    }

    [Fact]
    public async Task The_approval_ends_after_eight_hours_however_often_it_was_refreshed()
    {
        var tokens = await TokensAsync();
        for (var hour = 0; hour < 7; hour++)
        {
            kontext.Time.Advance(TimeSpan.FromHours(1));
            tokens = await RefreshAsync(tokens["refresh_token"]!);
            Assert.Equal(HttpStatusCode.OK, tokens.Status);
        }
        kontext.Time.Advance(TimeSpan.FromMinutes(55));
        tokens = await RefreshAsync(tokens["refresh_token"]!);
        Assert.Equal(300, (int)tokens.Json!["expires_in"]!);
        kontext.Time.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal("invalid_grant", (await RefreshAsync(tokens["refresh_token"]!))["error"]);
    }

    [Theory]
    [InlineData(119, false)]
    [InlineData(121, true)]
    public async Task A_browser_that_was_idle_for_two_hours_signs_in_again(int minutes, bool asksAgain)
    {
        using var browser = new FormBrowser();
        var page = await browser.OpenAsync(new Uri(kontext.Address, "/login"));
        await browser.SubmitAsync(page, "Sign in", new Dictionary<string, string> { ["username"] = "alice" });
        kontext.Time.Advance(TimeSpan.FromMinutes(minutes));
        page = await browser.OpenAsync(agent.AuthorizeUrl(client, agent.Gateway).Url);
        Assert.Equal(asksAgain, page.Document.QuerySelector("input[name=username]") is not null);
    }

    private async Task<JsonAnswer> TokensAsync()
    {
        using var browser = new FormBrowser();
        return await agent.AuthorizeAsync(browser, client, "alice", agent.Gateway);
    }

    private Task<JsonAnswer> RefreshAsync(string token) =>
        agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = client, ["refresh_token"] = token });
}
