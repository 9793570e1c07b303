using Kontext.EndToEnd.Tests.Pages;
using Kontext.Functions.Tests.Mcp;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Administration;

/// <summary>Integrations at the administrator's: added from the catalog and by address, validated.</summary>
public sealed class IntegrationConsoleTests(PagesWorld world) : IClassFixture<PagesWorld>
{
    [Fact]
    public async Task A_service_is_searched_in_the_catalog_and_added_under_a_name_that_is_free()
    {
        await world.OfferAsync("code", "none");
        await using var olivia = await world.PersonAsync("/console/integrations", name: "olivia");
        await olivia.Page.GetByRole(AriaRole.Link, new() { Name = "Add integration" }).ClickAsync();
        var services = olivia.Page.Locator(".services > li");
        var all = await services.CountAsync();
        await SearchAsync(olivia, "no service is called like this");
        await Expect(olivia.Page.GetByText("The catalog has nothing like that.")).ToBeVisibleAsync();
        await Expect(services).ToHaveCountAsync(0);
        await olivia.AssertUsableAsync();
        await olivia.Page.GetByRole(AriaRole.Link, new() { Name = "Show all" }).ClickAsync();
        await Expect(services).ToHaveCountAsync(all);
        await SearchAsync(olivia, "github");
        await Expect(services.Filter(new() { HasNotText = "GitHub" })).ToHaveCountAsync(0);
        await olivia.AssertUsableAsync();

        await olivia.Page.GetByRole(AriaRole.Link, new() { Name = "Choose GitHub", Exact = true }).ClickAsync();
        await Expect(olivia.Heading).ToHaveTextAsync("Add GitHub");
        await olivia.Page.GetByLabel("Name", new() { Exact = true }).FillAsync("code");
        await olivia.Page.GetByLabel("Client id of your OAuth app there").FillAsync("our-app");
        await olivia.Page.GetByLabel("Client secret").FillAsync("canary-of-the-catalog");
        await olivia.PressAsync("Add integration");
        await Expect(olivia.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("name");
        await Expect(olivia.Page.GetByLabel("Client id of your OAuth app there")).ToHaveValueAsync("our-app");
        await Expect(olivia.Page.GetByLabel("Client secret")).ToHaveValueAsync("");
        await olivia.AssertUsableAsync();

        await olivia.Page.GetByLabel("Name", new() { Exact = true }).FillAsync("source code");
        await olivia.PressAsync("Add integration");
        await Expect(olivia.Heading).ToContainTextAsync("source code");
        await Expect(olivia.Toast).ToContainTextAsync("source code is added.");
        await Expect(olivia.Page.GetByRole(AriaRole.Region, new() { Name = "OAuth", Exact = true })).ToContainTextAsync("your own, our-app, without a secret");
        await olivia.AssertUsableAsync();
        await olivia.Page.GotoAsync(olivia.Address("/console/integrations"));
        await Expect(olivia.Page.GetByRole(AriaRole.Row).Filter(new() { HasText = "source code" })).ToContainTextAsync("not validated");
        await olivia.AssertUsableAsync();
    }

    [Fact]
    public async Task A_server_added_by_its_address_is_validated_until_its_token_is_right_and_shows_the_tools_agents_saw()
    {
        await using var server = await McpServerDouble.StartAsync(modern: true);
        await using var olivia = await world.PersonAsync("/console/integrations/new", name: "olivia");
        await olivia.Page.GetByLabel("Address of the service").FillAsync(server.Url.AbsoluteUri);
        await olivia.PressAsync("Go on");
        await Expect(olivia.Heading).ToHaveTextAsync("Add a service");
        await Expect(olivia.Page.GetByLabel("Address", new() { Exact = true })).ToHaveValueAsync(server.Url.AbsoluteUri);
        await olivia.Page.GetByLabel("Name", new() { Exact = true }).FillAsync("answering");
        await olivia.Page.GetByLabel("How calls are authenticated there").SelectOptionAsync("server_token");
        await olivia.Page.GetByText("Tokens and fields").ClickAsync();
        await olivia.Page.GetByLabel("Token for everybody").FillAsync("canary-outdated");
        await olivia.AssertUsableAsync();
        await olivia.PressAsync("Add integration");
        await Expect(olivia.Heading).ToContainTextAsync("not validated");
        await Expect(olivia.Page.GetByRole(AriaRole.Region, new() { Name = "Tools" })).ToContainTextAsync("None was seen yet.");

        await olivia.PressAsync("Validate");
        await Expect(olivia.Heading).ToContainTextAsync("invalid");
        await Expect(olivia.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("It refused the shared server token.");
        await olivia.AssertUsableAsync();
        await olivia.Page.GetByText("Change the settings").ClickAsync();
        await olivia.Page.GetByLabel("New token for everybody").FillAsync("upstream-secret-1");
        await olivia.PressAsync("Save");
        await Expect(olivia.Toast).ToContainTextAsync("answering is saved.");
        await olivia.PressAsync("Validate");
        await Expect(olivia.Toast).ToContainTextAsync("offers 2 tools");
        await Expect(olivia.Heading).Not.ToContainTextAsync("invalid");
        await Expect(olivia.Page.GetByRole(AriaRole.List, new() { Name = "Known by name" })).ToContainTextAsync("delete_item");
        var html = await olivia.Page.ContentAsync();
        Assert.DoesNotContain("canary-outdated", html, StringComparison.Ordinal);
        Assert.DoesNotContain("upstream-secret-1", html, StringComparison.Ordinal);

        var client = await world.AgentAsync("Answering agent", new Offered("answering", new Uri(olivia.Page.Url).Segments[^1]));
        await world.Agent.McpAsync(await world.ApprovedAsync(client, "edith"), "tools/list", path: "/mcp/answering");
        await olivia.Page.ReloadAsync();
        await olivia.Page.GetByText("As pinned (2)").ClickAsync();
        var pinned = olivia.Page.GetByRole(AriaRole.Region, new() { Name = "Tools (2)" }).GetByRole(AriaRole.Row);
        await Expect(pinned.Filter(new() { HasText = "echo" })).ToContainTextAsync("first seen so");
        await Expect(pinned.Filter(new() { HasText = "delete_item" })).ToContainTextAsync("first seen so");
        await olivia.AssertUsableAsync();
    }

    [Fact]
    public async Task An_archived_integration_stops_agents_at_once_after_a_question_and_leaves_the_list()
    {
        var service = await world.OfferAsync("short-lived", "server_token", new() { ["serverToken"] = "shared-token", ["category"] = "internal_mcp_credentials" });
        var client = await world.AgentAsync("Agent of the short-lived", service);
        var token = await world.ApprovedAsync(client, "edith");
        Assert.Equal(System.Net.HttpStatusCode.OK, (await world.Agent.ExchangeAsync(client, token, service.Name)).Status);
        await using var olivia = await world.PersonAsync("/console/integrations/" + service.Id, name: "olivia");
        var archive = olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Archive" });
        Assert.Contains("There is no way back.", await olivia.AnswerAsync(archive, accept: false), StringComparison.Ordinal);
        Assert.Equal(System.Net.HttpStatusCode.OK, (await world.Agent.ExchangeAsync(client, token, service.Name)).Status);
        await olivia.AnswerAsync(archive, accept: true);
        await Expect(olivia.Heading).ToHaveTextAsync("Integrations");
        await Expect(olivia.Page.GetByRole(AriaRole.Link, new() { Name = service.Name })).ToHaveCountAsync(0);
        Assert.NotEqual(System.Net.HttpStatusCode.OK, (await world.Agent.ExchangeAsync(client, token, service.Name)).Status);
    }

    private static async Task SearchAsync(PageOfPerson person, string words)
    {
        await person.Page.GetByLabel("Search the catalog").FillAsync(words);
        await person.PressAsync("Search");
    }
}
