using System.Net;
using System.Text.Json.Nodes;
using Kontext.Domain.Policies;
using Kontext.Functions.Tests.Api;
using Kontext.Functions.Tests.Mcp;
using Kontext.Functions.Tests.OAuth;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Account;

/// <summary>Calls that wait for a person: how the agent is told, what the person sees and decides, and what a decision is good for.</summary>
public sealed class ApprovalsTests : IAsyncLifetime
{
    private readonly TimedKontext kontext = new();
    private readonly FormBrowser browser = new();
    private TestAgent agent = null!;
    private McpServerDouble upstream = null!;
    private string owner = "";
    private string client = "";
    private string token = "";
    private string refreshToken = "";

    public async ValueTask InitializeAsync()
    {
        kontext.StartServer();
        upstream = await McpServerDouble.StartAsync(modern: true);
        agent = new TestAgent(kontext.Address);
        owner = await agent.ManagementTokenAsync("olivia");
        var integration = (string)(await SendAsync("/integrations", new JsonObject { ["name"] = "github", ["url"] = upstream.Url.AbsoluteUri, ["authMode"] = "server_token", ["serverToken"] = "upstream-secret-1" }))["integration"]!["id"]!;
        var application = (string)(await SendAsync("/applications", new JsonObject
        {
            ["name"] = "Agent", ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        }))["application"]!["id"]!;
        await agent.ApiAsync(HttpMethod.Put, $"/applications/{application}/integrations", owner, new JsonObject { ["integrationIds"] = new JsonArray(integration) });
        client = "app_" + application;
        var tokens = await agent.AuthorizeAsync(browser, client, "alice", agent.Gateway);
        (token, refreshToken) = (tokens["access_token"]!, tokens["refresh_token"]!);
    }

    public async ValueTask DisposeAsync()
    {
        browser.Dispose();
        await upstream.DisposeAsync();
        await kontext.DisposeAsync();
    }

    [Fact]
    public async Task A_call_allowed_once_goes_through_once_and_then_asks_again()
    {
        await AskAsync("delete_item");
        var url = LinkOf(await CallAsync("one"));
        Assert.Equal(url, LinkOf(await CallAsync("one")));
        Assert.NotEqual(url, LinkOf(await CallAsync("two")));
        var page = await browser.OpenAsync(url);
        Assert.Contains("\"item\": \"one\"", page.Text, StringComparison.Ordinal);
        Assert.Contains("Deleting is final", page.Text, StringComparison.Ordinal);

        page = await browser.SubmitAsync(page, "Allow once");
        Assert.Contains("You allowed this once", page.Text, StringComparison.Ordinal);
        Assert.Null((await CallAsync("one")).Json!["error"]);
        Assert.Equal(url, LinkOf(await CallAsync("one")));
        Assert.Single(upstream.SeenOf("tools/call"));
    }

