using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Mcp;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>Proposed rules over the calls of the last hour: exactly those that would come out otherwise.</summary>
public sealed class PolicyReplayApiTests : IAsyncLifetime
{
    private readonly KontextFixture kontext = new();
    private string one = "";
    private string other = "";
    private string client = "";
    private string token = "";

    [Fact]
    public async Task Exactly_the_calls_are_found_whose_outcome_would_change()
    {
        for (var n = 0; n < 3; n++)
            await ExchangeAsync(one);
        for (var n = 0; n < 4; n++)
            await ExchangeAsync(other);
        Assert.Equal((7, 7, 0, 0), Counts(await ReplayAsync(Rule("allow"))));
        var answer = await ReplayAsync(Rule("allow"), Rule("deny", other));
        Assert.Equal((7, 3, 4, 0), Counts(answer));
        var items = answer.Json!["items"]!.AsArray();
        Assert.Equal(4, items.Count);
        Assert.All(items, item =>
        {
            Assert.Equal(("changed", other, "alice"), ((string?)item!["outcome"], (string?)item["integration"]!["id"], (string?)item["user"]!["name"]));
            Assert.Equal((true, false, "deny"), ((bool)item["before"]!["allowed"]!, (bool)item["after"]!["allowed"]!, (string?)item["after"]!["layers"]!["org"]!["effect"]));
        });
        Assert.Equal(4, items.Select(item => (string?)item!["entryId"]).Distinct().Count());
        // Nothing of it was made true.
        Assert.Equal("\"1\"", (await OwnerAsync(HttpMethod.Get, "/policy/rules")).Headers.ETag?.Tag);
    }

    [Fact]
    public async Task Pages_add_up_to_the_whole_and_each_call_is_in_one_of_them()
    {
        for (var n = 0; n < 7; n++)
            await ExchangeAsync(n % 2 == 0 ? one : other);
        var (ids, sums, cursor, pages) = (new List<string?>(), (0, 0, 0, 0), (string?)null, 0);
        do
        {
            var page = await ReplayAsync(cursor, limit: 2, Rule("deny"));
            Assert.Equal(HttpStatusCode.OK, page.Status);
            var counts = Counts(page);
            sums = (sums.Item1 + counts.Examined, sums.Item2 + counts.Unchanged, sums.Item3 + counts.Changed, sums.Item4 + counts.Undecidable);
            ids.AddRange(page.Json!["items"]!.AsArray().Select(item => (string?)item!["entryId"]));
            cursor = page["nextCursor"];
            // A decision made while pages are read is of no period yet.
            if (pages++ == 0)
                await ExchangeAsync(one);
        }
        while (cursor is not null);
        Assert.Equal((7, 0, 7, 0), sums);
        Assert.Equal(7, ids.Distinct().Count());
        Assert.InRange(pages, 4, 5);
    }

    [Fact]
    public async Task A_denied_call_that_would_pass_is_found_as_well()
    {
        var seeded = (string)(await OwnerAsync(HttpMethod.Get, "/policy/rules")).Json![0]!["id"]!;
        await OwnerAsync(HttpMethod.Delete, $"/policy/rules/{seeded}");
        Assert.Equal("access_denied", (await ExchangeAsync(one))["error"]);
        var answer = await ReplayAsync(Rule("allow", one));
        Assert.Equal((1, 0, 1, 0), Counts(answer));
        Assert.Equal((false, true), ((bool)answer.Json!["items"]![0]!["before"]!["allowed"]!, (bool)answer.Json["items"]![0]!["after"]!["allowed"]!));
    }

    [Fact]
    public async Task Calls_whose_arguments_a_new_condition_looks_at_are_counted_and_not_guessed()
    {
        await using var server = await McpServerDouble.StartAsync(modern: false);
        server.Tokens.Add("open");
        var service = await kontext.IntegrationAsync("server_token", new JsonObject { ["url"] = server.Url.AbsoluteUri, ["serverToken"] = "open" });
        var (id, _) = await kontext.ApplicationAsync();
        await OwnerAsync(HttpMethod.Put, $"/applications/{id}/integrations", new JsonObject { ["integrationIds"] = new JsonArray(service) });
        var name = (string)(await OwnerAsync(HttpMethod.Get, $"/integrations/{service}")).Json!["integration"]!["name"]!;
        using var browser = new FormBrowser();
        var agentToken = (await kontext.Agent.AuthorizeAsync(browser, "app_" + id, "alice", kontext.Agent.Gateway))["access_token"]!;
        async Task EchoAsync(string text) => Assert.Equal(HttpStatusCode.OK, (await kontext.Agent.McpAsync(agentToken, "tools/call", new JsonObject { ["name"] = $"{name}__echo", ["arguments"] = new JsonObject { ["text"] = text } })).Status);

        await EchoAsync("swordfish");
        var condition = new JsonObject { ["path"] = "arguments.text", ["operator"] = "equals", ["values"] = new JsonArray("swordfish") };
        var rule = Rule("deny", service);
        (rule["toolName"], rule["conditions"]) = ("echo", new JsonArray(condition));
        var unknown = await ReplayAsync(Rule("allow"), rule.DeepClone());
        Assert.Equal(0, Counts(unknown).Changed);
        Assert.Equal((1, 1), (Counts(unknown).Undecidable, (int)unknown.Json!["counts"]!["undecidableBecause"]!["argumentsNotRecorded"]!));
        var listed = await OwnerAsync(HttpMethod.Post, "/policy/replay", new JsonObject { ["hours"] = 1, ["rules"] = new JsonArray(Rule("allow"), rule.DeepClone()), ["includeUndecidable"] = true });
        Assert.Equal(("undecidable", "undecidable"), ((string?)listed.Json!["items"]![0]!["outcome"], (string?)listed.Json["items"]![0]!["after"]!["layers"]!["org"]!["effect"]));

        // Observed, the same condition is looked at, and what it came to is kept: now it can be said what enforcing it in another rule would do.
        await OwnerAsync(HttpMethod.Patch, "/policy/settings", new JsonObject { ["policyEnabled"] = false });
        var observed = (string)(await OwnerAsync(HttpMethod.Post, "/policy/rules", rule.DeepClone())).Json!["rule"]!["id"]!;
        await EchoAsync("swordfish");
        await EchoAsync("trout");
        await OwnerAsync(HttpMethod.Delete, $"/policy/rules/{observed}");
        var known = Counts(await ReplayAsync(Rule("allow"), rule.DeepClone()));
        Assert.Equal((0, 1), (known.Changed, known.Undecidable));
        var without = await ReplayAsync(Rule("allow"));
        Assert.Equal((1, 0), (Counts(without).Changed, Counts(without).Undecidable));
        Assert.Equal((false, false), ((bool)without.Json!["items"]![0]!["before"]!["allowed"]!, (bool)without.Json["items"]![0]!["before"]!["enforced"]!));
    }

