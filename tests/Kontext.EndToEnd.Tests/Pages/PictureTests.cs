using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Pages;

/// <summary>No page is wider than its window, from phone to desktop, by light and dark. With KONTEXT_PICTURES naming a folder, the pictures of docs/pages.md are taken on the way.</summary>
public sealed class PictureTests(PagesWorld world) : IClassFixture<PagesWorld>
{
    private static readonly string? Folder = Environment.GetEnvironmentVariable("KONTEXT_PICTURES");

    [Theory]
    [InlineData(390, ColorScheme.Light, "paula")]
    [InlineData(390, ColorScheme.Dark, "nadia")]
    [InlineData(1280, ColorScheme.Light, "ines")]
    [InlineData(1280, ColorScheme.Dark, "rosa")]
    public async Task Pages_fit_from_phone_to_desktop(int width, ColorScheme scheme, string name)
    {
        var github = await world.OfferAsync("github", "oauth", world.AtProvider());
        var linear = await world.OfferAsync("linear", "oauth", world.AtProvider());
        var stripe = await world.OfferAsync("stripe", "user_token", new JsonObject { ["tokenLabel"] = "Restricted API key", ["tokenPlaceholder"] = "rk_live_…", ["tokenHelpUrl"] = "https://dashboard.stripe.com/apikeys", ["url"] = "http://127.0.0.1:9/stripe" });
        var docs = await world.OfferAsync("docs", "none", new JsonObject { ["capabilities"] = new JsonArray("search_docs", "read_page") });
        try
        {
            await using var person = await world.PersonAsync("/integrations", new() { ViewportSize = new() { Width = width, Height = 900 }, ColorScheme = scheme }, name);
            await person.ConnectAsync(github);
            // The provider remembers what was allowed and asks no more.
            await person.Button(linear, "Connect").ClickAsync();
            await Expect(person.Badge(linear)).ToHaveTextAsync("Valid");
            await world.Idp.RevokeUserAsync(person.Name);
            await person.Button(linear, "Validate").ClickAsync();
            await Expect(person.Badge(linear)).ToHaveTextAsync("Invalid");
            await FitsAsync(person, "integrations-notice", width, scheme);
            await person.Page.ReloadAsync();
            await FitsAsync(person, "integrations", width, scheme);
            await person.Page.GotoAsync(person.Address("/mcps"));
            await FitsAsync(person, "mcps", width, scheme);
            await person.Page.GotoAsync(person.Address("/sessions"));
            await FitsAsync(person, "sessions", width, scheme);
            await person.Page.GotoAsync(person.Address("/integrations/github/callback"));
            await FitsAsync(person, "callback-failed", width, scheme);
            await person.Page.GotoAsync(person.Address("/"));
            if (width < 800)
                await person.Page.Locator(".menu summary").ClickAsync();
            await FitsAsync(person, "home", width, scheme);
        }
        finally
        {
            foreach (var offered in new[] { github, linear, stripe, docs })
                await world.WithdrawAsync(offered);
        }
    }

    private static async Task FitsAsync(PageOfPerson person, string name, int width, ColorScheme scheme)
    {
        Assert.True(await person.Page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= window.innerWidth"), $"{name} is wider than {width}");
        if (Folder is not null)
            await person.Page.ScreenshotAsync(new() { Path = Path.Combine(Folder, string.Create(CultureInfo.InvariantCulture, $"{name}-{width}-{(scheme == ColorScheme.Dark ? "dark" : "light")}.png")), FullPage = true });
    }
}
