using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Api;
using Kontext.Functions.Tests.Mcp;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>The consent page sets what is risky apart from what one expects.</summary>
public sealed class ConsentPageTests(KontextFixture kontext)
{
    private readonly TestAgent agent = kontext.Agent;

    [Fact]
    public async Task Managing_the_organization_is_the_gravest_and_comes_first()
    {
        var page = await ConsentAsync(TestAgent.CommandLineClient, KontextFixture.Owner, agent.Api, "openid management:all");
        var can = page.Document.QuerySelectorAll("ul.can li").ToList();
        Assert.StartsWith("Manage your organization", can[0].TextContent.Trim(), StringComparison.Ordinal);
        Assert.Equal("notice error", can[0].ClassName);
        Assert.Equal(("Know who you are", null), (can[^1].TextContent.Trim(), can[^1].ClassName));
        Assert.NotEqual(can[0].QuerySelector(".icon")!.InnerHtml, can[^1].QuerySelector(".icon")!.InnerHtml);
        Assert.DoesNotContain("Manage", page.Document.QuerySelector("ul.cannot")!.TextContent, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(KontextFixture.Owner, "Manage your organization")]
    [InlineData("alice", "Manage your applications and connections")]
    public async Task What_was_not_asked_for_is_said_to_be_out_of_reach(string person, string sentence)
    {
        var (application, _) = await kontext.ApplicationAsync();
        var page = await ConsentAsync("app_" + application, person, agent.Gateway);
        Assert.Contains(page.Document.QuerySelectorAll("ul.cannot li"), item => item.TextContent.Contains(sentence, StringComparison.Ordinal));
        var receives = page.Document.QuerySelectorAll("ul.can li").Single(item => item.TextContent.Contains("Receive a service's credential", StringComparison.Ordinal));
        Assert.Equal("notice warning", receives.ClassName);
        Assert.Null(page.Document.QuerySelectorAll("ul.can li").Single(item => item.TextContent.Contains("Use the services you allow", StringComparison.Ordinal)).ClassName);
    }

    [Fact]
    public async Task What_may_not_be_undone_comes_first_and_is_never_out_of_sight()
    {
        var many = Enumerable.Range(0, 10).Select(number => $"list_{number}").Concat(["create_issue", .. Enumerable.Range(0, 8).Select(number => $"delete_{number}"), "merge_pull_request"]).ToList();
        var page = await ConsentAsync(await AgentWithAsync(new JsonObject { ["capabilities"] = new JsonArray([.. many.Select(name => (JsonNode)name)]) }), "alice", agent.Gateway);
        var able = page.Document.QuerySelector(".capabilities")!;
        Assert.Equal(["able destroys", "able writes", "able reads"], able.Children.Where(child => child.ClassList.Contains("able")).Select(child => child.ClassName));
        Assert.Equal(9, able.QuerySelectorAll(":scope > .destroys li").Length);
        Assert.Equal(["create_issue"], able.QuerySelectorAll(":scope > .writes li").Select(item => item.TextContent));
        Assert.Empty(able.QuerySelectorAll("details .destroys"));
        Assert.Equal("and 5 more", able.QuerySelector("summary")!.TextContent);
        Assert.Equal(many.Order(), able.QuerySelectorAll("li").Select(item => item.TextContent).Order());
    }

    [Fact]
    public async Task What_a_server_says_of_its_tools_counts_as_well()
    {
        await using var server = await McpServerDouble.StartAsync(modern: true);
        server.ToolsJson = """[{"name":"list_frobs","inputSchema":{"type":"object"},"annotations":{"destructiveHint":true}},{"name":"frobnicate","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}]""";
        var client = await AgentWithAsync(new JsonObject { ["url"] = server.Url.AbsoluteUri, ["capabilities"] = new JsonArray("list_frobs", "frobnicate"), ["serverToken"] = "upstream-secret-1" }, "server_token");
        using var browser = new FormBrowser();
        var token = (await agent.AuthorizeAsync(browser, client, "fred", agent.Gateway))["access_token"]!;
        Assert.Equal(HttpStatusCode.OK, (await agent.McpAsync(token, "tools/list")).Status);
        var page = await ConsentAsync(client, "greta", agent.Gateway);
        Assert.Equal("list_frobs", page.Document.QuerySelector(".destroys li")!.TextContent);
        Assert.Equal("frobnicate", page.Document.QuerySelector(".reads li")!.TextContent);
    }

    private async Task<string> AgentWithAsync(JsonObject service, string authMode = "none")
    {
        var integration = await kontext.IntegrationAsync(authMode, service);
        var (application, _) = await kontext.ApplicationAsync();
        await agent.ApiAsync(HttpMethod.Post, $"/applications/{application}/integrations/{integration}", kontext.OwnerToken);
        return "app_" + application;
    }

    private async Task<BrowserPage> ConsentAsync(string client, string person, string resource, string? scope = null)
    {
        using var browser = new FormBrowser();
        var page = await browser.OpenAsync(agent.AuthorizeUrl(client, resource, scope, new Dictionary<string, string> { ["prompt"] = "consent" }).Url);
        return await browser.SubmitAsync(page, "Sign in", new Dictionary<string, string> { ["username"] = person });
    }
}
