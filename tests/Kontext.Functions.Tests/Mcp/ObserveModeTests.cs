using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Account;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Mcp;

/// <summary>Rules that are only observed: every call passes, and the trail says which would not have, and by which rule.</summary>
public sealed class ObserveModeTests : IAsyncLifetime
{
    private ApprovalWorld world = null!;

    public async ValueTask InitializeAsync() => world = await ApprovalWorld.StartAsync();

    public ValueTask DisposeAsync() => world.DisposeAsync();

    [Fact]
    public async Task A_call_that_would_be_denied_passes_and_the_trail_names_the_rule()
    {
        var rule = await RuleAsync(new JsonObject { ["action"] = "deny", ["level"] = "org", ["toolName"] = "delete_*", ["description"] = "Deleting is for people" });
        Assert.Contains("kontext_policy_denied", (string?)(await world.CallAsync("one")).Json!["result"]!["content"]![0]!["text"], StringComparison.Ordinal);
        Assert.Empty(world.Upstream.SeenOf("tools/call"));

        await ObserveAsync(true);
        var passed = (await world.CallAsync("one")).Json!;
        Assert.Null(passed["result"]!["isError"]);
        Assert.Single(world.Upstream.SeenOf("tools/call"));
        await ObserveAsync(false);
        Assert.True((bool)(await world.CallAsync("one")).Json!["result"]!["isError"]!);

        var entries = await EntriesAsync("credential.injected");
        Assert.Equal(
            [("error_auth", true, "kontext_policy_denied"), ("ok", false, null), ("error_auth", true, "kontext_policy_denied")],
            entries.Select(entry => ((string?)entry["status"], (bool)entry["policyEvaluation"]!["enforced"]!, (string?)entry["errorType"])));
        Assert.All(entries, entry => Assert.Equal(
            (false, "deny", "allow", "allow", rule, "the organization's rule \"Deleting is for people\" denies it"),
            ((bool)entry["policyEvaluation"]!["allowed"]!, (string?)entry["policyEvaluation"]!["orgPolicy"], (string?)entry["policyEvaluation"]!["userConsent"],
                (string?)entry["policyEvaluation"]!["agentPermissions"], (string?)entry["policyEvaluation"]!["deniedBy"], (string?)entry["policyEvaluation"]!["reason"])));
        // The call itself is on record as any other.
        Assert.Equal("ok", (string?)Assert.Single(await EntriesAsync("api.call"))["status"]);
    }

    [Fact]
    public async Task Token_exchange_and_the_list_of_tools_go_by_it_too()
    {
        var rule = await RuleAsync(new JsonObject { ["action"] = "deny", ["level"] = "agent", ["applicationId"] = world.Client });
        Assert.Equal(HttpStatusCode.Forbidden, (await world.Agent.ExchangeAsync(world.Client, world.Token, "github")).Status);
        Assert.Empty((await world.Agent.McpAsync(world.Token, "tools/list")).Json!["result"]!["tools"]!.AsArray());

        await ObserveAsync(true);
        Assert.Equal("upstream-secret-1", (await world.Agent.ExchangeAsync(world.Client, world.Token, "github"))["access_token"]);
        Assert.Equal(2, (await world.Agent.McpAsync(world.Token, "tools/list")).Json!["result"]!["tools"]!.AsArray().Count);

        var issued = await EntriesAsync("credential.issued");
        Assert.Equal([(true, "error_auth"), (false, "ok")], issued.Select(entry => ((bool)entry["policyEvaluation"]!["enforced"]!, (string?)entry["status"])));
        Assert.All(issued, entry => Assert.Equal(("deny", rule), ((string?)entry["policyEvaluation"]!["agentPermissions"], (string?)entry["policyEvaluation"]!["deniedBy"])));
    }

    [Fact]
    public async Task Answers_say_while_rules_are_only_observed()
    {
        static string? ModeOf(JsonAnswer answer) => answer.Headers.TryGetValues("X-Kontext-Policy", out var values) ? Assert.Single(values) : null;
        Assert.Null(ModeOf(await world.CallAsync("one")));
        Assert.Null(ModeOf(await world.Agent.ExchangeAsync(world.Client, world.Token, "github")));
        await ObserveAsync(true);
        Assert.Equal("observe", ModeOf(await world.CallAsync("one")));
        Assert.Equal("observe", ModeOf(await world.Agent.ExchangeAsync(world.Client, world.Token, "github")));
        await ObserveAsync(false);
        Assert.Null(ModeOf(await world.CallAsync("one")));
    }

    [Fact]
    public async Task Nobody_is_asked_while_rules_are_only_observed()
    {
        await world.AskAsync("delete_item");
        await ObserveAsync(true);
        Assert.Null((await world.CallAsync("one")).Json!["error"]);
        Assert.Equal(["credential.injected ok github:delete_item", "api.call ok github:delete_item"], await world.TrailAsync());
        Assert.Equal("ask", (string?)Assert.Single(await EntriesAsync("credential.injected"))["policyEvaluation"]!["orgPolicy"]);
        await ObserveAsync(false);
        ApprovalWorld.LinkOf(await world.CallAsync("one"));
    }

    private async Task ObserveAsync(bool observe) =>
        Assert.Equal(HttpStatusCode.OK, (await world.Agent.ApiAsync(HttpMethod.Patch, "/policy/settings", world.Owner, new JsonObject { ["policyEnabled"] = !observe })).Status);

    private async Task<string> RuleAsync(JsonObject rule)
    {
        var made = await world.Agent.ApiAsync(HttpMethod.Post, "/policy/rules", world.Owner, rule);
        Assert.True(made.Status == HttpStatusCode.Created, made.Json?.ToJsonString());
        return (string)made.Json!["rule"]!["id"]!;
    }

    /// <summary>The trail's entries of a type, oldest first, without those about lists of tools.</summary>
    private async Task<IReadOnlyList<JsonNode>> EntriesAsync(string type) =>
        [.. (await world.Agent.ApiAsync(HttpMethod.Get, $"/audit/events?type={type}&limit=200", world.Owner)).Json!["items"]!.AsArray().Reverse()
            .Where(entry => type != "credential.injected" || entry!["capability"] is not null).Select(entry => entry!)];
}
