using System.Net;
using System.Text.Json.Nodes;
using Kontext.EndToEnd.Tests.Pages;
using Kontext.Testing;
using Microsoft.Playwright;

namespace Kontext.EndToEnd.Tests.Administration;

/// <summary>What the tests of the administration pages share: an organization in which agents have been at work, and Chromium.</summary>
public sealed class ConsoleWorld : IAsyncLifetime
{
    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;
    private IPlaywright playwright = null!;

    /// <summary>The product.</summary>
    public KontextServer Server { get; private set; } = null!;

    /// <summary>Chromium.</summary>
    public IBrowser Chromium { get; private set; } = null!;

    /// <summary>A client of the product.</summary>
    public TestAgent Agent { get; private set; } = null!;

    /// <summary>The owner's management token.</summary>
    public string Owner { get; private set; } = "";

    /// <summary>An application in use.</summary>
    public string Application { get; private set; } = "";

    /// <summary>An integration in use.</summary>
    public string Integration { get; private set; } = "";

    /// <summary>A trace of that.</summary>
    public string Trace { get; private set; } = "";

    /// <summary>A webhook that was tried out.</summary>
    public string Webhook { get; private set; } = "";

    /// <summary>The report of somebody cut off.</summary>
    public string Revocation { get; private set; } = "";

