using System.Net;
using System.Text.Json.Nodes;
using Kontext.Domain.Policies;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Account;

/// <summary>Calls that wait for a person: how the agent is told, what the person sees and decides, and what a decision is good for.</summary>
public sealed class ApprovalsTests : IAsyncLifetime
{
    private ApprovalWorld world = null!;

    private TestAgent Agent => world.Agent;

    private FormBrowser Browser => world.Browser;

    public async ValueTask InitializeAsync() => world = await ApprovalWorld.StartAsync();

    public ValueTask DisposeAsync() => world.DisposeAsync();

    [Fact]
    public async Task A_call_allowed_once_goes_through_once_and_then_asks_again()
    {
        await world.AskAsync("delete_item");
        var url = ApprovalWorld.LinkOf(await world.CallAsync("one"));
        Assert.Equal(url, ApprovalWorld.LinkOf(await world.CallAsync("one")));
        Assert.NotEqual(url, ApprovalWorld.LinkOf(await world.CallAsync("two")));
        var page = await Browser.OpenAsync(url);
        Assert.Contains("\"item\": \"one\"", page.Text, StringComparison.Ordinal);
        Assert.Contains("Deleting is final", page.Text, StringComparison.Ordinal);

        page = await Browser.SubmitAsync(page, "Allow once");
        Assert.Contains("You allowed this once", page.Text, StringComparison.Ordinal);
        Assert.Null((await world.CallAsync("one")).Json!["error"]);
        Assert.Equal(url, ApprovalWorld.LinkOf(await world.CallAsync("one")));
        Assert.Single(world.Upstream.SeenOf("tools/call"));
    }

