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
    public async Task A_listed_trace_that_gains_an_error_says_so_while_it_is_watched()
    {
        var made = await world.Agent.ApiAsync(HttpMethod.Post, "/integrations", world.Owner, new System.Text.Json.Nodes.JsonObject { ["name"] = "traced", ["url"] = "https://mcp.example.com/mcp", ["authMode"] = "server_token", ["serverToken"] = "shared-token" });
        await world.Agent.ApiAsync(HttpMethod.Post, $"/applications/{world.Application}/integrations/{made.Json!["integration"]!["id"]}", world.Owner);
        using var browser = new FormBrowser();
        var token = (await world.Agent.AuthorizeAsync(browser, "app_" + world.Application, "walter", world.Agent.Gateway))["access_token"]!;
        var trace = Convert.ToHexStringLower(Guid.NewGuid().ToByteArray());
        Assert.Equal(System.Net.HttpStatusCode.OK, await ExchangeAsync("traced"));
        await using var olivia = await world.PersonAsync("olivia", "/console/traces?agentId=" + world.Application);
        var row = olivia.Page.Locator("#trace-" + trace);
        await Expect(row.Locator(".badge")).ToHaveTextAsync("ok");
        var place = await row.EvaluateAsync<int>("row => row.sectionRowIndex");
        // Gone on with before the last look is over: two rounds must not run at once.
        var looks = 0;
        var follow = olivia.Page.Locator("[data-live]");
        for (var press = 0; press < 3; press++)
            await follow.ClickAsync();
        await Expect(follow).ToHaveAttributeAsync("aria-pressed", "true");

        Assert.NotEqual(System.Net.HttpStatusCode.OK, await ExchangeAsync("linear"));
        await Expect(row.Locator(".badge")).ToContainTextAsync("1 error", new() { Timeout = 60_000 });
        Assert.Equal(place, await row.EvaluateAsync<int>("row => row.sectionRowIndex"));
        olivia.Page.Request += (_, request) => looks += request.Url.Contains("/console/traces", StringComparison.Ordinal) ? 1 : 0;
        await follow.ClickAsync();
        await follow.ClickAsync();
        await Expect(follow).ToHaveAttributeAsync("aria-pressed", "true");
        var atOnce = await olivia.Page.EvaluateAsync<int>("""
            async () => {
              const real = window.fetch;
              let open = 0, most = 0;
              window.fetch = async (...given) => { most = Math.max(most, ++open); await new Promise(done => setTimeout(done, 2500)); try { return await real(...given); } finally { open--; } };
              await new Promise(done => setTimeout(done, 9000));
              return most;
            }
            """);
        Assert.Equal(1, atOnce);
        Assert.True(looks > 0);

        async Task<System.Net.HttpStatusCode> ExchangeAsync(string service)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri("/oauth2/token", UriKind.Relative))
            {
                Content = new FormUrlEncodedContent(new Dictionary<string, string>
                {
                    ["grant_type"] = "urn:ietf:params:oauth:grant-type:token-exchange", ["client_id"] = "app_" + world.Application,
                    ["subject_token_type"] = "urn:ietf:params:oauth:token-type:access_token", ["subject_token"] = token, ["resource"] = service,
                }),
            };
            request.Headers.Add("traceparent", $"00-{trace}-b7ad6b7169203331-01");
            using var answer = await world.Server.Http.SendAsync(request);
            return answer.StatusCode;
        }
    }

    [Fact]
    public async Task When_more_came_than_is_listed_the_list_says_so()
    {
        await using var olivia = await world.PersonAsync("olivia", "/console/audit?type=admin.change");
        await olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Follow live" }).ClickAsync();
        await olivia.Page.RouteAsync("**/console/audit**", route => route.AbortAsync());
        for (var number = 0; number < 60; number++)
            await world.Agent.ApiAsync(HttpMethod.Post, "/service-accounts", world.Owner, new System.Text.Json.Nodes.JsonObject { ["name"] = $"many {number}" });
        await olivia.Page.UnrouteAsync("**/console/audit**");
        await Expect(olivia.Page.Locator("#live-count")).ToContainTextAsync("more came than is listed", new() { Timeout = 60_000 });
        await Expect(olivia.Page.Locator("#live tbody tr:not([id])")).ToContainTextAsync("Reload the page");
        await Expect(olivia.Page.Locator("#live tbody tr").First).ToContainTextAsync("many 59");
    }

    [Fact]
    public async Task A_form_that_asks_says_that_it_is_under_way_and_one_that_downloads_can_be_pressed_again()
    {
        await using var olivia = await world.PersonAsync("olivia", "/console/audit");
        var download = olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Download" });
        var file = await olivia.Page.RunAndWaitForDownloadAsync(() => download.ClickAsync());
        Assert.NotNull(await file.PathAsync());
        await Expect(download).Not.ToHaveAttributeAsync("aria-busy", "true", new() { Timeout = 30_000 });
        var verify = olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Verify" });
        // At once, before the browser goes.
        Assert.Equal("true true", await verify.EvaluateAsync<string>("""
            button => {
              const box = () => JSON.stringify(button.getBoundingClientRect());
              const before = box();
              button.click();
              return `${button.ariaBusy} ${box() === before}`;
            }
            """));
        await Expect(olivia.Page.GetByText("The trail holds.")).ToBeVisibleAsync(new() { Timeout = 30_000 });
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
