using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>Rules as a whole: replaced against a revision, exported and imported, all or nothing.</summary>
public sealed class PolicySetTests : IAsyncLifetime
{
    private readonly KontextFixture kontext = new();

    [Fact]
    public async Task A_set_is_replaced_against_the_revision_in_the_etag_and_keeps_what_it_keeps()
    {
        var list = await OwnerAsync(HttpMethod.Get, "/policy/rules");
        Assert.Equal("\"1\"", list.Headers.ETag?.Tag);
        var kept = list.Json!.AsArray()[0]!.DeepClone();
        var answer = await ReplaceAsync(1, kept, Rule("delete_*"), Rule("merge_*"));
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.Equal((2, 2, 0, 0, 1), Counts(answer));
        var rules = (await OwnerAsync(HttpMethod.Get, "/policy/rules")).Json!.AsArray();
        Assert.Equal(3, rules.Count);
        Assert.Equal(((string?)kept["createdAt"], (string?)kept["createdBy"]), ((string?)rules[0]!["createdAt"], (string?)rules[0]!["createdBy"]));

        var stale = await ReplaceAsync(1, Rule("nothing"));
        Assert.Equal((HttpStatusCode.Conflict, 2), (stale.Status, (int)stale.Json!["currentRevision"]!));
        // The same set again is no change, and no revision.
        Assert.Equal((2, 0, 0, 0, 3), Counts(await ReplaceAsync(2, [.. rules.Select(rule => rule!.DeepClone())])));
        Assert.Contains(await kontext.ChangesAsync(), change => change!.StartsWith("policy.rules_replaced revision 2: 2 added (", StringComparison.Ordinal));
        Assert.Equal(HttpStatusCode.BadRequest, (await OwnerAsync(HttpMethod.Put, "/policy/rules", new JsonObject { ["rules"] = new JsonArray() })).Status);
    }

    [Fact]
    public async Task Every_rule_that_is_wrong_is_named_by_its_place_and_nothing_is_changed()
    {
        var twice = (string)(await OwnerAsync(HttpMethod.Get, "/policy/rules")).Json![0]!["id"]!;
        var answer = await ReplaceAsync(
            1,
            Rule("good", id: twice), new JsonObject { ["action"] = "maybe", ["level"] = "org" }, Rule("again", id: twice),
            new JsonObject { ["action"] = "deny", ["level"] = "org", ["integrationId"] = Guid.NewGuid().ToString() }, null,
            new JsonObject { ["action"] = "deny", ["level"] = "org", ["integration"] = "no such name" },
            new JsonObject { ["action"] = "deny", ["level"] = "org", ["user"] = "a name is not enough" });
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.Equal(
            ["rules[1].action", "rules[2].id", "rules[3].integrationId", "rules[4].rule", "rules[5].integration", "rules[6].userId"],
            answer.Json!["validationErrors"]!.AsObject().Select(error => error.Key).Order(StringComparer.Ordinal));
        Assert.Equal("\"1\"", (await OwnerAsync(HttpMethod.Get, "/policy/rules")).Headers.ETag?.Tag);
    }

