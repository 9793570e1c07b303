using System.Text.Json.Nodes;
using Kontext.Domain.Integrations;

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
}
