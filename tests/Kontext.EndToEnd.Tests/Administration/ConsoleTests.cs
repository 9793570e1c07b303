using System.Globalization;
using Kontext.EndToEnd.Tests.Pages;
using Kontext.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Administration;

/// <summary>The administration pages in a real browser. With KONTEXT_PICTURES naming a folder, pictures of them are taken on the way.</summary>
public sealed class ConsoleTests(ConsoleWorld world) : IClassFixture<ConsoleWorld>
{
    private static readonly string? Folder = Environment.GetEnvironmentVariable("KONTEXT_PICTURES");

    [Fact]
    public async Task Every_page_can_be_used_by_everybody_in_light_and_dark()
    {
        await using var olivia = await world.PersonAsync("olivia");
        foreach (var (_, path) in world.Pages())
        {
            var answer = await olivia.Page.GotoAsync(olivia.Address(path));
            Assert.True(answer!.Ok, path);
            await olivia.Page.EvaluateAsync("document.querySelectorAll('main details').forEach(details => details.open = true)");
            await olivia.AssertAccessibleAsync();
        }
    }

    [Theory]
    [InlineData(390, ColorScheme.Light)]
    [InlineData(390, ColorScheme.Dark)]
    [InlineData(1280, ColorScheme.Light)]
    [InlineData(1280, ColorScheme.Dark)]
    public async Task Every_page_fits_from_phone_to_desktop(int width, ColorScheme scheme)
    {
        await using var olivia = await world.PersonAsync("olivia", options: new() { ViewportSize = new() { Width = width, Height = 900 }, ColorScheme = scheme });
        var refused = new List<string>();
        olivia.Page.Console += (_, message) =>
        {
            if (message.Type == "error")
                refused.Add(message.Text);
        };
        foreach (var (name, path) in world.Pages())
        {
            await olivia.Page.GotoAsync(olivia.Address(path));
            Assert.True(await olivia.Page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= window.innerWidth"), $"{path} is wider than {width}");
            if (Folder is not null)
                // The light ones of a desktop are in docs/images, as a window shows them.
                await olivia.Page.ScreenshotAsync(new() { Path = Path.Combine(Folder, string.Create(CultureInfo.InvariantCulture, $"console-{name}-{width}-{(scheme == ColorScheme.Dark ? "dark" : "light")}.png")), FullPage = width < 800 || scheme == ColorScheme.Dark });
        }
        // Among them what the content security policy keeps a page from.
        Assert.Empty(refused);
    }

    [Fact]
    public async Task On_a_phone_the_places_are_behind_a_button_that_names_the_one_we_are_at()
    {
        await using var olivia = await world.PersonAsync("olivia", options: new() { ViewportSize = new() { Width = 390, Height = 800 } });
        await olivia.Page.Locator(".places-menu summary").ClickAsync();
        await olivia.Page.Locator(".places-menu").GetByRole(AriaRole.Link, new() { Name = "Audit trail" }).ClickAsync();
        await Expect(olivia.Heading).ToHaveTextAsync("Audit trail");
        await Expect(olivia.Page.Locator(".places-menu summary")).ToHaveTextAsync("Audit trail");
    }

    [Fact]
    public async Task A_secret_is_shown_without_leaving_the_page_and_copied()
    {
        await using var olivia = await world.PersonAsync("olivia", "/console/service-accounts");
        await olivia.Context.GrantPermissionsAsync(["clipboard-read", "clipboard-write"]);
        await olivia.Page.GetByLabel("Name").FillAsync("copied");
        await olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Make service account" }).ClickAsync();
        var secret = await olivia.Page.Locator(".shown-once").TextContentAsync();
        await olivia.AssertAccessibleAsync();
        await olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Copy Client secret" }).ClickAsync();
        await Expect(olivia.Toast).ToContainTextAsync("Copied");
        Assert.Equal(secret, await olivia.Page.EvaluateAsync<string>("navigator.clipboard.readText()"));
    }

    [Fact]
    public async Task The_trail_is_followed_live()
    {
        await using var olivia = await world.PersonAsync("olivia", "/console/audit?type=admin.change");
        var before = await olivia.Page.Locator("#live tbody tr").CountAsync();
        await olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Follow live" }).ClickAsync();
        await Expect(olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Pause" })).ToHaveAttributeAsync("aria-pressed", "true");
        await world.Agent.ApiAsync(HttpMethod.Post, "/service-accounts", world.Owner, new System.Text.Json.Nodes.JsonObject { ["name"] = "seen live" });
        await Expect(olivia.Page.Locator("#live tbody tr").First).ToContainTextAsync("seen live", new() { Timeout = 60_000 });
        Assert.True(await olivia.Page.Locator("#live tbody tr").CountAsync() > before);
    }

    [Fact]
    public async Task Who_was_signed_out_while_following_live_keeps_what_they_read_and_is_told_to_sign_in()
    {
        await using var olivia = await world.PersonAsync("olivia", "/console/audit?type=admin.change");
        var before = await olivia.Page.Locator("#live tbody tr").CountAsync();
        await olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Follow live" }).ClickAsync();
        await olivia.Context.ClearCookiesAsync(new() { Name = "kontext-session" });
        var stopped = olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Stopped: sign in again" });
        await Expect(stopped).ToHaveAttributeAsync("aria-pressed", "false", new() { Timeout = 60_000 });
        Assert.True(await olivia.Page.Locator("#live tbody tr").CountAsync() >= before);
        await stopped.ClickAsync();
        await olivia.Page.WaitForURLAsync(olivia.Address("/login?return_to=%2Fconsole%2Faudit%3Ftype%3Dadmin.change"));
    }

    [Fact]
    public async Task Permissions_are_narrowed_while_one_types_and_what_is_chosen_stays_in_sight()
    {
        var made = await world.Agent.ApiAsync(HttpMethod.Post, "/integrations", world.Owner, new System.Text.Json.Nodes.JsonObject
        {
            ["name"] = "narrowed", ["url"] = "https://api.github.com", ["authMode"] = "oauth", ["category"] = "internal_mcp_credentials",
            ["oauth"] = new System.Text.Json.Nodes.JsonObject { ["provider"] = "github", ["scopes"] = new System.Text.Json.Nodes.JsonArray("gist") },
        });
        await using var olivia = await world.PersonAsync("olivia", "/console/integrations/" + (string)made.Json!["integration"]!["id"]!);
        await olivia.Page.GetByText("Permissions", new() { Exact = true }).Last.ClickAsync();
        await olivia.Page.GetByLabel("Search the permissions").FillAsync("repo");
        await Expect(olivia.Page.Locator("#narrow-count")).ToContainTextAsync("shown");
        await Expect(olivia.Page.Locator("#scopes input[value=gist]")).ToBeVisibleAsync();
        Assert.True(await olivia.Page.Locator("#scopes > :visible").CountAsync() < await olivia.Page.Locator("#scopes > *").CountAsync());
    }

    [Fact]
    public async Task A_rule_is_tried_and_made_without_leaving_the_page()
    {
        await using var olivia = await world.PersonAsync("olivia", "/console/policy/rules/new");
        await olivia.Page.EvaluateAsync("window.stayed = true");
        await olivia.Page.GetByLabel("Effect").SelectOptionAsync("ask");
        await olivia.Page.GetByLabel("Integration").SelectOptionAsync(world.Integration);
        await olivia.Page.GetByLabel("Tool").FillAsync("transfer_*");
        await olivia.Page.GetByLabel("Why").FillAsync("Ownership is final");
        await olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Try it on the last 24 hours" }).ClickAsync();
        await Expect(olivia.Page.GetByText("What this rule would have changed")).ToBeVisibleAsync();
        await olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Add rule" }).ClickAsync();
        await Expect(olivia.Heading).ToContainTextAsync("Policy");
        await Expect(olivia.Page.Locator("tbody").First).ToContainTextAsync("Ownership is final");
        Assert.True(await olivia.Page.EvaluateAsync<bool>("window.stayed === true"));
    }

    [Fact]
    public async Task An_application_is_registered_and_archived_with_the_keyboard_alone()
    {
        await using var olivia = await world.PersonAsync("olivia", "/console/applications/new");
        olivia.WhenAsked(accept: true);
        await olivia.Page.GetByLabel("Name").FocusAsync();
        await olivia.Page.Keyboard.TypeAsync("Keyboard agent");
        await olivia.Page.Keyboard.PressAsync("Enter");
        await Expect(olivia.Heading).ToHaveTextAsync("Keyboard agent");
        await olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Archive" }).FocusAsync();
        await olivia.Page.Keyboard.PressAsync("Enter");
        await Expect(olivia.Heading).ToHaveTextAsync("Applications");
        await Expect(olivia.Page.Locator("tbody")).Not.ToContainTextAsync("Keyboard agent");
    }

    [Fact]
    public async Task An_auditor_sees_every_page_and_no_button_that_changes_anything()
    {
        await using var auditor = await world.PersonAsync("audrey+auditor");
        foreach (var (_, path) in world.Pages())
        {
            var answer = await auditor.Page.GotoAsync(auditor.Address(path));
            Assert.Equal(200, answer!.Status);
            var posts = await auditor.Page.Locator("main form[method=post]").EvaluateAllAsync<string[]>("forms => forms.map(form => form.getAttribute('action'))");
            // Trying other rules changes nothing.
            Assert.All(posts, action => Assert.Contains(action, new[] { "/console/policy/proposal", $"/console/policy/rules/{world.Rule}" }));
        }
    }
}