    [Fact]
    public async Task Of_two_who_replace_the_same_revision_one_is_told()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(n => ReplaceAsync(1, Rule($"tool_{n}"))));
        Assert.Single(answers, answer => answer.Status == HttpStatusCode.OK);
        Assert.All(answers, answer => Assert.True(answer.Status is HttpStatusCode.OK or HttpStatusCode.Conflict));
        Assert.Single((await OwnerAsync(HttpMethod.Get, "/policy/rules")).Json!.AsArray());
    }

    [Fact]
    public async Task Ten_thousand_rules_are_kept_and_decide()
    {
        var integration = await kontext.IntegrationAsync("none");
        var answer = await ReplaceAsync(1, [Rule(null, "allow"), .. Enumerable.Range(0, 10_000).Select(n => Rule($"operation_{n}", integration: integration))]);
        Assert.Equal((2, 10_001, 1, 0, 0), Counts(answer));
        Assert.Equal(10_001, (await OwnerAsync(HttpMethod.Get, "/policy/rules")).Json!.AsArray().Count);
        var (application, _) = await kontext.ApplicationAsync("confidential");
        await OwnerAsync(HttpMethod.Put, $"/applications/{application}/integrations", new JsonObject { ["integrationIds"] = new JsonArray(integration) });
        foreach (var (tool, allowed) in new[] { ("operation_9999", false), ("operation_10000", true) })
            Assert.Equal(allowed, (bool)(await OwnerAsync(HttpMethod.Post, "/policy/check", new JsonObject { ["applicationId"] = application, ["integrationId"] = integration, ["toolName"] = tool })).Json!["allowed"]!);
    }

    [Fact]
    public async Task An_export_is_stable_named_and_imports_as_it_is()
    {
        var integration = await kontext.IntegrationAsync("none");
        var name = (string)(await OwnerAsync(HttpMethod.Get, $"/integrations/{integration}")).Json!["integration"]!["name"]!;
        var (application, created) = await kontext.ApplicationAsync();
        await ReplaceAsync(1, Rule("b_tool", integration: integration), new JsonObject { ["action"] = "deny", ["level"] = "agent", ["applicationId"] = application }, Rule("a_tool", integration: integration), Rule(null, "allow"));
        var export = (await OwnerAsync(HttpMethod.Get, "/policy/export")).Json!;
        Assert.Equal((1, 2), ((int)export["schemaVersion"]!, (int)export["revision"]!));
        Assert.Equal([null, "a_tool", "b_tool", null], export["rules"]!.AsArray().Select(rule => (string?)rule!["toolName"]));
        Assert.Equal((name, (string?)created.Json!["application"]!["name"]), ((string?)export["rules"]![1]!["integration"], (string?)export["rules"]![3]!["application"]));
        Assert.True(JsonNode.DeepEquals(export, (await OwnerAsync(HttpMethod.Get, "/policy/export")).Json));

        Assert.Equal((2, 0, 0, 0, 4), Counts(await OwnerAsync(HttpMethod.Post, "/policy/import?expectedRevision=2", export.DeepClone())));
        var document = export.DeepClone();
        document["rules"]![1]!["action"] = "allow";
        document["rules"]!.AsArray().RemoveAt(2);
        document["rules"]!.AsArray().Add(Rule("new_tool", integration: integration));
        var dry = await OwnerAsync(HttpMethod.Post, "/policy/import?dryRun=true", document.DeepClone());
        Assert.Equal((2, 1, 1, 1, 2), Counts(dry));
        Assert.Equal(
            ("new_tool", "b_tool", "deny", "allow"),
            ((string?)dry.Json!["differences"]!["added"]![0]!["toolName"], (string?)dry.Json["differences"]!["removed"]![0]!["toolName"], (string?)dry.Json["differences"]!["changed"]![0]!["before"]!["action"], (string?)dry.Json["differences"]!["changed"]![0]!["after"]!["action"]));
        Assert.Equal("\"2\"", (await OwnerAsync(HttpMethod.Get, "/policy/rules")).Headers.ETag?.Tag);
        var stale = await OwnerAsync(HttpMethod.Post, "/policy/import?expectedRevision=1", document.DeepClone());
        Assert.Equal((HttpStatusCode.Conflict, 2), (stale.Status, (int)stale.Json!["currentRevision"]!));
        Assert.Equal((3, 1, 1, 1, 2), Counts(await OwnerAsync(HttpMethod.Post, "/policy/import?expectedRevision=2", document.DeepClone())));
    }

    [Fact]
    public async Task An_import_is_refused_whole_and_says_what_it_does_not_know()
    {
        var integration = await kontext.IntegrationAsync("none");
        var export = (await OwnerAsync(HttpMethod.Get, "/policy/export")).Json!;
        var misnamed = Rule("tool", integration: integration);
        misnamed["integration"] = "harmless";
        export["rules"]!.AsArray().Add(misnamed);
        export["rules"]!.AsArray().Add(new JsonObject { ["action"] = "deny", ["level"] = "org", ["userId"] = Guid.NewGuid().ToString() });
        var answer = await OwnerAsync(HttpMethod.Post, "/policy/import?dryRun=true", export.DeepClone());
        Assert.Equal(["rules[1].integrationId", "rules[2].userId"], answer.Json!["validationErrors"]!.AsObject().Select(error => error.Key));
        export["schemaVersion"] = 2;
        Assert.NotNull((await OwnerAsync(HttpMethod.Post, "/policy/import?dryRun=true", export.DeepClone())).Json!["validationErrors"]!["schemaVersion"]);
        Assert.NotNull((await OwnerAsync(HttpMethod.Post, "/policy/import", export.DeepClone())).Json!["validationErrors"]!["expectedRevision"]);
        Assert.Equal("\"1\"", (await OwnerAsync(HttpMethod.Get, "/policy/rules")).Headers.ETag?.Tag);
    }

    [Fact]
    public async Task Members_have_no_part_in_the_whole()
    {
        var member = await kontext.Agent.ManagementTokenAsync("mia");
        foreach (var (method, path) in new[] { (HttpMethod.Put, "/policy/rules"), (HttpMethod.Get, "/policy/export"), (HttpMethod.Post, "/policy/import?dryRun=true"), (HttpMethod.Post, "/policy/replay") })
            Assert.Equal(HttpStatusCode.Forbidden, (await kontext.Agent.ApiAsync(method, path, member, method == HttpMethod.Get ? null : new JsonObject())).Status);
    }

    public ValueTask InitializeAsync() => kontext.InitializeAsync();

    public ValueTask DisposeAsync() => kontext.DisposeAsync();

    private static JsonObject Rule(string? tool, string action = "deny", string? id = null, string? integration = null)
    {
        var rule = new JsonObject { ["action"] = action, ["level"] = "org" };
        foreach (var (field, value) in new[] { ("id", id), ("toolName", tool), ("integrationId", integration) })
        {
            if (value is not null)
                rule[field] = value;
        }
        return rule;
    }

    private static (int Revision, int Added, int Removed, int Changed, int Unchanged) Counts(JsonAnswer answer) =>
        ((int)answer.Json!["revision"]!, (int)answer.Json["added"]!, (int)answer.Json["removed"]!, (int)answer.Json["changed"]!, (int)answer.Json["unchanged"]!);

    private Task<JsonAnswer> ReplaceAsync(int revision, params JsonNode?[] rules) => OwnerAsync(HttpMethod.Put, "/policy/rules", new JsonObject { ["expectedRevision"] = revision, ["rules"] = new JsonArray(rules) });

    private Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, JsonNode? body = null) => kontext.Agent.ApiAsync(method, path, kontext.OwnerToken, body);
}