    [Fact]
    public async Task Of_calls_at_the_same_moment_one_uses_the_approval()
    {
        await world.AskAsync("delete_item");
        await Browser.SubmitAsync(await Browser.OpenAsync(ApprovalWorld.LinkOf(await world.CallAsync("one"))), "Allow once");
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => world.CallAsync("one")));
        Assert.Single(answers, answer => answer.Json!["error"] is null);
        Assert.Single(world.Upstream.SeenOf("tools/call"));
    }

    [Fact]
    public async Task Allowed_for_the_session_it_needs_no_further_approval()
    {
        await world.AskAsync("delete_item");
        await Browser.SubmitAsync(await Browser.OpenAsync(ApprovalWorld.LinkOf(await world.CallAsync("one"))), "Allow for this session");
        foreach (var item in new[] { "one", "two", "three" })
            Assert.Null((await world.CallAsync(item)).Json!["error"]);
    }

    [Fact]
    public async Task A_refusal_holds_until_it_expires()
    {
        await world.AskAsync("delete_item");
        var url = ApprovalWorld.LinkOf(await world.CallAsync("one"));
        await Browser.SubmitAsync(await Browser.OpenAsync(url), "Refuse");
        var refused = await world.CallAsync("one");
        Assert.True((bool)refused.Json!["result"]!["isError"]!);
        Assert.Contains("refused it", (string?)refused.Json["result"]!["content"]![0]!["text"], StringComparison.Ordinal);
        await world.PassAsync(Approvals.Life);
        Assert.Equal(url, ApprovalWorld.LinkOf(await world.CallAsync("one")));
        Assert.Empty(world.Upstream.SeenOf("tools/call"));
    }

    [Fact]
    public async Task A_question_nobody_answered_in_time_cannot_be_answered_any_more()
    {
        await world.AskAsync("delete_item");
        var page = await Browser.OpenAsync(ApprovalWorld.LinkOf(await world.CallAsync("one")));
        await world.PassAsync(Approvals.Life);
        page = await Browser.SubmitAsync(page, "Allow once");
        Assert.Contains("no longer open", page.Text, StringComparison.Ordinal);
        ApprovalWorld.LinkOf(await world.CallAsync("one"));
        Assert.Empty(world.Upstream.SeenOf("tools/call"));
    }

    [Fact]
    public async Task Another_person_finds_nothing_at_the_address()
    {
        await world.AskAsync("delete_item");
        var url = ApprovalWorld.LinkOf(await world.CallAsync("one"));
        using var other = new FormBrowser();
        var page = await other.SubmitAsync(await other.OpenAsync(url), "Sign in", new Dictionary<string, string> { ["username"] = "mallory" });
        Assert.Equal(HttpStatusCode.NotFound, page.Status);
        var mallory = await Agent.ManagementTokenAsync("mallory");
        Assert.Equal(HttpStatusCode.NotFound, (await Agent.ApiAsync(HttpMethod.Post, $"/me{url.AbsolutePath}", mallory, new JsonObject { ["decision"] = "once" })).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await Browser.SubmitAsync(await Browser.OpenAsync(url), "Allow once", new Dictionary<string, string> { ["csrf"] = "forged" })).Status);
        Assert.Equal(url, ApprovalWorld.LinkOf(await world.CallAsync("one")));
    }

    [Fact]
    public async Task Token_exchange_says_where_to_approve_and_goes_through_afterwards_by_the_API()
    {
        await world.AskAsync(operation: null);
        var refused = await Agent.ExchangeAsync(world.Client, world.Token, "github");
        Assert.Equal((HttpStatusCode.BadRequest, "interaction_required"), (refused.Status, refused["error"]));
        var alice = await Agent.ManagementTokenAsync("alice");
        var waiting = (await Agent.ApiAsync(HttpMethod.Get, "/me/approvals", alice)).Json!["items"]!.AsArray();
        Assert.EndsWith((string)Assert.Single(waiting)!["id"]!, refused["approval_url"], StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await Agent.ApiAsync(HttpMethod.Post, $"/me{new Uri(refused["approval_url"]!).AbsolutePath}", alice, new JsonObject { ["decision"] = "once" })).Status);
        Assert.Equal("upstream-secret-1", (await Agent.ExchangeAsync(world.Client, world.Token, "github"))["access_token"]);
        Assert.Equal("interaction_required", (await Agent.ExchangeAsync(world.Client, world.Token, "github"))["error"]);
    }

    [Fact]
    public async Task A_rule_that_asks_about_one_operation_denies_the_raw_credential()
    {
        await world.AskAsync("delete_item");
        var denied = await Agent.ExchangeAsync(world.Client, world.Token, "github");
        Assert.Equal((HttpStatusCode.Forbidden, "access_denied"), (denied.Status, denied["error"]));
        Assert.Contains("raw credential", denied["error_description"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_agent_with_too_many_open_questions_is_told_to_wait_and_may_ask_again_when_one_is_answered()
    {
        await world.AskAsync(operation: null);
        var first = ApprovalWorld.LinkOf(await world.CallAsync("item 0"));
        for (var item = 1; item < Approvals.MaxOfAgent; item++)
            ApprovalWorld.LinkOf(await world.CallAsync($"item {item}"));
        var refused = await world.CallAsync("one too many");
        Assert.Equal(-32603, (int?)refused.Json!["error"]!["code"]);
        Assert.Equal("kontext_rate_limited", (string?)refused.Json["error"]!["data"]!["code"]);
        Assert.InRange((int)refused.Json["error"]!["data"]!["retryAfterSeconds"]!, 1, (int)Approvals.Life.TotalSeconds);
        Assert.Contains($"20 questions of this agent wait already: {world.Address}/approvals", (string?)refused.Json["error"]!["message"], StringComparison.Ordinal);
        var exchange = await Agent.ExchangeAsync(world.Client, world.Token, "github");
        Assert.Equal((HttpStatusCode.TooManyRequests, "temporarily_unavailable"), (exchange.Status, exchange["error"]));
        Assert.Equal(["credential.injected too_many_approvals github:delete_item", "credential.issued too_many_approvals"], (await world.TrailAsync()).TakeLast(2));
        // What is open already is asked for once more, not refused.
        Assert.Equal(first, ApprovalWorld.LinkOf(await world.CallAsync("item 0")));

        await Browser.SubmitAsync(await Browser.OpenAsync(first), "Refuse");
        ApprovalWorld.LinkOf(await world.CallAsync("one too many"));
        Assert.Equal("kontext_rate_limited", (string?)(await world.CallAsync("two too many")).Json!["error"]!["data"]!["code"]);
        await world.PassAsync(Approvals.Life);
        ApprovalWorld.LinkOf(await world.CallAsync("two too many"));
        Assert.Empty(world.Upstream.SeenOf("tools/call"));
    }

    [Fact]
    public async Task Questions_at_the_same_moment_do_not_get_past_the_bound()
    {
        await world.AskAsync("delete_item");
        var answers = await Task.WhenAll(Enumerable.Range(0, 2 * Approvals.MaxOfAgent).Select(item => world.CallAsync($"item {item}")));
        var alice = await Agent.ManagementTokenAsync("alice");
        var waiting = (await Agent.ApiAsync(HttpMethod.Get, "/me/approvals", alice)).Json!["items"]!.AsArray();
        Assert.InRange(waiting.Count, 1, Approvals.MaxOfAgent);
        // Whoever was given an address finds the question there.
        Assert.Equal(
            waiting.Select(question => (string?)question!["id"]).Order(StringComparer.Ordinal),
            answers.Where(answer => (int?)answer.Json!["error"]!["code"] == -32042).Select(answer => ApprovalWorld.LinkOf(answer).Segments[^1]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task All_agents_of_a_person_together_are_bounded_and_another_person_is_not_concerned()
    {
        await world.AskAsync("delete_item");
        var tokens = new List<string> { world.Token };
        while (tokens.Count <= Approvals.MaxOfPerson / Approvals.MaxOfAgent)
            tokens.Add((await Agent.AuthorizeAsync(Browser, await world.ClientAsync($"Agent {tokens.Count}"), "alice", Agent.Gateway))["access_token"]!);
        foreach (var one in tokens.SkipLast(1))
        {
            for (var item = 0; item < Approvals.MaxOfAgent; item++)
                ApprovalWorld.LinkOf(await world.CallAsync($"item {item}", one));
        }
        var refused = await world.CallAsync("item", tokens[^1]);
        Assert.Contains("60 questions of their agents wait already", (string?)refused.Json!["error"]!["message"], StringComparison.Ordinal);
        using var other = new FormBrowser();
        ApprovalWorld.LinkOf(await world.CallAsync("item", (await Agent.AuthorizeAsync(other, world.Client, "bob", Agent.Gateway))["access_token"]!));
    }
}
