using System.Globalization;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Mcp;
using Kontext.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Pages;

/// <summary>No page is wider than its window, from phone to desktop, by light and dark. With KONTEXT_PICTURES naming a folder, the pictures of docs/pages.md and docs/sign-in.md are taken on the way.</summary>
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
            await FitsAsync(person, "sessions-empty", width, scheme);
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

    [Theory]
    [InlineData(390, ColorScheme.Light, "pablo")]
    [InlineData(390, ColorScheme.Dark, "nina")]
    [InlineData(1280, ColorScheme.Light, "irma")]
    [InlineData(1280, ColorScheme.Dark, "rolf")]
    public async Task Pages_that_an_agent_leads_to_fit_from_phone_to_desktop(int width, ColorScheme scheme, string name)
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        var github = await world.OfferAsync("github", "server_token", new JsonObject { ["url"] = upstream.Url.AbsoluteUri, ["serverToken"] = "upstream-secret-1", ["capabilities"] = new JsonArray("list_issues", "create_issue", "merge_pull_request", "delete_item") });
        var stripe = await world.OfferAsync("stripe", "user_token", new JsonObject { ["tokenLabel"] = "Restricted API key", ["tokenPlaceholder"] = "rk_live_…", ["capabilities"] = new JsonArray("list_charges", "create_refund") });
        await world.OwnerAsync(HttpMethod.Post, "/policy/rules", new JsonObject { ["action"] = "ask", ["level"] = "org", ["integrationId"] = github.Id, ["toolName"] = "delete_*", ["description"] = "Deleting is final" });
        var client = await world.AgentAsync($"Release agent {name}", github, stripe);
        try
        {
            await using var person = await world.PersonAsync("/rules", new() { ViewportSize = new() { Width = width, Height = 900 }, ColorScheme = scheme }, name);
            await person.Page.GetByLabel("Your agents").SelectOptionAsync("deny");
            await person.Page.GetByLabel("Service").SelectOptionAsync(stripe.Id);
            await person.Page.GetByLabel("Tool").FillAsync("create_refund");
            await person.Page.GetByLabel("Why").FillAsync("Refunds are for people");
            await person.Page.GetByRole(AriaRole.Button, new() { Name = "Add rule" }).ClickAsync();
            await Expect(person.Page.GetByRole(AriaRole.List, new() { Name = "Your rules" })).ToBeVisibleAsync();
            await person.Page.ReloadAsync();
            await FitsAsync(person, "rules", width, scheme);
            await person.Page.GotoAsync(world.Agent.AuthorizeUrl(client, world.Agent.Gateway).Url.AbsoluteUri);
            await FitsAsync(person, "consent", width, scheme);
            var token = await world.ApprovedAsync(client, name);
            var asked = (await world.Agent.McpAsync(token, "tools/call", new JsonObject { ["name"] = "delete_item", ["arguments"] = new JsonObject { ["item"] = "release/2.4", ["force"] = true } }, "/mcp/github")).Json!;
            await person.Page.GotoAsync(person.Address("/approvals"));
            await FitsAsync(person, "approvals", width, scheme);
            await person.Page.GotoAsync((string)asked["error"]!["data"]!["elicitations"]![0]!["url"]!);
            await FitsAsync(person, "approval", width, scheme);
            await person.Page.GotoAsync(person.Address("/sessions"));
            await FitsAsync(person, "sessions", width, scheme);
            await person.Page.GotoAsync((string)(await TestAgent.CallAsync(world.Server.Url, HttpMethod.Post, "/mcp/connect-session", token, new JsonObject())).Json!["connectUrl"]!);
            await FitsAsync(person, "connect", width, scheme);
            await person.Page.GotoAsync(person.Address("/device?user_code=BCDF-GHJK"));
            await FitsAsync(person, "device", width, scheme);
            await person.Page.GotoAsync(person.Address("/approvals/unknown"));
            await FitsAsync(person, "error", width, scheme);
        }
        finally
        {
            foreach (var offered in new[] { github, stripe })
                await world.WithdrawAsync(offered);
        }
    }

    [Theory]
    [InlineData(390, ColorScheme.Light, "petra")]
    [InlineData(390, ColorScheme.Dark, "nils")]
    [InlineData(1280, ColorScheme.Light, "iris")]
    [InlineData(1280, ColorScheme.Dark, "rita")]
    public async Task Pages_of_connecting_and_of_what_goes_wrong_fit_from_phone_to_desktop(int width, ColorScheme scheme, string name)
    {
        var calendar = await world.OfferAsync("calendar", "oauth", world.AtProvider());
        var storefront = await world.OfferAsync("storefront", "user_token", new JsonObject
        {
            ["category"] = "internal_mcp_credentials", ["tokenHelpUrl"] = "https://storefront.example.com/settings/keys",
            ["credentialSchema"] = new JsonObject { ["apiKey"] = "string", ["site"] = "text: What stands before .example.com" },
        });
        var options = new BrowserNewContextOptions { ViewportSize = new() { Width = width, Height = 900 }, ColorScheme = scheme };
        try
        {
            await using var person = await world.PersonAsync("/integrations", options, name);
            var token = await world.ApprovedAsync(await world.AgentAsync($"Support agent {name}", calendar, storefront), name);
            await person.Page.GotoAsync((string)(await TestAgent.CallAsync(world.Server.Url, HttpMethod.Post, "/mcp/connect-session", token, new JsonObject())).Json!["connectUrl"]!);
            await person.Page.GetByLabel("Site").FillAsync("flowers");
            await person.Page.GetByLabel("Api key").FillAsync(" ");
            await person.Page.GetByRole(AriaRole.Button, new() { Name = "Save credentials" }).ClickAsync();
            await Expect(person.Page.GetByRole(AriaRole.Alert)).ToBeVisibleAsync();
            await FitsAsync(person, "connect-credentials", width, scheme);
            var connect = person.Page.GetByRole(AriaRole.Region, new() { Name = "calendar" }).GetByRole(AriaRole.Button);
            await connect.ClickAsync();
            await person.DecideAsync("Deny");
            await FitsAsync(person, "connect-failed", width, scheme);
            await person.Page.GetByRole(AriaRole.Link, new() { Name = "Back to your services" }).ClickAsync();
            await connect.ClickAsync();
            await person.DecideAsync("Allow");
            await FitsAsync(person, "connect-done", width, scheme);

            await person.Page.GotoAsync(person.Address("/integrations"));
            await person.Context.SetOfflineAsync(true);
            await person.Page.GetByRole(AriaRole.Link, new() { Name = "Refresh" }).ClickAsync();
            await Expect(person.Heading).ToHaveTextAsync("Failed to load integrations");
            await FitsAsync(person, "load-failed", width, scheme);
            await person.Context.SetOfflineAsync(false);
            // Where the scripts did not arrive, the server asks.
            await person.Page.RouteAsync("**/assets/*.js", route => route.AbortAsync());
            await person.Page.GotoAsync(person.Address("/integrations"));
            await person.Button(calendar, "Disconnect").ClickAsync();
            await Expect(person.Heading).ToHaveTextAsync("Disconnect calendar?");
            await FitsAsync(person, "confirm", width, scheme);
            await person.Page.UnrouteAllAsync();
            await person.Page.GotoAsync(person.Address("/integrations"));
            var answer = person.Page.WaitForRequestAsync(request => request.Url.Contains("/oauth/callback?", StringComparison.Ordinal));
            await person.Button(calendar, "Reconnect").ClickAsync();
            var address = (await answer).Url;
            await person.Page.WaitForURLAsync(person.Address("/integrations"));
            await person.Context.ClearCookiesAsync();
            await person.Page.GotoAsync(address);
            await FitsAsync(person, "signed-out", width, scheme);
        }
        finally
        {
            foreach (var offered in new[] { calendar, storefront })
                await world.WithdrawAsync(offered);
        }
    }

    [Theory]
    [InlineData(390, ColorScheme.Light)]
    [InlineData(390, ColorScheme.Dark)]
    [InlineData(1280, ColorScheme.Light)]
    [InlineData(1280, ColorScheme.Dark)]
    public async Task Sign_in_and_a_secret_that_is_shown_once_fit_from_phone_to_desktop(int width, ColorScheme scheme)
    {
        var keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;
        await using (var server = await KontextServer.StartAsync("memory", keys, settings: new Dictionary<string, string> { ["Kontext__Organizations__globex__Name"] = "Globex Corporation" }))
        {
            await using var context = await world.Chromium.NewContextAsync(new() { ViewportSize = new() { Width = width, Height = 900 }, ColorScheme = scheme });
            await using var person = new PageOfPerson(server, context, await context.NewPageAsync(), "olivia");
            await person.Page.GotoAsync(person.Address("/console/service-accounts"));
            await FitsAsync(person, "organization", width, scheme);
            await person.Page.GetByLabel("Organization").FillAsync("globex");
            await person.Page.GetByRole(AriaRole.Button, new() { Name = "Continue" }).ClickAsync();
            await Expect(person.Page.GetByLabel("User name")).ToBeVisibleAsync();
            await FitsAsync(person, "sign-in", width, scheme);
            await person.EnterAsync();
            await person.Page.GetByLabel("Name").FillAsync("Deployment pipeline");
            await person.Page.GetByRole(AriaRole.Button, new() { Name = "Make service account" }).ClickAsync();
            await Expect(person.Page.Locator(".shown-once")).ToBeVisibleAsync();
            await FitsAsync(person, "console-secret", width, scheme);
        }
        Directory.Delete(keys, recursive: true);
    }

    private static async Task FitsAsync(PageOfPerson person, string name, int width, ColorScheme scheme)
    {
        Assert.True(await person.Page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= window.innerWidth"), $"{name} is wider than {width}");
        if (Folder is not null)
            await person.Page.ScreenshotAsync(new() { Path = Path.Combine(Folder, string.Create(CultureInfo.InvariantCulture, $"{name}-{width}-{(scheme == ColorScheme.Dark ? "dark" : "light")}.png")), FullPage = true });
    }
}
