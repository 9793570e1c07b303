using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>Policy rules and what administrators did, through the management API; on an organization of its own, whose rules no other test meets.</summary>
public sealed class PoliciesTests : IAsyncLifetime
{
    private readonly KontextFixture kontext = new();

    [Fact]
    public async Task A_rule_with_conditions_is_added_read_and_removed()
    {
        var added = await AddAsync("""{"action":"deny","level":"org","toolName":"create_issue","conditions":[{"path":"arguments.owner","operator":"one_of","values":["acme","globex"]}],"description":"not there"}""", kontext.OwnerToken);
        Assert.Equal(HttpStatusCode.Created, added.Status);
        var id = (string)added.Json!["rule"]!["id"]!;
        var read = (await OwnerAsync(HttpMethod.Get, $"/policy/rules/{id}")).Json!["rule"]!;
        Assert.Equal(("tool", "one_of"), ((string?)read["scope"], (string?)read["conditions"]![0]!["operator"]));
        Assert.Equal(HttpStatusCode.NoContent, (await OwnerAsync(HttpMethod.Delete, $"/policy/rules/{id}")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await OwnerAsync(HttpMethod.Get, $"/policy/rules/{id}")).Status);
        var changes = await kontext.ChangesAsync();
        Assert.Contains($"policy.rule_added {id} in revision 2: deny everyone at level org: every integration, tool create_issue, 1 condition", changes);
        Assert.Contains($"policy.rule_removed {id} in revision 3: deny everyone at level org: every integration, tool create_issue, 1 condition", changes);
    }

    [Fact]
    public async Task Of_two_administrators_who_edit_one_rule_the_second_is_told()
    {
        var added = await AddAsync("""{"action":"deny","level":"org","toolName":"delete_*"}""", kontext.OwnerToken);
        var path = $"/policy/rules/{added.Json!["rule"]!["id"]}";
        var read = added.Headers.ETag!.Tag;
        var first = await MatchAsync(HttpMethod.Put, path, read, """{"action":"allow","level":"org","toolName":"delete_*"}""");
        Assert.Equal((HttpStatusCode.OK, "allow"), (first.Status, (string?)first.Json!["rule"]!["action"]));
        var current = int.Parse(read.Trim('"'), System.Globalization.CultureInfo.InvariantCulture) + 1;
        foreach (var method in new[] { HttpMethod.Put, HttpMethod.Delete })
        {
            var second = await MatchAsync(method, path, read, method == HttpMethod.Put ? """{"action":"deny","level":"org","toolName":"delete_*"}""" : null);
            Assert.Equal((HttpStatusCode.Conflict, "kontext_conflict", current), (second.Status, second["code"], (int)second.Json!["currentRevision"]!));
            Assert.Equal("allow", (string?)(await OwnerAsync(HttpMethod.Get, path)).Json!["rule"]!["action"]);
        }
        foreach (var nonsense in new[] { "\"many\"", "W/\"1\"" })
        {
            var refused = await MatchAsync(HttpMethod.Delete, path, nonsense, null);
            Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
            Assert.NotNull(refused.Json!["validationErrors"]!["If-Match"]);
        }
        Assert.Equal(HttpStatusCode.NoContent, (await MatchAsync(HttpMethod.Delete, path, $"\"{current}\"", null)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await MatchAsync(HttpMethod.Delete, path, "*", null)).Status);
    }

    [Theory]
    [InlineData("""{"level":"org"}""", "action")]
    [InlineData("""{"action":"deny","level":"all"}""", "level")]
    [InlineData("""{"action":"deny","level":"agent"}""", "applicationId")]
    [InlineData("""{"action":"deny","level":"user"}""", "userId")]
    [InlineData("""{"action":"deny","level":"org","scope":"tool"}""", "toolName")]
    [InlineData("""{"action":"deny","level":"org","conditions":[{"path":"target","operator":"equals","values":[null]}]}""", "conditions")]
    [InlineData("""{"action":"deny","level":"org","conditions":[{"path":"somewhere","operator":"present"}]}""", "conditions")]
    [InlineData("""{"action":"deny","level":"org","conditions":[{"path":"target","operator":"at_most","values":["many"]}]}""", "conditions")]
    public async Task A_rule_that_means_nothing_is_refused(string rule, string field)
    {
        var answer = await AddAsync(rule, kontext.OwnerToken);
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.NotNull(answer.Json!["validationErrors"]![field]);
    }

