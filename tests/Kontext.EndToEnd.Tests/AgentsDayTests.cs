using System.Text.Json.Nodes;
using Kontext.EndToEnd.Tests.Hosting;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests;

/// <summary>The main job from end to end on real parts: provider, MCP servers, Azurite, official clients, the product as a process.</summary>
public sealed class AgentsDayTests(AzuriteFixture azurite, PublishedApp app)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_agents_day_goes_as_the_demo_claims()
    {
        await using var installation = await Installation.CreateAsync(azurite);
        var kontext = await installation.StartAsync();
        var day = await NodeProgram.RunAsync("demo/demo.mjs", At(kontext.Url), Cancelled);
        Assert.True(day.ExitCode == 0, day.Output);
        Assert.DoesNotContain("notes-token-of-alice", kontext.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_day_goes_the_same_under_the_functions_host()
    {
        await using var installation = await Installation.CreateAsync(azurite);
        await using var host = await FunctionsHost.StartAsync(await app.FolderAsync(), installation.Settings, Cancelled);
        var day = await NodeProgram.RunAsync("demo/demo.mjs", At(host.Address), Cancelled);
        Assert.True(day.ExitCode == 0, day.Output);
    }

    [Fact]
    public async Task The_official_MCP_client_needs_nothing_but_the_address()
    {
        await using var installation = await Installation.CreateAsync(azurite);
        var kontext = await installation.StartAsync();
        var outcome = await NodeProgram.RunAsync("tests/mcp-client/authorize.mjs", At(kontext.Url), Cancelled);
        Assert.True(outcome.ExitCode == 0, outcome.Output);
        Assert.Equal("mcp:invoke", (string?)JsonNode.Parse(outcome.LastLine)!["scope"]);
    }

    [Fact]
    public async Task The_official_MCP_client_calls_a_tool_that_self_registered_agents_get()
    {
        await using var installation = await Installation.CreateAsync(azurite);
        var kontext = await installation.StartAsync();
        await using var tracker = await Tracker.StartAsync();
        var agent = new TestAgent(kontext.Url);
        var owner = await agent.ManagementTokenAsync("olivia");
        var created = await agent.ApiAsync(HttpMethod.Post, "/integrations", owner, new JsonObject
        {
            ["name"] = "notes",
            ["url"] = tracker.Notes.OriginalString,
            ["authMode"] = "server_token",
            ["serverToken"] = "notes-token-of-team",
            ["attachByDefault"] = true,
        });
        Assert.Equal(System.Net.HttpStatusCode.Created, created.Status);
        var outcome = await NodeProgram.RunAsync("tests/mcp-client/authorize.mjs", new Dictionary<string, string>
        {
            ["KONTEXT_URL"] = kontext.Url.OriginalString,
            ["CALL_TOOL"] = "notes__search_notes",
            ["CALL_ARGUMENTS"] = """{"query":"deploys"}""",
        }, Cancelled);
        Assert.True(outcome.ExitCode == 0, outcome.Output);
        Assert.Contains("team has one note about deploys", outcome.LastLine, StringComparison.Ordinal);
    }

    private static Dictionary<string, string> At(Uri kontext) => new() { ["KONTEXT_URL"] = kontext.OriginalString.TrimEnd('/') };
}
