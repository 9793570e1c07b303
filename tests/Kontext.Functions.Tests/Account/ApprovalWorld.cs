using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Mcp;
using Kontext.Functions.Tests.OAuth;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Account;

/// <summary>The product on a clock of the test's, an integration with a tool to delete items, and Alice's agent, to which it is attached.</summary>
internal sealed class ApprovalWorld : IAsyncDisposable
{
    private string integration = "";

    /// <summary>On a clock that gives each entry of the trail a time of its own, so that they come in their order.</summary>
    public TimedKontext Kontext { get; } = new(step: TimeSpan.FromTicks(1));

    public FormBrowser Browser { get; } = new();

    public TestAgent Agent { get; private set; } = null!;

    public McpServerDouble Upstream { get; private set; } = null!;

    /// <summary>The owner's management token.</summary>
    public string Owner { get; private set; } = "";

    public string Client { get; private set; } = "";

    public string Token { get; private set; } = "";

    public string RefreshToken { get; private set; } = "";

    public string Address => Kontext.Address.OriginalString.TrimEnd('/');

    public static async Task<ApprovalWorld> StartAsync()
    {
        var world = new ApprovalWorld();
        world.Kontext.StartServer();
        world.Upstream = await McpServerDouble.StartAsync(modern: true);
        world.Agent = new TestAgent(world.Kontext.Address);
        world.Owner = await world.Agent.ManagementTokenAsync("olivia");
        world.integration = (string)(await world.CreateAsync("/integrations", new JsonObject
        {
            ["name"] = "github", ["url"] = world.Upstream.Url.AbsoluteUri, ["authMode"] = "server_token", ["serverToken"] = "upstream-secret-1",
        }))["integration"]!["id"]!;
        world.Client = await world.ClientAsync("Agent");
        var tokens = await world.Agent.AuthorizeAsync(world.Browser, world.Client, "alice", world.Agent.Gateway);
        (world.Token, world.RefreshToken) = (tokens["access_token"]!, tokens["refresh_token"]!);
        return world;
    }

    public async ValueTask DisposeAsync()
    {
        Browser.Dispose();
        await Upstream.DisposeAsync();
        await Kontext.DisposeAsync();
    }

    /// <summary>Lets time pass, with a new access token: the old one would not outlive it.</summary>
    public async Task PassAsync(TimeSpan time)
    {
        Kontext.Time.Advance(time);
        Token = (await Agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = Client, ["refresh_token"] = RefreshToken }))["access_token"]!;
    }

    /// <summary>Has an operation, or all of them, wait for approval.</summary>
    public async Task AskAsync(string? operation)
    {
        var rule = new JsonObject { ["action"] = "ask", ["level"] = "org", ["description"] = "Deleting is final" };
        if (operation is not null)
            rule["toolName"] = operation;
        Assert.Equal("ask", (string?)(await CreateAsync("/policy/rules", rule))["rule"]!["action"]);
    }

    /// <summary>Another agent to which the integration is attached; gives its client id.</summary>
    public async Task<string> ClientAsync(string name)
    {
        var application = (string)(await CreateAsync("/applications", new JsonObject
        {
            ["name"] = name, ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        }))["application"]!["id"]!;
        await Agent.ApiAsync(HttpMethod.Put, $"/applications/{application}/integrations", Owner, new JsonObject { ["integrationIds"] = new JsonArray(integration) });
        return "app_" + application;
    }

    /// <summary>Calls the tool.</summary>
    public Task<JsonAnswer> CallAsync(string item, string? token = null) =>
        Agent.McpAsync(token ?? Token, "tools/call", new JsonObject { ["name"] = "github__delete_item", ["arguments"] = new JsonObject { ["item"] = item } });

    /// <summary>What the trail says about approvals, and about calls and about credentials that were used, given out or refused, oldest first: type, decision or status, and operation. Without those that
    /// were used to list tools, which clients and gateway do when they like.</summary>
    public async Task<IReadOnlyList<string>> TrailAsync()
    {
        var entries = (await Agent.ApiAsync(HttpMethod.Get, "/audit/events?limit=200", Owner)).Json!["items"]!.AsArray();
        return
        [
            .. entries.Reverse().Where(entry => (string)entry!["type"]! is var type
                    && (type == "credential.injected" ? entry["capability"] is not null : type == "api.call" || type.StartsWith("approval.", StringComparison.Ordinal) || type.StartsWith("credential.", StringComparison.Ordinal)))
                .Select(entry =>
                {
                    Assert.Equal(("alice", "Agent", "github"), ((string?)entry!["user"]!["name"], (string?)entry["agent"]!["name"], (string?)entry["integration"]));
                    return $"{entry["type"]} {(string?)entry["decision"] ?? (string?)entry["errorType"] ?? (string?)entry["status"]} {entry["capability"]}".TrimEnd();
                }),
        ];
    }

    /// <summary>Where the answer says the person decides.</summary>
    public static Uri LinkOf(JsonAnswer answer)
    {
        Assert.Equal(-32042, (int?)answer.Json!["error"]?["code"]);
        return new Uri((string)answer.Json["error"]!["data"]!["elicitations"]![0]!["url"]!);
    }

    private async Task<JsonNode> CreateAsync(string path, JsonObject body)
    {
        var answer = await Agent.ApiAsync(HttpMethod.Post, path, Owner, body);
        Assert.True(answer.Status == HttpStatusCode.Created, answer.Json?.ToJsonString());
        return answer.Json!;
    }
}