    [Fact]
    public async Task A_changed_rule_keeps_its_id_and_date_and_both_forms_are_recorded()
    {
        var added = (await AddAsync("""{"action":"deny","level":"org","toolName":"delete_*"}""", kontext.OwnerToken)).Json!["rule"]!;
        var (id, made) = ((string)added["id"]!, (string)added["createdAt"]!);
        var changed = added.DeepClone().AsObject();
        changed["action"] = "allow";
        var answer = await OwnerAsync(HttpMethod.Put, $"/policy/rules/{id}", changed);
        Assert.Equal((HttpStatusCode.OK, "\"3\""), (answer.Status, answer.Headers.ETag?.Tag));
        Assert.Equal((id, "allow", made), ((string?)answer.Json!["rule"]!["id"], (string?)answer.Json["rule"]!["action"], (string?)answer.Json["rule"]!["createdAt"]));
        Assert.Contains(await kontext.ChangesAsync(), change => change!.StartsWith($"policy.rule_changed {id} in revision 3: allow", StringComparison.Ordinal) && change.Contains("before: deny", StringComparison.Ordinal));
        Assert.Equal("\"3\"", (await OwnerAsync(HttpMethod.Put, $"/policy/rules/{id}", changed)).Headers.ETag?.Tag);

        changed["id"] = Guid.NewGuid().ToString();
        Assert.NotNull((await OwnerAsync(HttpMethod.Put, $"/policy/rules/{id}", changed)).Json!["validationErrors"]!["id"]);
        Assert.Equal(HttpStatusCode.NotFound, (await OwnerAsync(HttpMethod.Put, $"/policy/rules/{Guid.NewGuid()}", JsonNode.Parse("""{"action":"deny","level":"org"}"""))).Status);
        var member = await kontext.Agent.ManagementTokenAsync("mia");
        Assert.Equal(HttpStatusCode.Forbidden, (await kontext.Agent.ApiAsync(HttpMethod.Put, $"/policy/rules/{id}", member, JsonNode.Parse("""{"action":"deny","level":"org"}"""))).Status);
    }

