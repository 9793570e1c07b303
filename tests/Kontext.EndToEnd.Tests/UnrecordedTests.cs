using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests;

/// <summary>What cannot be recorded is not given: the trail, and the note of what agents hold, come before the answer.</summary>
public sealed partial class UnrecordedTests(AzuriteFixture azurite)
{
    [Theory]
    [InlineData("audit")]
    [InlineData("issuedcredentials")]
    public async Task No_credential_is_issued_while_it_cannot_be_written_that_it_was(string refusing)
    {
        await using var installation = await Installation.CreateAsync(azurite);
        var first = await installation.StartAsync();
        await using var storage = await Wire.OpenAsync(installation.Tables);
        var second = await installation.StartAsync(storage.Address);
        var agent = new TestAgent(first.Url);
        var (client, token) = await AgentAsync(agent, await agent.ManagementTokenAsync("olivia"), "http://127.0.0.1:9/mcp");
        var there = new TestAgent(second.Url);

        storage.Rule = async (request, pass) => IsWrite(request, refusing) ? WireAnswer.Of(HttpStatusCode.Forbidden) : await pass();
        var refused = await there.ExchangeAsync(client, token, "notes");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "temporarily_unavailable"), (refused.Status, refused["error"]));
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.DoesNotContain(SharedToken, refused.Json!.ToJsonString(), StringComparison.Ordinal);

        storage.Rule = static async (_, pass) => await pass();
        Assert.Equal(SharedToken, (await there.ExchangeAsync(client, token, "notes"))["access_token"]);
    }

    [Fact]
    public async Task The_answer_of_a_tool_is_withheld_while_the_call_cannot_be_recorded()
    {
        await using var installation = await Installation.CreateAsync(azurite);
        var first = await installation.StartAsync();
        await using var storage = await Wire.OpenAsync(installation.Tables);
        var second = await installation.StartAsync(storage.Address);
        await using var tool = await PausingTool.StartAsync();
        var agent = new TestAgent(first.Url);
        var (_, token) = await AgentAsync(agent, await agent.ManagementTokenAsync("olivia"), tool.Url.AbsoluteUri);
        var there = new TestAgent(second.Url);
        var ping = new JsonObject { ["name"] = "notes__ping" };
        Assert.Equal("pong", (string?)(await there.McpAsync(token, "tools/call", ping.DeepClone().AsObject())).Json!["result"]!["content"]![0]!["text"]);

        storage.Rule = async (request, pass) => IsWrite(request, "audit") ? WireAnswer.Of(HttpStatusCode.Forbidden) : await pass();
        var withheld = (await there.McpAsync(token, "tools/call", ping.DeepClone().AsObject())).Json!;
        Assert.NotNull(withheld["error"]);
        Assert.DoesNotContain("pong", withheld.ToJsonString(), StringComparison.Ordinal);

        storage.Rule = static async (_, pass) => await pass();
        Assert.Equal("pong", (string?)(await there.McpAsync(token, "tools/call", ping)).Json!["result"]!["content"]![0]!["text"]);
    }

    private const string SharedToken = "token-of-the-team";

    private static bool IsWrite(WireRequest request, string table) => request.Method != "GET" && Table().Match(request.Target) is { Success: true } found && found.Groups["table"].Value == table;

    [GeneratedRegex(@"^/[^/]+/(?<table>[^/(?]+)")]
    private static partial Regex Table();

    private static async Task<(string Client, string Token)> AgentAsync(TestAgent agent, string owner, string upstream)
    {
        var integration = (await agent.ApiAsync(HttpMethod.Post, "/integrations", owner, new JsonObject
        {
            ["name"] = "notes", ["url"] = upstream, ["authMode"] = "server_token", ["serverToken"] = SharedToken,
        })).Json!["integration"]!;
        var application = (await agent.ApiAsync(HttpMethod.Post, "/applications", owner, new JsonObject
        {
            ["name"] = "Agent",
            ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        })).Json!["application"]!;
        await agent.ApiAsync(HttpMethod.Post, $"/applications/{application["id"]}/integrations/{integration["id"]}", owner);
        using var browser = new FormBrowser();
        return ((string)application["clientId"]!, (await agent.AuthorizeAsync(browser, (string)application["clientId"]!, "alice", agent.Gateway))["access_token"]!);
    }
}
