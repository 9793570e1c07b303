using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Mcp;
using Kontext.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Pages;

/// <summary>What a person enters on the page behind a link to connect, and who may be there at all, in a real browser.</summary>
public sealed class ConnectFormTests(PagesWorld world) : IClassFixture<PagesWorld>
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_is_wrong_with_a_credential_is_said_at_its_field_and_no_secret_comes_back(bool javaScript)
    {
        var shop = await world.OfferAsync($"Shop {Guid.NewGuid():N}"[..20], "user_token", new JsonObject
        {
            ["category"] = "internal_mcp_credentials", ["tokenHelpUrl"] = "https://shop.example.com/keys",
            ["credentialSchema"] = new JsonObject { ["apiKey"] = "string", ["phrase"] = "The phrase you chose when you opened the shop", ["site"] = "text: What stands before .example.com" },
        });
        var notes = await world.OfferAsync($"Notes {Guid.NewGuid():N}"[..20], "user_token", new JsonObject { ["tokenLabel"] = "Notes key" });
        await using var person = await world.PersonAsync("/integrations", new() { JavaScriptEnabled = javaScript });
        await person.Page.GotoAsync(await person.LinkAsync(world, shop, notes));
        var (key, phrase, site) = (Card(person, shop).GetByLabel("Api key"), Card(person, shop).GetByLabel("Phrase"), Card(person, shop).GetByLabel("Site"));
        await Expect(site).ToHaveAccessibleDescriptionAsync("What stands before .example.com");
        await Expect(Card(person, shop).GetByRole(AriaRole.Link, new() { Name = "Where to find them" })).ToHaveAttributeAsync("href", "https://shop.example.com/keys");
        if (javaScript)
            await person.AssertAccessibleAsync();

        // An empty field is held back by the browser, which leads to it.
        await site.FillAsync("flowers");
        await phrase.FillAsync("open sesame 42");
        await Button(person, shop, "Save credentials").ClickAsync();
        await Expect(key).ToBeFocusedAsync();

        await key.FillAsync("   ");
        await Button(person, shop, "Save credentials").ClickAsync();
        await Expect(person.Page.GetByRole(AriaRole.Alert)).ToHaveTextAsync($"{shop.Name} was not connected. Look at what is marked there.");
        await Expect(key).ToHaveAttributeAsync("aria-invalid", "true");
        await Expect(key).ToHaveAccessibleDescriptionAsync("Has to have 1 to 8192 characters.");
        await Expect(key).ToBeFocusedAsync();
        await Expect(site).ToHaveValueAsync("flowers");
        await Expect(phrase).ToBeEmptyAsync();
        await Expect(phrase).Not.ToHaveAttributeAsync("aria-invalid", "true");
        await Expect(Card(person, notes).GetByLabel("Notes key")).Not.ToHaveAttributeAsync("aria-invalid", "true");
        Assert.DoesNotContain("sesame", await person.Page.ContentAsync(), StringComparison.Ordinal);
        await Expect(Card(person, shop)).ToContainTextAsync("Not connected");
        if (javaScript)
            await person.AssertAccessibleAsync();

        await key.FillAsync("sk_123456");
        await phrase.FillAsync("open sesame 42");
        await Button(person, shop, "Save credentials").ClickAsync();
        await Expect(person.Page.GetByRole(AriaRole.Status)).ToHaveTextAsync($"{shop.Name} is connected.");
        await Expect(Card(person, shop).Locator(".badge")).ToHaveTextAsync("Connected");

        // What is stored is not shown again, not even to be replaced.
        await Card(person, shop).GetByText("Replace the credentials").ClickAsync();
        foreach (var field in new[] { key, phrase, site })
            await Expect(field).ToBeEmptyAsync();
        foreach (var secret in new[] { "sk_123456", "sesame" })
            Assert.DoesNotContain(secret, await person.Page.ContentAsync(), StringComparison.Ordinal);
        await key.FillAsync(" ");
        await site.FillAsync("trees");
        await phrase.FillAsync("another");
        await Button(person, shop, "Save credentials").ClickAsync();
        // The refused form is open, or nobody would see what is wrong; the connection is as it was.
        await Expect(key).ToBeVisibleAsync();
        await Expect(key).ToHaveAccessibleDescriptionAsync("Has to have 1 to 8192 characters.");
        await Expect(Card(person, shop).Locator(".badge")).ToHaveTextAsync("Connected");

        await Card(person, shop).GetByText("Disconnect", new() { Exact = true }).First.ClickAsync();
        await Card(person, shop).GetByRole(AriaRole.Button, new() { Name = $"Disconnect {shop.Name}" }).ClickAsync();
        await Expect(person.Page.GetByRole(AriaRole.Status)).ToContainTextAsync($"{shop.Name} is disconnected.");
        await Expect(Card(person, shop).Locator(".badge")).ToHaveTextAsync("Not connected");
        await world.WithdrawAsync(shop);
        await world.WithdrawAsync(notes);
    }

    [Fact]
    public async Task A_token_that_the_service_refuses_is_said_so_at_the_field_with_where_to_find_a_good_one()
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        var tracker = await world.OfferAsync($"Tracker {Guid.NewGuid():N}"[..20], "user_token", new JsonObject
        {
            ["url"] = upstream.Url.AbsoluteUri, ["tokenLabel"] = "Tracker key", ["tokenPlaceholder"] = "trk_…", ["tokenHelpUrl"] = "https://tracker.example.com/settings/keys",
        });
        await using var person = await world.PersonAsync("/integrations");
        await person.Page.GotoAsync(await person.LinkAsync(world, tracker));
        var field = Card(person, tracker).GetByLabel("Tracker key");
        await Expect(field).ToHaveAttributeAsync("placeholder", "trk_…");
        await Expect(field).ToHaveAttributeAsync("type", "password");
        await Expect(field).ToHaveAccessibleDescriptionAsync("Where to find it (tracker.example.com, opens in a new tab)");
        var help = Card(person, tracker).GetByRole(AriaRole.Link, new() { Name = "Where to find it" });
        await Expect(help).ToHaveAttributeAsync("href", "https://tracker.example.com/settings/keys");
        await Expect(help).ToHaveAttributeAsync("target", "_blank");

        foreach (var (token, reason) in new[] { ("trk two words", "contains a space"), ("trk_of_nobody", $"{tracker.Name} does not accept this token, so it was not stored.") })
        {
            await field.FillAsync(token);
            await Button(person, tracker, "Save token").ClickAsync();
            await Expect(field).ToHaveAttributeAsync("aria-invalid", "true");
            await Expect(Card(person, tracker).Locator(".error")).ToContainTextAsync(reason);
            await Expect(field).ToBeEmptyAsync();
            Assert.DoesNotContain(token, await person.Page.ContentAsync(), StringComparison.Ordinal);
            await Expect(Card(person, tracker).Locator(".badge")).ToHaveTextAsync("Not connected");
        }
        await person.AssertAccessibleAsync();

        await field.FillAsync("upstream-secret-1");
        await Button(person, tracker, "Save token").ClickAsync();
        await Expect(person.Page.GetByRole(AriaRole.Status)).ToHaveTextAsync($"{tracker.Name} is connected.");
        Assert.DoesNotContain("upstream-secret-1", await person.Page.ContentAsync(), StringComparison.Ordinal);
        await world.WithdrawAsync(tracker);
    }

    [Fact]
    public async Task Of_two_tabs_the_one_left_behind_still_works_and_shows_what_is_true_then()
    {
        var service = await world.OAuthAsync("Upstream");
        var notes = await world.OfferAsync($"Notes {Guid.NewGuid():N}"[..20], "user_token", new JsonObject { ["tokenLabel"] = "Notes key" });
        await using var person = await world.PersonAsync("/integrations");
        var link = await person.LinkAsync(world, service, notes);
        var other = await person.Context.NewPageAsync();
        await other.GotoAsync(link);
        await person.Page.GotoAsync(link);
        await Button(person, service, "Connect").ClickAsync();
        await person.DecideAsync("Allow");
        await Expect(person.Heading).ToHaveTextAsync($"{service.Name} is connected");

        var left = other.GetByRole(AriaRole.Region, new() { Name = service.Name });
        await Expect(left.Locator(".badge")).ToHaveTextAsync("Not connected");
        await other.GetByLabel("Notes key").FillAsync("nk_123456");
        await other.GetByRole(AriaRole.Button, new() { Name = "Save token" }).ClickAsync();
        await Expect(left.Locator(".badge")).ToHaveTextAsync("Connected");
        await Expect(left).ToContainTextAsync($"{person.Name}@example.test");

        // What the first tab offers has been done meanwhile; the page it leads to says so.
        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Connect the next service" }).ClickAsync();
        await Expect(person.Heading).ToHaveTextAsync("Connect your services");
        await Expect(person.Page.GetByText("Not connected")).ToHaveCountAsync(0);
        await world.WithdrawAsync(service);
        await world.WithdrawAsync(notes);
    }

    [Fact]
    public async Task Going_back_from_the_provider_and_connecting_again_works()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        var link = await person.LinkAsync(world, service);
        await person.Page.GotoAsync(link);
        await Button(person, service, "Connect").ClickAsync();
        await Expect(person.Page.GetByLabel("Password")).ToBeVisibleAsync();
        await person.Page.GoBackAsync();
        await Expect(person.Heading).ToHaveTextAsync("Connect your services");
        await Expect(Button(person, service, "Connect")).Not.ToHaveAttributeAsync("aria-busy", "true");
        await Button(person, service, "Connect").ClickAsync();
        await person.DecideAsync("Allow");
        await Expect(person.Heading).ToHaveTextAsync($"{service.Name} is connected");
        await world.WithdrawAsync(service);
    }

    [Fact]
    public async Task A_link_leads_who_is_not_signed_in_through_sign_in_and_nobody_else_than_its_person_in()
    {
        var service = await world.OfferAsync($"Notes {Guid.NewGuid():N}"[..20], "user_token", new JsonObject { ["tokenLabel"] = "Notes key" });
        await using var person = await world.PersonAsync("/integrations");
        var link = await person.LinkAsync(world, service);
        await person.Context.ClearCookiesAsync();
        await person.Page.GotoAsync(link);
        await person.EnterAsync();
        await Expect(person.Page).ToHaveURLAsync(link);
        await Expect(Card(person, service)).ToBeVisibleAsync();

        await using var other = await world.PersonAsync("/integrations");
        var answer = await other.Page.GotoAsync(link);
        Assert.Equal(403, answer!.Status);
        await Expect(other.Page.GetByText("made for somebody else")).ToBeVisibleAsync();
        await Expect(other.Page.GetByText(service.Name)).ToHaveCountAsync(0);
        await other.AssertAccessibleAsync();
        await world.WithdrawAsync(service);
    }

    [Fact]
    public async Task An_agent_without_services_has_nothing_to_connect()
    {
        await using var person = await world.PersonAsync("/integrations");
        await person.Page.GotoAsync(await person.LinkAsync(world));
        await Expect(person.Page.GetByRole(AriaRole.Heading, new() { Name = "Nothing to connect" })).ToBeVisibleAsync();
        await Expect(person.Page.GetByRole(AriaRole.Button)).ToHaveCountAsync(0);
        await person.AssertAccessibleAsync();
    }

    private static ILocator Card(PageOfPerson person, Offered service) => person.Page.GetByRole(AriaRole.Region, new() { Name = service.Name });

    private static ILocator Button(PageOfPerson person, Offered service, string text) => Card(person, service).GetByRole(AriaRole.Button, new() { Name = text, Exact = true });
}
