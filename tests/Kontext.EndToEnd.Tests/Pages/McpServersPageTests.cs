using System.Text.Json.Nodes;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Pages;

/// <summary>The page of MCP servers, and the navigation that leads there, in a real browser (seed 004).</summary>
public sealed class McpServersPageTests(PagesWorld world) : IClassFixture<PagesWorld>
{
    [Fact]
    public async Task A_server_without_the_persons_connection_warns_and_its_link_leads_to_where_it_is_made()
    {
        var open = await world.OfferAsync($"Open {Guid.NewGuid():N}"[..20], "none");
        var shared = await world.OfferAsync($"Shared {Guid.NewGuid():N}"[..20], "server_token", new JsonObject { ["serverToken"] = "shared-token" });
        var own = await world.OfferAsync($"Own {Guid.NewGuid():N}"[..20], "user_token", new JsonObject { ["tokenLabel"] = "Own key", ["capabilities"] = new JsonArray("list_notes", "add_note") });
        await using var person = await world.PersonAsync("/mcps");
        await Expect(Server(person, open)).ToContainTextAsync("Ready");
        await Expect(Server(person, shared)).ToContainTextAsync("Ready");
        await Expect(Server(person, own)).ToContainTextAsync("needs a connection of yours");
        await Expect(Server(person, own)).ToContainTextAsync("add_note");
        await person.AssertAccessibleAsync();

        await Server(person, own).GetByRole(AriaRole.Link, new() { Name = $"Connect {own.Name} under Integrations" }).ClickAsync();
        await Expect(person.Card(own)).ToBeInViewportAsync();
        await person.Card(own).GetByLabel("Own key").FillAsync("key_123");
        await person.Button(own, "Connect").ClickAsync();
        await Expect(person.Badge(own)).ToHaveTextAsync("Unknown");
        await person.Page.GetByRole(AriaRole.Link, new() { Name = "MCP servers" }).ClickAsync();
        await Expect(Server(person, own).Locator(".badge")).ToHaveTextAsync("Connected");
        foreach (var offered in new[] { open, shared, own })
            await world.WithdrawAsync(offered);
    }

    [Fact]
    public async Task A_product_of_a_suite_leads_to_the_one_card_of_the_suite()
    {
        await using var person = await world.PersonAsync("/mcps");
        await person.Page.Locator(".service-card", new() { HasText = "needs your connection to Google" }).GetByRole(AriaRole.Link, new() { Name = "Connect Google under Integrations" }).First.ClickAsync();
        await Expect(person.Heading).ToHaveTextAsync("Integrations");
        await Expect(person.Page.Locator(".service-card:target")).ToContainTextAsync("Connect Gmail, Calendar, and Drive with read-only access.");
        await Expect(person.Page.GetByRole(AriaRole.Heading, new() { Name = "Gmail" })).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task On_a_phone_the_navigation_is_behind_a_button_that_the_keyboard_reaches()
    {
        await using var person = await world.PersonAsync("/mcps", new() { ViewportSize = new() { Width = 390, Height = 844 }, JavaScriptEnabled = true });
        await Expect(person.Page.GetByRole(AriaRole.Link, new() { Name = "Integrations", Exact = true })).ToHaveCountAsync(0);
        await person.Page.Keyboard.PressAsync("Tab");
        await Expect(person.Page.GetByRole(AriaRole.Link, new() { Name = "Skip to content" })).ToBeFocusedAsync();
        await person.Page.Keyboard.PressAsync("Tab");
        await person.Page.Keyboard.PressAsync("Tab");
        await person.Page.Keyboard.PressAsync("Enter");
        var link = person.Page.GetByRole(AriaRole.Link, new() { Name = "Integrations", Exact = true });
        await Expect(link).ToBeVisibleAsync();
        await person.AssertAccessibleAsync();
        // Nothing is wider than the phone.
        Assert.True(await person.Page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= window.innerWidth"));
        await link.ClickAsync();
        await Expect(person.Heading).ToHaveTextAsync("Integrations");
        await person.Page.Locator(".menu summary").ClickAsync();
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await Expect(person.Page.GetByText("You are not signed in.")).ToBeVisibleAsync();
    }

    [Theory]
    [InlineData("/sessions", "Agents")]
    [InlineData("/approvals", "Approvals")]
    [InlineData("/rules", "Rules")]
    [InlineData("/", null)]
    public async Task The_other_pages_of_a_person_are_there_and_accessible(string path, string? marked)
    {
        await using var person = await world.PersonAsync(path);
        if (marked is not null)
            await Expect(person.Page.Locator("nav.wide a[aria-current=page]")).ToHaveTextAsync(marked);
        await person.AssertAccessibleAsync();
    }

    [Fact]
    public async Task The_browser_keeps_to_what_the_page_may_load()
    {
        await using var person = await world.PersonAsync("/integrations");
        var complaints = new List<string>();
        person.Page.Console += (_, message) => complaints.Add(message.Text);
        var loaded = new List<string>();
        person.Page.Request += (_, request) => loaded.Add(request.Url);
        await person.Page.ReloadAsync();
        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Refresh" }).ClickAsync();
        await Expect(person.Page.GetByRole(AriaRole.Link, new() { Name = "Refresh" })).ToBeFocusedAsync();
        Assert.Empty(complaints);
        Assert.All(loaded, url => Assert.StartsWith(person.Address("/"), url, StringComparison.Ordinal));
    }

    [Fact]
    public async Task When_nobody_answers_the_list_is_said_to_have_failed_and_can_be_tried_again()
    {
        await using var person = await world.PersonAsync("/mcps");
        await person.Context.SetOfflineAsync(true);
        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Refresh" }).ClickAsync();
        await Expect(person.Heading).ToHaveTextAsync("Failed to load MCP servers");
        await person.AssertAccessibleAsync();
        await person.Context.SetOfflineAsync(false);
        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Retry" }).ClickAsync();
        await Expect(person.Heading).ToHaveTextAsync("MCP servers");
    }

    private static ILocator Server(PageOfPerson person, Offered offered) => person.Page.GetByRole(AriaRole.Region, new() { Name = offered.Name, Exact = true });
}
