using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Tests.Mcp;

public sealed class MetaToolsTests
{
    [Fact]
    public async Task Search_mode_lists_the_three_tools_alone()
    {
        await using var gateway = await GatewayApp.StartAsync(new GatewayPorts());

        var tools = (await gateway.AskAsync(true, "tools/list", path: "/mcp?mode=search"))["result"]!["tools"]!.AsArray();

        Assert.Equal(["EXECUTE_TOOL", "REQUEST_CAPABILITY", "SEARCH_TOOLS"], tools.Select(tool => (string?)tool!["name"]));
    }

    [Fact]
    public async Task A_tool_that_was_searched_can_be_executed_by_its_id()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: false);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "linear", upstream.Url);
        var slack = GatewayApp.Connect(ports, "slack", upstream.Url, token: null);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var searched = await gateway.CallAsync(false, "SEARCH_TOOLS", new JsonObject { ["limit"] = 200, ["query"] = "echo" });
        var content = searched["result"]!["content"]![0]!;
        var found = JsonNode.Parse((string)content["resource"]!["text"]!)!;
        var item = Assert.Single(found["items"]!.AsArray())!;
        var executed = await gateway.CallAsync(false, "EXECUTE_TOOL", new JsonObject { ["tool_id"] = item["id"]!.DeepClone(), ["tool_arguments"] = new JsonObject { ["text"] = "done" } });

        Assert.Equal("resource", (string?)content["type"]);
        Assert.Equal("linear:echo", (string?)item["id"]);
        Assert.Equal("linear", (string?)item["server"]!["id"]);
        Assert.Equal("string", (string?)item["inputSchema"]!["properties"]!["text"]!["type"]);
        Assert.Contains(slack.Id.ToString(), (string?)found["elicitations"]![0]!["url"]);
        Assert.Equal("done", (string?)executed["result"]!["content"]![0]!["text"]);
    }

    [Theory]
    [InlineData("toolId", "toolArguments")]
    [InlineData("id", "arguments")]
    [InlineData("name", "args")]
    public async Task Execution_accepts_the_other_spellings(string id, string arguments)
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "linear", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var executed = await gateway.CallAsync(true, "EXECUTE_TOOL", new JsonObject { [id] = "linear:echo", [arguments] = new JsonObject { ["text"] = "done" } });

        Assert.Equal("done", (string?)executed["result"]!["content"]![0]!["text"]);
    }

    [Fact]
    public async Task An_application_that_is_set_to_search_mode_gets_the_three_unless_its_client_asks_for_the_list()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        var ports = new GatewayPorts { ToolDiscovery = ToolDiscovery.Search };
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        Assert.Equal(["EXECUTE_TOOL", "REQUEST_CAPABILITY", "SEARCH_TOOLS"], await NamesAsync(gateway, "/mcp"));
        Assert.Equal(["github__delete_item", "github__echo"], await NamesAsync(gateway, "/mcp?mode=list"));
        Assert.Equal(["delete_item", "echo"], await NamesAsync(gateway, "/mcp/github"));
        Assert.Contains("SEARCH_TOOLS", (string?)(await gateway.AskAsync(false, "initialize", new JsonObject { ["protocolVersion"] = "2025-11-25" }))["result"]!["instructions"]);
    }

    [Fact]
    public async Task Tools_are_found_by_what_a_person_means()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        upstream.ToolsJson = """
            [{"name":"send_gmail_message","description":"Send an email.","inputSchema":{"type":"object","properties":{"to":{"type":"string"}}}},
             {"name":"create_event","description":"Create a calendar event.","inputSchema":{"type":"object","properties":{"attendees":{"type":"array"}}}},
             {"name":"listIssues","description":"Issues of a repository.","inputSchema":{"type":"object"}}]
            """;
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "office", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        Assert.Equal("office:send_gmail_message", (await FoundAsync(gateway, "write my boss a mail"))[0]);
        Assert.Equal("office:create_event", (await FoundAsync(gateway, "book a meeting with Anna"))[0]);
        Assert.Equal("office:listIssues", (await FoundAsync(gateway, "which tickets are open"))[0]);
        Assert.Equal("office:create_event", (await FoundAsync(gateway, "calender entry"))[0]);
        Assert.Equal(3, (await FoundAsync(gateway, "")).Count);
        Assert.Empty(await FoundAsync(gateway, "xylophone"));
    }

    [Fact]
    public async Task A_tool_that_policy_denies_is_found_only_if_asked_for_and_cannot_be_executed()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        var ports = new GatewayPorts();
        ports.Organization = ports.Organization with { PolicyEnabled = true };
        ports.Rules.Add(new PolicyRule { Id = Ids.Named<RuleId>("allow"), Layer = PolicyLayer.Organization, Effect = PolicyEffect.Allow, Subject = new PolicySubject(PolicySubjectKind.Everyone), CreatedAt = DateTimeOffset.UnixEpoch });
        ports.Rules.Add(new PolicyRule { Id = Ids.Named<RuleId>("deny"), Layer = PolicyLayer.Organization, Effect = PolicyEffect.Deny, Subject = new PolicySubject(PolicySubjectKind.Everyone), Operation = "delete_item", CreatedAt = DateTimeOffset.UnixEpoch });
        GatewayApp.Connect(ports, "linear", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        Assert.Empty(await FoundAsync(gateway, "delete an item"));
        var found = await SearchAsync(gateway, new JsonObject { ["query"] = "delete an item", ["include_unavailable"] = true });
        var executed = await gateway.CallAsync(false, "EXECUTE_TOOL", new JsonObject { ["tool_id"] = "linear:delete_item" });

        Assert.Equal(("linear:delete_item", "policy_denied"), ((string?)found["items"]![0]!["id"], (string?)found["items"]![0]!["unavailable"]));
        Assert.True((bool)executed["result"]!["isError"]!);
        Assert.Empty(upstream.SeenOf("tools/call"));
        Assert.Equal(("linear:delete_item", "kontext_policy_denied"), (ports.Audit.Last().Capability, ports.Audit.Last().ErrorType));
    }

    [Fact]
    public async Task An_execution_is_recorded_under_the_tools_own_name()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "linear", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        await gateway.CallAsync(true, "EXECUTE_TOOL", new JsonObject { ["tool_id"] = "linear:echo" });

        Assert.Equal([(AuditTypes.CredentialInjected, "linear:echo"), (AuditTypes.ApiCall, "linear:echo")], ports.Audit.Where(happened => happened.Capability is not null).Select(happened => (happened.Type, happened.Capability!)));
    }

    [Fact]
    public async Task What_an_agent_lacks_is_asked_of_an_administrator_once_and_not_without_end()
    {
        var ports = new GatewayPorts();
        await using var gateway = await GatewayApp.StartAsync(ports);
        static JsonObject For(string name) => new() { ["capability_name"] = name, ["reason"] = "to pay\u001b[31m" };

        await gateway.CallAsync(false, "REQUEST_CAPABILITY", For("stripe"));
        var again = await gateway.CallAsync(false, "REQUEST_CAPABILITY", For("Stripe"));
        Assert.Contains("asked", (string?)again["result"]!["content"]![0]!["text"]);
        var recorded = Assert.Single(ports.Audit, happened => happened.Type == AuditTypes.CapabilityRequested);
        Assert.Equal(("stripe", "to pay [31m"), (recorded.Capability, recorded.Target));

        for (var number = 1; number < CapabilityRequests.MaxOpenPerAgent + 5; number++)
            again = await gateway.CallAsync(false, "REQUEST_CAPABILITY", For($"service {number}"));
        Assert.Contains("too many", (string?)again["result"]!["content"]![0]!["text"]);
        Assert.Equal(CapabilityRequests.MaxOpenPerAgent, ports.Audit.Count(happened => happened.Type == AuditTypes.CapabilityRequested));
    }

    [Fact]
    public async Task What_an_agent_has_is_not_asked_for()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "linear", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        foreach (var name in new[] { "Linear", "linear:echo", "linear__echo" })
            await gateway.CallAsync(false, "REQUEST_CAPABILITY", new JsonObject { ["capability_name"] = name });

        Assert.DoesNotContain(ports.Audit, happened => happened.Type == AuditTypes.CapabilityRequested);
    }

    [Fact]
    public async Task A_capability_is_requested_with_a_link()
    {
        var ports = new GatewayPorts();
        var slack = GatewayApp.Connect(ports, "slack", new Uri("http://127.0.0.1:9/"), token: null);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var named = (string?)(await gateway.CallAsync(false, "REQUEST_CAPABILITY", new JsonObject { ["capability_name"] = "SLACK" }))["result"]!["content"]![0]!["text"];
        ports.Connections[slack.Id] = GatewayApp.ConnectionOf(slack, "token");
        var nothing = (string?)(await gateway.CallAsync(false, "REQUEST_CAPABILITY"))["result"]!["content"]![0]!["text"];

        Assert.Contains(slack.Id.ToString(), named);
        Assert.Contains("session=all", nothing);
    }

    [Fact]
    public async Task An_agent_learns_of_its_integrations_and_gets_a_connect_link()
    {
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", new Uri("http://127.0.0.1:9/"));
        var shared = GatewayApp.Connect(ports, "shared", new Uri("http://127.0.0.1:9/"), token: null);
        var keys = GatewayApp.Connect(ports, "stripe", new Uri("http://127.0.0.1:9/"), token: null);
        ports.Integrations[1] = shared with { AuthMode = AuthMode.ServerToken };
        ports.Integrations[2] = keys with { AuthMode = AuthMode.UserToken, Category = IntegrationCategory.InternalMcpCredentials };
        await using var gateway = await GatewayApp.StartAsync(ports);

        using var listed = await gateway.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/mcp/integrations"));
        using var connect = await gateway.SendAsync(new HttpRequestMessage(HttpMethod.Post, "/mcp/connect-session") { Content = new StringContent("{}") });
        var items = JsonNode.Parse(await listed.Content.ReadAsStringAsync())!["items"]!.AsArray();
        var session = JsonNode.Parse(await connect.Content.ReadAsStringAsync())!;

        Assert.Equal(["oauth", "none", "credentials"], items.Select(item => (string?)item!["connectType"]));
        Assert.Equal("connected", (string?)items[0]!["connection"]!["status"]);
        Assert.Equal("server_token", (string?)items[1]!["authMode"]);
        Assert.False((bool)items[2]!["connection"]!["connected"]!);
        Assert.Equal(200, (int)connect.StatusCode);
        Assert.Equal(["connectUrl", "sessionId", "expiresAt"], session.AsObject().Select(member => member.Key));
    }

    private static async Task<IEnumerable<string?>> NamesAsync(GatewayApp gateway, string path) =>
        (await gateway.AskAsync(true, "tools/list", path: path))["result"]!["tools"]!.AsArray().Select(tool => (string?)tool!["name"]);

    private static async Task<JsonNode> SearchAsync(GatewayApp gateway, JsonObject arguments) =>
        JsonNode.Parse((string)(await gateway.CallAsync(false, "SEARCH_TOOLS", arguments))["result"]!["content"]![0]!["resource"]!["text"]!)!;

    private static async Task<List<string?>> FoundAsync(GatewayApp gateway, string query) =>
        [.. (await SearchAsync(gateway, new JsonObject { ["query"] = query }))["items"]!.AsArray().Select(item => (string?)item!["id"])];
}
