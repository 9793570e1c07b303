using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>The access graph says of each way to an integration what the rules leave of it: everything, a part, nothing.</summary>
public sealed class AccessReachTests : IAsyncLifetime
{
    private readonly KontextFixture kontext = new();
    private string application = "";

    [Fact]
    public async Task One_denied_tool_restricts_an_integration_and_only_a_denial_of_everything_denies_it()
    {
        var free = await AttachedAsync("list", "delete");
        var partly = await AttachedAsync("list", "delete");
        var asking = await AttachedAsync("list", "delete");
        var none = await AttachedAsync("list", "delete");
        var each = await AttachedAsync("list", "delete");
        var narrowed = await AttachedAsync("list", "delete");
        await RuleAsync("deny", partly, "delete");
        await RuleAsync("ask", asking);
        await RuleAsync("deny", none);
        await RuleAsync("deny", each, "list");
        await RuleAsync("deny", each, "delete");
        await RuleAsync("allow", narrowed, "list", level: "agent");

        var graph = await GraphAsync();
        Assert.True((bool)graph["enforced"]!);
        Assert.Equal(("allowed", null, false), Of(graph, free));
        Assert.Equal(("restricted", "org", true), Of(graph, partly));
        Assert.Equal(("restricted", null, false), Of(graph, asking));
        Assert.Equal(("denied", "org", false), Of(graph, none));
        Assert.Equal(("denied", "org", false), Of(graph, each));
        Assert.Equal(("restricted", "application", true), Of(graph, narrowed));
    }

    [Fact]
    public async Task Without_the_gateway_a_denied_credential_is_a_denied_integration()
    {
        var vaulted = await kontext.IntegrationAsync("server_token", new JsonObject { ["category"] = "internal_mcp_credentials", ["serverToken"] = "shared-token", ["capabilities"] = new JsonArray("list", "delete") });
        await OwnerAsync(HttpMethod.Post, $"/applications/{application}/integrations/{vaulted}");
        await RuleAsync("deny", vaulted, "delete");
        Assert.Equal(("denied", "org", false), Of(await GraphAsync(), vaulted));
    }

    [Fact]
    public async Task A_denial_about_one_person_is_on_that_persons_way_alone()
    {
        var service = await AttachedAsync("list", "delete");
        foreach (var person in new[] { "anna", "ben", "cara" })
        {
            using var browser = new FormBrowser();
            await kontext.Agent.AuthorizeAsync(browser, "app_" + application, person, kontext.Agent.Gateway);
        }
        var people = (await GraphAsync())["nodes"]!.AsArray().Where(node => (string?)node!["type"] == "user").ToDictionary(node => (string)node!["name"]!, node => (string)node!["resourceId"]!);
        await RuleAsync("deny", service, user: people["ben"]);
        await RuleAsync("deny", service, "delete", user: people["cara"]);

        var graph = await GraphAsync();
        Assert.Equal(("allowed", null, false), Of(graph, service));
        Assert.Equal(("allowed", null, false), Of(graph, service, people["anna"]));
        Assert.Equal(("denied", "org", false), Of(graph, service, people["ben"]));
        Assert.Equal(("restricted", "org", true), Of(graph, service, people["cara"]));
    }

    [Fact]
    public async Task In_observe_mode_the_graph_says_that_nothing_is_denied()
    {
        var service = await AttachedAsync("list");
        await RuleAsync("deny", service);
        await OwnerAsync(HttpMethod.Patch, "/policy/settings", new JsonObject { ["policyEnabled"] = false });
        foreach (var graph in new[] { await GraphAsync(), (await OwnerAsync(HttpMethod.Get, "/applications/access-graph")).Json! })
        {
            Assert.False((bool)graph["enforced"]!);
            Assert.Equal(("denied", "org", false), Of(graph, service));
        }
    }

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        await kontext.InitializeAsync();
        application = (await kontext.ApplicationAsync()).Id;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => kontext.DisposeAsync();

    // What the graph says of the application's way to an integration, or of a person's through it: access, and by whom the denied edge beside it is and whether it is partial.
    private (string? Access, string? DeniedBy, bool Partial) Of(JsonNode graph, string integration, string? user = null)
    {
        var (from, via) = user is null ? ("application:" + application, null) : ("user:" + user, "application:" + application);
        var edges = graph["edges"]!.AsArray().Where(edge => (string?)edge!["from"] == from && (string?)edge["to"] == "integration:" + integration && (string?)edge["via"] == via).ToList();
        var way = edges.Single(edge => (string?)edge!["type"] == (user is null ? "attached" : "approved"))!;
        var denied = edges.SingleOrDefault(edge => (string?)edge!["type"] == "denied");
        return ((string?)way["access"], (string?)denied?["deniedBy"], (bool?)denied?["partial"] ?? false);
    }

    private async Task<string> AttachedAsync(params string[] capabilities)
    {
        var integration = await kontext.IntegrationAsync("none", new JsonObject { ["capabilities"] = new JsonArray([.. capabilities.Select(capability => (JsonNode)capability)]) });
        await OwnerAsync(HttpMethod.Post, $"/applications/{application}/integrations/{integration}");
        return integration;
    }

    private async Task RuleAsync(string action, string integration, string? tool = null, string? user = null, string level = "org")
    {
        var rule = new JsonObject { ["action"] = action, ["level"] = level, ["integrationId"] = integration };
        if (tool is not null)
            rule["toolName"] = tool;
        if (user is not null)
            rule["userId"] = user;
        if (level == "agent")
            rule["applicationId"] = application;
        Assert.Equal(HttpStatusCode.Created, (await OwnerAsync(HttpMethod.Post, "/policy/rules", rule)).Status);
    }

    private async Task<JsonNode> GraphAsync() => (await OwnerAsync(HttpMethod.Get, $"/applications/{application}/access-graph")).Json!;

    private Task<JsonAnswer> OwnerAsync(HttpMethod method, string path, JsonNode? body = null) => kontext.Agent.ApiAsync(method, path, kontext.OwnerToken, body);
}