    [Fact]
    public async Task The_owner_of_an_application_makes_its_rules_and_nobody_elses()
    {
        var member = await kontext.Agent.ManagementTokenAsync("mia");
        var (own, _) = await kontext.ApplicationAsync(token: member);
        var (others, _) = await kontext.ApplicationAsync();
        var added = await AddAsync($$"""{"action":"deny","level":"agent","applicationId":"{{own}}","toolName":"delete_*"}""", member);
        Assert.Equal(HttpStatusCode.Created, added.Status);
        var id = (string)added.Json!["rule"]!["id"]!;
        Assert.Equal(HttpStatusCode.Forbidden, (await AddAsync($$"""{"action":"deny","level":"agent","applicationId":"{{others}}"}""", member)).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await AddAsync($$"""{"action":"deny","level":"org","applicationId":"{{own}}"}""", member)).Status);
        // A rule of one's own is no way to one of somebody else's.
        Assert.Equal(HttpStatusCode.Forbidden, (await kontext.Agent.ApiAsync(HttpMethod.Put, $"/policy/rules/{id}", member, JsonNode.Parse($$"""{"action":"deny","level":"agent","applicationId":"{{others}}"}"""))).Status);
        var hidden = (string)(await AddAsync($$"""{"action":"deny","level":"agent","applicationId":"{{others}}"}""", kontext.OwnerToken)).Json!["rule"]!["id"]!;
        Assert.Equal(HttpStatusCode.NotFound, (await kontext.Agent.ApiAsync(HttpMethod.Get, $"/policy/rules/{hidden}", member)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await kontext.Agent.ApiAsync(HttpMethod.Delete, $"/policy/rules/{hidden}", member)).Status);
        var seen = (await kontext.Agent.ApiAsync(HttpMethod.Get, "/policy/rules", member)).Json!.AsArray().Select(rule => (string?)rule!["id"]).ToList();
        Assert.Contains(id, seen);
        Assert.DoesNotContain(hidden, seen);
        Assert.Equal(HttpStatusCode.NoContent, (await kontext.Agent.ApiAsync(HttpMethod.Delete, $"/policy/rules/{id}", member)).Status);
    }

    [Theory]
    [InlineData("integrationId")]
    [InlineData("applicationId")]
    [InlineData("userId")]
    public async Task A_rule_about_what_there_is_not_is_refused(string field)
    {
        var answer = await OwnerAsync(HttpMethod.Post, "/policy/rules", new JsonObject { ["action"] = "deny", ["level"] = "org", [field] = Guid.NewGuid().ToString() });
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.NotNull(answer.Json!["validationErrors"]![field]);
    }

    [Fact]
    public async Task Settings_change_only_from_what_was_expected()
    {
        Assert.Equal(HttpStatusCode.Conflict, (await OwnerAsync(HttpMethod.Patch, "/policy/settings", new JsonObject { ["policyEnabled"] = false, ["expectedPolicyEnabled"] = false })).Status);
        Assert.True((bool)(await OwnerAsync(HttpMethod.Get, "/policy/settings")).Json!["policyEnabled"]!);
        Assert.Equal(HttpStatusCode.OK, (await OwnerAsync(HttpMethod.Patch, "/policy/settings", new JsonObject { ["policyEnabled"] = false, ["expectedPolicyEnabled"] = true })).Status);
    }

    [Fact]
    public async Task Observing_is_switched_by_administrators_and_recorded()
    {
        Assert.True((bool)(await OwnerAsync(HttpMethod.Get, "/policy/settings")).Json!["policyEnabled"]!);
        var member = await kontext.Agent.ManagementTokenAsync("mia");
        Assert.Equal(HttpStatusCode.Forbidden, (await kontext.Agent.ApiAsync(HttpMethod.Patch, "/policy/settings", member, new JsonObject { ["policyEnabled"] = false })).Status);
        Assert.False((bool)(await OwnerAsync(HttpMethod.Patch, "/policy/settings", new JsonObject { ["policyEnabled"] = false })).Json!["policyEnabled"]!);
        Assert.False((bool)(await OwnerAsync(HttpMethod.Get, "/policy/settings")).Json!["policyEnabled"]!);
        Assert.Contains("policy.settings_changed policyEnabled=false", await kontext.ChangesAsync());
    }

    [Fact]
    public async Task A_member_makes_rules_about_themselves_only()
    {
        using var browser = new FormBrowser();
        var tokens = await kontext.Agent.AuthorizeAsync(browser, TestAgent.CommandLineClient, "mia", kontext.Agent.Api, "openid management:all");
        var (member, self) = (tokens["access_token"]!, (await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Get, "/oauth2/userinfo", tokens["access_token"]))["sub"]);
        var other = Guid.NewGuid().ToString();
        Assert.Equal(HttpStatusCode.Created, (await AddAsync($$"""{"action":"deny","level":"user","userId":"{{self}}"}""", member)).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await AddAsync($$"""{"action":"deny","level":"user","userId":"{{other}}"}""", member)).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await AddAsync($$"""{"action":"allow","level":"org","userId":"{{self}}"}""", member)).Status);
        var seeded = (string)(await kontext.Agent.ApiAsync(HttpMethod.Get, "/policy/rules", member)).Json![0]!["id"]!;
        Assert.Equal(HttpStatusCode.Forbidden, (await kontext.Agent.ApiAsync(HttpMethod.Delete, $"/policy/rules/{seeded}", member)).Status);
    }

    [Fact]
    public async Task A_member_sees_the_part_of_the_trail_that_is_about_them()
    {
        var member = await kontext.Agent.ManagementTokenAsync("mia");
        var events = (await kontext.Agent.ApiAsync(HttpMethod.Get, "/audit/events", member)).Json!["items"]!.AsArray();
        Assert.NotEmpty(events);
        Assert.All(events, item => Assert.Equal("mia", (string?)(item!["user"] ?? item["actor"])!["name"]));
        Assert.Equal(HttpStatusCode.BadRequest, (await kontext.Agent.ApiAsync(HttpMethod.Get, "/audit/events?hours=0", member)).Status);
    }

    public ValueTask InitializeAsync() => kontext.InitializeAsync();

    public ValueTask DisposeAsync() => kontext.DisposeAsync();

    private Task<JsonAnswer> AddAsync(string rule, string token) => kontext.Agent.ApiAsync(HttpMethod.Post, "/policy/rules", token, JsonNode.Parse(rule));

    private Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, JsonNode? body = null) => kontext.Agent.ApiAsync(method, path, kontext.OwnerToken, body);

    private async Task<JsonAnswer> MatchAsync(HttpMethod method, string path, string tag, string? body)
    {
        using var request = new HttpRequestMessage(method, new Uri(kontext.Server.Url, "/api/v1" + path));
        request.Headers.Authorization = new("Bearer", kontext.OwnerToken);
        request.Headers.TryAddWithoutValidation("If-Match", tag);
        if (body is not null)
            request.Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var answer = await kontext.Server.Http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        return new JsonAnswer(answer.StatusCode, text.Length == 0 ? null : JsonNode.Parse(text), answer.Headers);
    }
}
