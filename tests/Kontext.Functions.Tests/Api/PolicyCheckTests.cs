using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>Policy asked without acting: what one call would meet, and everything an agent may do for a person.</summary>
public sealed class PolicyCheckTests : IAsyncLifetime
{
    private readonly KontextFixture kontext = new();
    private string service = "";
    private string name = "";
    private string app = "";

    [Fact]
    public async Task A_check_decides_as_a_call_would_and_says_why_per_layer()
    {
        var mia = await ApproveAsync("mia");
        var asked = new JsonObject { ["applicationId"] = app, ["userId"] = mia.Id, ["integration"] = name, ["toolName"] = "create_issue", ["arguments"] = new JsonObject { ["owner"] = "acme", ["repo"] = "frontend" } };
        var allowed = (await CheckAsync(asked)).Json!;
        Assert.Equal((true, true, true, "operation", "acme/frontend"), ((bool)allowed["allowed"]!, (bool)allowed["enforced"]!, (bool)allowed["passes"]!, (string?)allowed["access"], (string?)allowed["target"]));
        Assert.Equal(("allow", "the person approved it"), ((string?)allowed["layers"]!["user"]!["effect"], (string?)allowed["layers"]!["user"]!["reason"]));

        var rule = await DenyAsync(new JsonObject { ["toolName"] = "create_*", ["conditions"] = new JsonArray(new JsonObject { ["path"] = "arguments.owner", ["operator"] = "equals", ["values"] = new JsonArray("acme") }) });
        var denied = (await CheckAsync(asked)).Json!;
        Assert.Equal((false, false, rule), ((bool)denied["allowed"]!, (bool)denied["passes"]!, (string?)denied["layers"]!["org"]!["rule"]));
        asked["arguments"] = new JsonObject { ["owner"] = "globex" };
        Assert.True((bool)(await CheckAsync(asked)).Json!["allowed"]!);
        // The raw credential could do what the rule denies.
        Assert.False((bool)(await CheckAsync(new JsonObject { ["applicationId"] = app, ["userId"] = mia.Id, ["integrationId"] = service })).Json!["allowed"]!);

        await OwnerAsync(HttpMethod.Patch, "/policy/settings", new JsonObject { ["policyEnabled"] = false });
        asked["arguments"] = new JsonObject { ["owner"] = "acme" };
        var observed = (await CheckAsync(asked)).Json!;
        Assert.Equal((false, false, true), ((bool)observed["allowed"]!, (bool)observed["enforced"]!, (bool)observed["passes"]!));
    }

    [Fact]
    public async Task Consent_is_what_the_person_approved_and_has_not_taken_back()
    {
        var mia = await ApproveAsync("mia");
        var asked = new JsonObject { ["applicationId"] = app, ["userId"] = mia.Id, ["integrationId"] = service, ["toolName"] = "echo" };
        Assert.True((bool)(await CheckAsync(asked)).Json!["allowed"]!);
        await OwnerAsync(HttpMethod.Delete, $"/applications/{app}/sessions");
        var withdrawn = (await CheckAsync(asked)).Json!;
        Assert.Equal((false, "deny"), ((bool)withdrawn["allowed"]!, (string?)withdrawn["layers"]!["user"]!["effect"]));
        await OwnerAsync(HttpMethod.Put, $"/applications/{app}/integrations", new JsonObject { ["integrationIds"] = new JsonArray() });
        Assert.Equal("deny", (string?)(await CheckAsync(asked)).Json!["layers"]!["application"]!["effect"]);
    }

    [Fact]
    public async Task What_an_agent_may_do_is_listed_with_the_reason_for_every_no()
    {
        var mia = await ApproveAsync("mia");
        var rule = await DenyAsync(new JsonObject { ["toolName"] = "delete_repo" });
        await DenyAsync(new JsonObject { ["toolName"] = "merge", ["conditions"] = new JsonArray(new JsonObject { ["path"] = "target", ["operator"] = "starts_with", ["values"] = new JsonArray("acme/") }) });
        var other = await kontext.IntegrationAsync("none", new JsonObject { ["capabilities"] = new JsonArray("post") });
        var items = (await OwnerAsync(HttpMethod.Get, $"/policy/access?applicationId={app}&userId={mia.Id}")).Json!["items"]!.AsArray();
        var known = items.Single(item => (string?)item!["integrationId"] == service)!;
        Assert.Equal(
            ["create_issue allow", "delete_repo deny", "merge conditional"],
            known["capabilities"]!.AsArray().Select(capability => $"{capability!["toolName"]} {capability["effect"]}"));
        Assert.Equal(("org", rule), ((string?)known["capabilities"]![1]!["deniedBy"], (string?)known["capabilities"]![1]!["rule"]));
        Assert.Equal("deny", (string?)known["credential"]!["effect"]);
        var detached = items.Single(item => (string?)item!["integrationId"] == other)!;
        Assert.Equal((false, "the person has not approved this integration for this agent"), ((bool)detached["attached"]!, (string?)detached["capabilities"]![0]!["reason"]));
        var page = (await OwnerAsync(HttpMethod.Get, $"/policy/access?applicationId={app}&userId={mia.Id}&limit=1")).Json!;
        Assert.Single(page["items"]!.AsArray());
        Assert.NotNull(page["nextCursor"]);
    }