    [Fact]
    public async Task A_replay_asks_for_a_period_good_rules_and_its_own_cursor()
    {
        foreach (var (field, body) in new (string, JsonObject)[]
        {
            ("from", new JsonObject { ["rules"] = new JsonArray() }),
            ("hours", new JsonObject { ["rules"] = new JsonArray(), ["hours"] = 745 }),
            ("from", new JsonObject { ["rules"] = new JsonArray(), ["from"] = "2020-01-01T00:00:00Z" }),
            ("rules", new JsonObject { ["hours"] = 1 }),
            ("rules[0].action", new JsonObject { ["hours"] = 1, ["rules"] = new JsonArray(new JsonObject { ["level"] = "org" }) }),
            ("limit", new JsonObject { ["hours"] = 1, ["rules"] = new JsonArray(), ["limit"] = 0 }),
            ("cursor", new JsonObject { ["rules"] = new JsonArray(), ["cursor"] = "bm90aGluZw" }),
        })
        {
            var answer = await OwnerAsync(HttpMethod.Post, "/policy/replay", body);
            Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
            Assert.NotNull(answer.Json!["validationErrors"]![field]);
        }
        await ExchangeAsync(one);
        await ExchangeAsync(one);
        var page = await ReplayAsync(null, limit: 1, Rule("deny"));
        var mixed = await ReplayAsync(page["nextCursor"], limit: 1, Rule("deny", other));
        Assert.Equal(HttpStatusCode.BadRequest, mixed.Status);
    }

    public async ValueTask InitializeAsync()
    {
        await kontext.InitializeAsync();
        (one, other) = (await kontext.IntegrationAsync("server_token", new JsonObject { ["serverToken"] = "one" }), await kontext.IntegrationAsync("server_token", new JsonObject { ["serverToken"] = "other" }));
        var (id, _) = await kontext.ApplicationAsync();
        await OwnerAsync(HttpMethod.Put, $"/applications/{id}/integrations", new JsonObject { ["integrationIds"] = new JsonArray(one, other) });
        client = "app_" + id;
        using var browser = new FormBrowser();
        token = (await kontext.Agent.AuthorizeAsync(browser, client, "alice", kontext.Agent.Gateway))["access_token"]!;
    }

    public ValueTask DisposeAsync() => kontext.DisposeAsync();

    private static JsonObject Rule(string action, string? integration = null)
    {
        var rule = new JsonObject { ["action"] = action, ["level"] = "org" };
        if (integration is not null)
            rule["integrationId"] = integration;
        return rule;
    }

    private static (int Examined, int Unchanged, int Changed, int Undecidable) Counts(JsonAnswer answer)
    {
        var counts = answer.Json!["counts"]!;
        return ((int)counts["examined"]!, (int)counts["unchanged"]!, (int)counts["changed"]!, (int)counts["undecidable"]!);
    }

    private async Task<JsonAnswer> ExchangeAsync(string integration)
    {
        var name = (string)(await OwnerAsync(HttpMethod.Get, $"/integrations/{integration}")).Json!["integration"]!["name"]!;
        return await kontext.Agent.ExchangeAsync(client, token, name);
    }

    private Task<JsonAnswer> ReplayAsync(params JsonNode[] rules) => ReplayAsync(null, 200, rules);

    private Task<JsonAnswer> ReplayAsync(string? cursor, int limit, params JsonNode[] rules)
    {
        var body = new JsonObject { ["rules"] = new JsonArray(rules), ["limit"] = limit };
        if (cursor is null)
            body["hours"] = 1;
        else
            body["cursor"] = cursor;
        return OwnerAsync(HttpMethod.Post, "/policy/replay", body);
    }

    private Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, JsonNode? body = null) => kontext.Agent.ApiAsync(method, path, kontext.OwnerToken, body);
}