    /// <summary>A rule.</summary>
    public string Rule { get; private set; } = "";

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        Server = await KontextServer.StartAsync("memory", keys);
        Agent = new TestAgent(Server.Url);
        Owner = await Agent.ManagementTokenAsync("olivia");
        playwright = await Playwright.CreateAsync();
        Chromium = await playwright.Chromium.LaunchAsync(PagesWorld.Options());
        Integration = await IntegrationAsync("github", "server_token", new() { ["serverToken"] = "shared-token", ["capabilities"] = new JsonArray("create_issue", "list_issues", "delete_repo") });
        var linear = await IntegrationAsync("linear", "server_token", new() { ["serverToken"] = "shared-token", ["capabilities"] = new JsonArray("search", "create") });
        await IntegrationAsync("google drive", "oauth", new() { ["oauth"] = new JsonObject { ["provider"] = "google" }, ["category"] = "internal_mcp_credentials" });
        var tracker = await IntegrationAsync("tracker", "user_token", new() { ["category"] = "internal_mcp_credentials", ["tokenLabel"] = "API key" });
        Application = await ApplicationAsync("Release agent", Integration, linear);
        var triage = await ApplicationAsync("Issue triage", Integration, tracker);
        Rule = (string)(await CreatedAsync("/policy/rules", new() { ["action"] = "deny", ["level"] = "org", ["integrationId"] = linear, ["applicationId"] = Application, ["description"] = "Linear is for people" }))["rule"]!["id"]!;
        await CreatedAsync("/policy/rules", new() { ["action"] = "ask", ["level"] = "org", ["integrationId"] = tracker, ["toolName"] = "delete_*", ["description"] = "Deleting is final" });
        foreach (var person in new[] { "alice", "bob" })
        {
            using var browser = new FormBrowser();
            var tokens = await Agent.AuthorizeAsync(browser, "app_" + Application, person, Agent.Gateway);
            foreach (var service in new[] { "github", "linear", "github" })
                await Agent.ExchangeAsync("app_" + Application, tokens["access_token"]!, service);
            await Agent.AuthorizeAsync(browser, "app_" + triage, person, Agent.Gateway);
        }
        // What policy leaves of a way is everything, a part or nothing.
        await CreatedAsync("/policy/rules", new() { ["action"] = "deny", ["level"] = "org", ["integrationId"] = Integration, ["applicationId"] = triage, ["toolName"] = "delete_*", ["description"] = "Triage deletes nothing" });
        var bob = (await Agent.ApiAsync(HttpMethod.Get, $"/applications/{triage}/access-graph", Owner)).Json!["nodes"]!.AsArray().Single(node => (string?)node!["name"] == "bob")!["resourceId"]!;
        await CreatedAsync("/policy/rules", new() { ["action"] = "deny", ["level"] = "org", ["integrationId"] = Integration, ["userId"] = (string?)bob, ["description"] = "Bob left engineering" });
        await Agent.ApiAsync(HttpMethod.Post, $"/integrations/{tracker}/connection", await Agent.ManagementTokenAsync("alice"), new JsonObject { ["token"] = "personal-token" });
        var searching = await ApplicationAsync("Report agent", Integration);
        await Agent.ApiAsync(HttpMethod.Patch, "/applications/" + searching, Owner, new JsonObject { ["toolDiscovery"] = "search" });
        using (var browser = new FormBrowser())
        {
            var token = (await Agent.AuthorizeAsync(browser, "app_" + searching, "alice", Agent.Gateway))["access_token"]!;
            foreach (var (wanted, reason) in new[] { ("salesforce", "Quarterly figures for the board"), ("data warehouse", "Compare with last year") })
                await Agent.McpAsync(token, "tools/call", new JsonObject { ["name"] = "REQUEST_CAPABILITY", ["arguments"] = new JsonObject { ["capability_name"] = wanted, ["reason"] = reason } });
        }
        var asked = (await Agent.ApiAsync(HttpMethod.Get, "/capability-requests", Owner)).Json!["items"]!.AsArray();
        await Agent.ApiAsync(HttpMethod.Post, $"/capability-requests/{asked[0]!["id"]}/resolve", Owner, new JsonObject { ["resolution"] = "declined", ["note"] = "Use the reports we have" });
        Trace = (string)(await Agent.ApiAsync(HttpMethod.Get, $"/traces?agentId={Application}", Owner)).Json!["items"]![0]!["traceId"]!;
        await CreatedAsync("/service-accounts", new() { ["name"] = "deployment", ["description"] = "applies our configuration" });
        Webhook = (string)(await CreatedAsync("/webhooks", new() { ["url"] = "http://127.0.0.1:9/hooks", ["events"] = new JsonArray("connection.disconnected") }))["webhook"]!["id"]!;
        await Agent.ApiAsync(HttpMethod.Post, $"/webhooks/{Webhook}/test", Owner);
        Revocation = (string)(await CreatedAsync("/revocations", new() { ["type"] = "application", ["applicationId"] = await ApplicationAsync("Old bot"), ["reason"] = "Not used any more" }))["revocation"]!["id"]!;
    }

    /// <summary>Every page, by a name for pictures of it.</summary>
    public IEnumerable<(string Name, string Path)> Pages() =>
    [
        ("overview", "/console"), ("applications", "/console/applications"), ("application-new", "/console/applications/new"), ("application", "/console/applications/" + Application),
        ("integrations", "/console/integrations"), ("catalog", "/console/integrations/new"), ("integration-new", "/console/integrations/new/form?provider=github"), ("integration", "/console/integrations/" + Integration),
        ("policy", "/console/policy"), ("rule", "/console/policy/rules/" + Rule), ("check", $"/console/policy/check?applicationId={Application}&userId=me&integrationId={Integration}&toolName=create_issue"),
        ("proposal", "/console/policy/proposal"), ("access", "/console/access"), ("requests", "/console/requests"), ("traces", "/console/traces"), ("trace", "/console/traces/" + Trace), ("audit", "/console/audit"), ("verified", "/console/audit/verification"),
        ("work", "/console/work"), ("revocations", "/console/revocation"), ("revocation", "/console/revocation/" + Revocation), ("service-accounts", "/console/service-accounts"), ("webhooks", "/console/webhooks"),
        ("webhook", "/console/webhooks/" + Webhook), ("settings", "/console/settings"),
    ];

    /// <summary>Somebody in a browser of their own, signed in.</summary>
    public async Task<PageOfPerson> PersonAsync(string name, string path = "/console", BrowserNewContextOptions? options = null)
    {
        var context = await Chromium.NewContextAsync(options ?? new BrowserNewContextOptions());
        var person = new PageOfPerson(Server, context, await context.NewPageAsync(), name);
        await person.SignInAsync(path);
        return person;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Chromium.DisposeAsync();
        playwright.Dispose();
        await Server.DisposeAsync();
        Directory.Delete(keys, recursive: true);
    }

    private async Task<string> IntegrationAsync(string name, string authMode, JsonObject more)
    {
        var body = new JsonObject { ["name"] = name, ["url"] = "https://mcp.example.com/mcp", ["authMode"] = authMode };
        foreach (var (field, value) in more)
            body[field] = value?.DeepClone();
        return (string)(await CreatedAsync("/integrations", body))["integration"]!["id"]!;
    }

    private async Task<string> ApplicationAsync(string name, params string[] integrations)
    {
        var made = await CreatedAsync("/applications", new() { ["name"] = name, ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) } });
        var id = (string)made["application"]!["id"]!;
        foreach (var integration in integrations)
            await Agent.ApiAsync(HttpMethod.Post, $"/applications/{id}/integrations/{integration}", Owner);
        return id;
    }

    private async Task<JsonNode> CreatedAsync(string path, JsonObject body)
    {
        var answer = await Agent.ApiAsync(HttpMethod.Post, path, Owner, body);
        Assert.True(answer.Status == HttpStatusCode.Created, $"{path}: {answer.Json?.ToJsonString()}");
        return answer.Json!;
    }
}
