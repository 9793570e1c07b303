using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Mcp;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Pages;

/// <summary>What an agent needs a person's approval for, in a real browser.</summary>
public sealed class ApprovalPageTests(PagesWorld world) : IClassFixture<PagesWorld>, IAsyncLifetime
{
    private McpServerDouble upstream = null!;
    private Offered service = null!;
    private readonly string agent = $"Release agent {Guid.NewGuid():N}"[..20];
    private string client = "";

    public async ValueTask InitializeAsync()
    {
        upstream = await McpServerDouble.StartAsync(modern: true);
        service = await world.OfferAsync($"github{Guid.NewGuid():N}"[..14], "server_token", new JsonObject { ["url"] = upstream.Url.AbsoluteUri, ["serverToken"] = "upstream-secret-1" });
        await world.OwnerAsync(HttpMethod.Post, "/policy/rules", new JsonObject { ["action"] = "ask", ["level"] = "org", ["integrationId"] = service.Id, ["toolName"] = "delete_*", ["description"] = "Deleting is final" });
        client = await world.AgentAsync(agent, service);
    }

    public async ValueTask DisposeAsync()
    {
        await world.WithdrawAsync(service);
        await upstream.DisposeAsync();
    }

    [Fact]
    public async Task A_call_is_read_in_full_and_allowed_once()
    {
        await using var person = await world.PersonAsync("/approvals");
        await Expect(person.Page.GetByText("Nothing waits for you")).ToBeVisibleAsync();
        var token = await world.ApprovedAsync(client, person.Name);
        var url = await AskedAsync(token);
        await person.Page.ReloadAsync();
        await person.AssertAccessibleAsync();
        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Look and decide" }).ClickAsync();
        Assert.Equal(url, person.Page.Url);
        await Expect(person.Heading).ToHaveTextAsync($"{agent} asks for your approval");
        await Expect(person.Page.Locator("pre.arguments")).ToContainTextAsync("production database");
        await Expect(person.Page.GetByText("Deleting is final")).ToBeVisibleAsync();
        await person.AssertAccessibleAsync();
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Allow once" }).ClickAsync();
        await Expect(person.Page.GetByText("You allowed this once")).ToBeVisibleAsync();
        await person.AssertAccessibleAsync();
        Assert.Null((await CallAsync(token))["error"]);
    }

    [Fact]
    public async Task Of_two_tabs_the_later_one_says_what_was_decided_in_the_first()
    {
        await using var person = await world.PersonAsync("/approvals");
        var token = await world.ApprovedAsync(client, person.Name);
        var url = await AskedAsync(token);
        var other = await person.Context.NewPageAsync();
        await other.GotoAsync(url);
        await person.Page.GotoAsync(url);
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Refuse" }).ClickAsync();
        await Expect(person.Page.GetByText("You refused this")).ToBeVisibleAsync();

        await other.GetByRole(AriaRole.Button, new() { Name = "Allow for this session" }).ClickAsync();
        await Expect(other.GetByText("You refused this")).ToBeVisibleAsync();
        await Expect(other.GetByRole(AriaRole.Button, new() { Name = "Allow once" })).ToHaveCountAsync(0);
        Assert.Empty(upstream.SeenOf("tools/call"));
    }

    [Fact]
    public async Task When_the_agents_session_is_over_its_question_is_too()
    {
        await using var person = await world.PersonAsync("/sessions");
        var token = await world.ApprovedAsync(client, person.Name);
        var url = await AskedAsync(token);
        await person.Page.ReloadAsync();
        await person.AssertAccessibleAsync();
        await person.Page.GetByRole(AriaRole.Button, new() { Name = $"End this session of {agent}" }).ClickAsync();
        await Expect(person.Toast).ToContainTextAsync("can no longer act for you");
        await person.Page.GotoAsync(url);
        await Expect(person.Page.GetByText("no longer open")).ToBeVisibleAsync();
        await person.AssertAccessibleAsync();
    }

    [Fact]
    public async Task Somebody_elses_question_is_not_there()
    {
        await using var person = await world.PersonAsync("/approvals");
        await using var other = await world.PersonAsync("/approvals");
        var url = await AskedAsync(await world.ApprovedAsync(client, person.Name));
        var answer = await other.Page.GotoAsync(url);
        Assert.Equal(404, answer!.Status);
        await Expect(other.Page.GetByText("no such question for you")).ToBeVisibleAsync();
        await other.AssertAccessibleAsync();
    }

    private async Task<string> AskedAsync(string token) =>
        (string)(await CallAsync(token))["error"]!["data"]!["elicitations"]![0]!["url"]!;

    private async Task<JsonNode> CallAsync(string token) =>
        (await world.Agent.McpAsync(token, "tools/call", new JsonObject { ["name"] = "delete_item", ["arguments"] = new JsonObject { ["item"] = "production database" } }, "/mcp/" + service.Name)).Json!;
}