    [Fact]
    public async Task Of_calls_at_the_same_moment_one_uses_the_approval()
    {
        await AskAsync("delete_item");
        await browser.SubmitAsync(await browser.OpenAsync(LinkOf(await CallAsync("one"))), "Allow once");
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => CallAsync("one")));
        Assert.Single(answers, answer => answer.Json!["error"] is null);
        Assert.Single(upstream.SeenOf("tools/call"));
    }

    [Fact]
    public async Task Allowed_for_the_session_it_needs_no_further_approval()
    {
        await AskAsync("delete_item");
        await browser.SubmitAsync(await browser.OpenAsync(LinkOf(await CallAsync("one"))), "Allow for this session");
        foreach (var item in new[] { "one", "two", "three" })
            Assert.Null((await CallAsync(item)).Json!["error"]);
    }

    [Fact]
    public async Task A_refusal_holds_until_it_expires()
    {
        await AskAsync("delete_item");
        var url = LinkOf(await CallAsync("one"));
        await browser.SubmitAsync(await browser.OpenAsync(url), "Refuse");
        var refused = await CallAsync("one");
        Assert.True((bool)refused.Json!["result"]!["isError"]!);
        Assert.Contains("refused it", (string?)refused.Json["result"]!["content"]![0]!["text"], StringComparison.Ordinal);
        await PassAsync(Approvals.Life);
        Assert.Equal(url, LinkOf(await CallAsync("one")));
        Assert.Empty(upstream.SeenOf("tools/call"));
    }

    [Fact]
    public async Task A_question_nobody_answered_in_time_cannot_be_answered_any_more()
    {
        await AskAsync("delete_item");
        var page = await browser.OpenAsync(LinkOf(await CallAsync("one")));
        await PassAsync(Approvals.Life);
        page = await browser.SubmitAsync(page, "Allow once");
        Assert.Contains("no longer open", page.Text, StringComparison.Ordinal);
        LinkOf(await CallAsync("one"));
        Assert.Empty(upstream.SeenOf("tools/call"));
    }

    [Fact]
    public async Task Another_person_finds_nothing_at_the_address()
    {
        await AskAsync("delete_item");
        var url = LinkOf(await CallAsync("one"));
        using var other = new FormBrowser();
        var page = await other.SubmitAsync(await other.OpenAsync(url), "Sign in", new Dictionary<string, string> { ["username"] = "mallory" });
        Assert.Equal(HttpStatusCode.NotFound, page.Status);
        var mallory = await agent.ManagementTokenAsync("mallory");
        Assert.Equal(HttpStatusCode.NotFound, (await agent.ApiAsync(HttpMethod.Post, $"/me{url.AbsolutePath}", mallory, new JsonObject { ["decision"] = "once" })).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await browser.SubmitAsync(await browser.OpenAsync(url), "Allow once", new Dictionary<string, string> { ["csrf"] = "forged" })).Status);
        Assert.Equal(url, LinkOf(await CallAsync("one")));
    }

    [Fact]
    public async Task Token_exchange_says_where_to_approve_and_goes_through_afterwards_by_the_API()
    {
        await AskAsync(operation: null);
        var refused = await agent.ExchangeAsync(client, token, "github");
        Assert.Equal((HttpStatusCode.BadRequest, "interaction_required"), (refused.Status, refused["error"]));
        var alice = await agent.ManagementTokenAsync("alice");
        var waiting = (await agent.ApiAsync(HttpMethod.Get, "/me/approvals", alice)).Json!["items"]!.AsArray();
        Assert.EndsWith((string)Assert.Single(waiting)!["id"]!, refused["approval_url"], StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await agent.ApiAsync(HttpMethod.Post, $"/me{new Uri(refused["approval_url"]!).AbsolutePath}", alice, new JsonObject { ["decision"] = "once" })).Status);
        Assert.Equal("upstream-secret-1", (await agent.ExchangeAsync(client, token, "github"))["access_token"]);
        Assert.Equal("interaction_required", (await agent.ExchangeAsync(client, token, "github"))["error"]);
    }

    [Fact]
    public async Task A_rule_that_asks_about_one_operation_denies_the_raw_credential()
    {
        await AskAsync("delete_item");
        var denied = await agent.ExchangeAsync(client, token, "github");
        Assert.Equal((HttpStatusCode.Forbidden, "access_denied"), (denied.Status, denied["error"]));
        Assert.Contains("raw credential", denied["error_description"], StringComparison.Ordinal);
    }

    // The access token would not outlive it.
    private async Task PassAsync(TimeSpan time)
    {
        kontext.Time.Advance(time);
        token = (await agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = client, ["refresh_token"] = refreshToken }))["access_token"]!;
    }

    private async Task AskAsync(string? operation)
    {
        var rule = new JsonObject { ["action"] = "ask", ["level"] = "org", ["description"] = "Deleting is final" };
        if (operation is not null)
            rule["toolName"] = operation;
        Assert.Equal("ask", (string?)(await SendAsync("/policy/rules", rule))["rule"]!["action"]);
    }

    private async Task<JsonNode> SendAsync(string path, JsonObject body)
    {
        var answer = await agent.ApiAsync(HttpMethod.Post, path, owner, body);
        Assert.True(answer.Status == HttpStatusCode.Created, answer.Json?.ToJsonString());
        return answer.Json!;
    }

    private Task<JsonAnswer> CallAsync(string item) =>
        agent.McpAsync(token, "tools/call", new JsonObject { ["name"] = "github__delete_item", ["arguments"] = new JsonObject { ["item"] = item } });

    private static Uri LinkOf(JsonAnswer answer)
    {
        Assert.Equal(-32042, (int?)answer.Json!["error"]?["code"]);
        return new Uri((string)answer.Json["error"]!["data"]!["elicitations"]![0]!["url"]!);
    }
}