    [Fact]
    public async Task Members_ask_about_themselves_and_their_own_agents_only()
    {
        var mia = await ApproveAsync("mia");
        var noah = await ApproveAsync("noah");
        async Task<HttpStatusCode> AskAsync(string application, string? user) => (await kontext.Agent.ApiAsync(HttpMethod.Get, $"/policy/access?applicationId={application}&userId={user}", mia.Token)).Status;
        Assert.Equal(HttpStatusCode.OK, await AskAsync(app, "me"));
        Assert.Equal(HttpStatusCode.OK, await AskAsync(app, mia.Id));
        Assert.Equal(HttpStatusCode.NotFound, await AskAsync(app, noah.Id));
        Assert.Equal(HttpStatusCode.NotFound, await AskAsync(app, null));
        Assert.Equal(HttpStatusCode.NotFound, await AskAsync(Guid.NewGuid().ToString(), "me"));
        var (own, _) = await kontext.ApplicationAsync("confidential", mia.Token);
        Assert.Equal(HttpStatusCode.OK, await AskAsync(own, null));
        Assert.Equal(HttpStatusCode.NotFound, await AskAsync(own, noah.Id));
        Assert.Equal(HttpStatusCode.NotFound, (await OwnerAsync(HttpMethod.Get, $"/policy/access?applicationId={app}&userId={Guid.NewGuid()}")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await CheckAsync(new JsonObject { ["applicationId"] = app, ["userId"] = mia.Id, ["integrationId"] = Guid.NewGuid().ToString() })).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await OwnerAsync(HttpMethod.Get, $"/policy/access?applicationId={app}")).Status);
    }

    [Theory]
    [InlineData("""{"access":"everything"}""", "access")]
    [InlineData("""{"access":"operation"}""", "toolName")]
    [InlineData("""{"access":"credential","toolName":"x"}""", "access")]
    [InlineData("""{"toolName":"x","arguments":[1]}""", "arguments")]
    [InlineData("""{"integration":null}""", "integrationId")]
    [InlineData("""{"userId":"nobody"}""", "userId")]
    public async Task A_question_that_means_nothing_is_refused(string more, string field)
    {
        var asked = new JsonObject { ["applicationId"] = app, ["integration"] = name };
        foreach (var (key, value) in JsonNode.Parse(more)!.AsObject())
            asked[key] = value?.DeepClone();
        var answer = await CheckAsync(asked);
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.NotNull(answer.Json!["validationErrors"]![field]);
    }

    public async ValueTask InitializeAsync()
    {
        await kontext.InitializeAsync();
        service = await kontext.IntegrationAsync("none", new JsonObject { ["capabilities"] = new JsonArray("create_issue", "delete_repo", "merge") });
        name = (string)(await OwnerAsync(HttpMethod.Get, $"/integrations/{service}")).Json!["integration"]!["name"]!;
        (app, _) = await kontext.ApplicationAsync();
        await OwnerAsync(HttpMethod.Put, $"/applications/{app}/integrations", new JsonObject { ["integrationIds"] = new JsonArray(service) });
    }

    public ValueTask DisposeAsync() => kontext.DisposeAsync();

    // The person approves the agent, and has a management token beside it.
    private async Task<(string Id, string Token)> ApproveAsync(string person)
    {
        using var browser = new FormBrowser();
        await kontext.Agent.AuthorizeAsync(browser, "app_" + app, person, kontext.Agent.Gateway);
        var token = (await kontext.Agent.AuthorizeAsync(browser, TestAgent.CommandLineClient, person, kontext.Agent.Api, "openid management:all"))["access_token"]!;
        return ((await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Get, "/oauth2/userinfo", token))["sub"]!, token);
    }

    private async Task<string> DenyAsync(JsonObject rule)
    {
        (rule["action"], rule["level"], rule["integrationId"]) = ("deny", "org", service);
        return (string)(await OwnerAsync(HttpMethod.Post, "/policy/rules", rule)).Json!["rule"]!["id"]!;
    }

    private Task<JsonAnswer> CheckAsync(JsonObject asked) => OwnerAsync(HttpMethod.Post, "/policy/check", asked.DeepClone());

    private Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, JsonNode? body = null) => kontext.Agent.ApiAsync(method, path, kontext.OwnerToken, body);
}
