using System.Net;
using Kontext.Functions.Tests.Api;
using Kontext.Functions.Tests.OAuth;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Account;

/// <summary>A person sees the agents acting for them and ends that, on the page and through the API.</summary>
public sealed class OwnSessionsTests(KontextFixture kontext)
{
    private readonly TestAgent agent = kontext.Agent;

    [Fact]
    public async Task The_page_shows_who_acts_for_the_person_and_ends_one_session_only()
    {
        var person = ApiCalls.Unique("sara");
        using var browser = new FormBrowser();
        var (firstClient, first) = await AuthorizeAsync(browser, person);
        var (secondClient, second) = await AuthorizeAsync(browser, person);
        var page = await OpenAsync(browser);
        Assert.Equal(2, page.Document.QuerySelectorAll("section.service-card").Length);

        // The newest comes first.
        page = await browser.SubmitAsync(page, "End");
        Assert.Contains("can no longer act for you", page.Text, StringComparison.Ordinal);
        Assert.Single(page.Document.QuerySelectorAll("section.service-card"));
        Assert.Equal("invalid_grant", (await RefreshAsync(secondClient, second))["error"]);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.McpAsync(second["access_token"]!, "ping")).Status);
        Assert.Equal(HttpStatusCode.OK, (await RefreshAsync(firstClient, first)).Status);
    }

    [Fact]
    public async Task The_page_tells_what_each_agent_did_last()
    {
        await using var world = await ApprovalWorld.StartAsync();
        Assert.Equal(HttpStatusCode.OK, (await world.CallAsync("one")).Status);
        world.Kontext.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(HttpStatusCode.OK, (await world.Agent.ExchangeAsync(world.Client, world.Token, "github")).Status);
        var page = await world.Browser.OpenAsync(new Uri(world.Kontext.Address, "/sessions"));
        Assert.Collection(
            page.Document.QuerySelectorAll("section.service-card .log li").Select(action => action.TextContent),
            action => Assert.EndsWith(": a credential of github", action, StringComparison.Ordinal),
            action => Assert.EndsWith(": github:delete_item", action, StringComparison.Ordinal));
    }

    [Fact]
    public async Task All_sessions_of_the_person_end_at_once_and_nobody_elses()
    {
        using var browser = new FormBrowser();
        using var other = new FormBrowser();
        var person = ApiCalls.Unique("sara");
        var (firstClient, first) = await AuthorizeAsync(browser, person);
        var (secondClient, second) = await AuthorizeAsync(browser, person);
        var (othersClient, others) = await AuthorizeAsync(other, ApiCalls.Unique("otto"));
        var page = await browser.SubmitAsync(await OpenAsync(browser), "End all");
        // Without scripts the page asks; nothing has happened yet.
        Assert.Equal(HttpStatusCode.OK, (await agent.McpAsync(first["access_token"]!, "ping")).Status);
        page = await browser.SubmitAsync(page, "End all");
        Assert.Contains("Every agent", page.Text, StringComparison.Ordinal);
        Assert.Equal("invalid_grant", (await RefreshAsync(firstClient, first))["error"]);
        Assert.Equal("invalid_grant", (await RefreshAsync(secondClient, second))["error"]);
        Assert.Equal(HttpStatusCode.OK, (await RefreshAsync(othersClient, others)).Status);
    }

    [Fact]
    public async Task Another_persons_session_is_not_found_and_lives_on()
    {
        using var browser = new FormBrowser();
        var (client, tokens) = await AuthorizeAsync(browser, ApiCalls.Unique("sara"));
        var session = (string)Jwt.Payload(tokens["access_token"]!)["sid"]!;
        using var intruder = new FormBrowser();
        var (_, _) = await AuthorizeAsync(intruder, ApiCalls.Unique("mallory"));
        var page = await intruder.SubmitAsync(await OpenAsync(intruder), "End", new Dictionary<string, string> { ["session"] = session });
        Assert.Equal(HttpStatusCode.NotFound, page.Status);
        Assert.Equal(HttpStatusCode.OK, (await RefreshAsync(client, tokens)).Status);
    }

    [Fact]
    public async Task A_form_without_the_pages_token_ends_nothing()
    {
        using var browser = new FormBrowser();
        var (client, tokens) = await AuthorizeAsync(browser, ApiCalls.Unique("sara"));
        var page = await browser.SubmitAsync(await OpenAsync(browser), "End", new Dictionary<string, string> { ["csrf"] = "forged" });
        Assert.Equal(HttpStatusCode.BadRequest, page.Status);
        Assert.Equal(HttpStatusCode.OK, (await RefreshAsync(client, tokens)).Status);
    }

    [Fact]
    public async Task Who_is_not_signed_in_is_sent_to_sign_in_and_back()
    {
        using var browser = new FormBrowser();
        var page = await browser.OpenAsync(new Uri(kontext.Server.Url, "/sessions"));
        Assert.Equal("/login", page.Url.AbsolutePath);
        page = await browser.SubmitAsync(page, "Sign in", new Dictionary<string, string> { ["username"] = ApiCalls.Unique("sara") });
        Assert.Equal("/sessions", page.Url.AbsolutePath);
        Assert.Contains("No agent can act for you", page.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_API_lists_and_ends_the_callers_own_sessions()
    {
        var person = ApiCalls.Unique("sara");
        var token = await agent.ManagementTokenAsync(person);
        using var browser = new FormBrowser();
        var (client, tokens) = await AuthorizeAsync(browser, person);
        var session = (string)Jwt.Payload(tokens["access_token"]!)["sid"]!;

        var listed = await agent.ApiAsync(HttpMethod.Get, "/me/sessions", token);
        Assert.Equal(session, (string?)listed.Json!["items"]![0]!["id"]);
        Assert.Equal(2, listed.Json["items"]!.AsArray().Count);
        Assert.Equal(HttpStatusCode.NotFound, (await agent.ApiAsync(HttpMethod.Delete, $"/me/sessions/{session}", kontext.OwnerToken)).Status);
        Assert.Equal(HttpStatusCode.NoContent, (await agent.ApiAsync(HttpMethod.Delete, $"/me/sessions/{session}", token)).Status);
        Assert.Equal("invalid_grant", (await RefreshAsync(client, tokens))["error"]);
        Assert.Equal(1, (int)(await agent.ApiAsync(HttpMethod.Delete, "/me/sessions", token)).Json!["disconnectedCount"]!);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.ApiAsync(HttpMethod.Get, "/me/sessions", token)).Status);
    }

    private Task<BrowserPage> OpenAsync(FormBrowser browser) => browser.OpenAsync(new Uri(kontext.Server.Url, "/sessions"));

    private async Task<(string Client, JsonAnswer Tokens)> AuthorizeAsync(FormBrowser browser, string person)
    {
        var (id, _) = await kontext.ApplicationAsync();
        var tokens = await agent.AuthorizeAsync(browser, "app_" + id, person, agent.Gateway);
        Assert.Equal(HttpStatusCode.OK, tokens.Status);
        return ("app_" + id, tokens);
    }

    private Task<JsonAnswer> RefreshAsync(string client, JsonAnswer tokens) =>
        agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = client, ["refresh_token"] = tokens["refresh_token"]! });
}
