using System.Text.Json.Nodes;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Pages;

/// <summary>The page of a person's connections in a real browser (seed 004).</summary>
public sealed class IntegrationsPageTests(PagesWorld world) : IClassFixture<PagesWorld>
{
    [Fact]
    public async Task Google_is_there_from_the_start_with_what_it_is_good_for()
    {
        await using var person = await world.PersonAsync("/integrations");
        await Expect(person.Page).ToHaveTitleAsync("Integrations · Kontext");
        await Expect(person.Heading).ToHaveTextAsync("Integrations");
        await Expect(person.Page.GetByText("Connect external OAuth providers to your account.")).ToBeVisibleAsync();
        await Expect(person.Page.GetByRole(AriaRole.Link, new() { Name = "Refresh" })).ToBeVisibleAsync();
        var google = person.Page.GetByRole(AriaRole.Region, new() { Name = "Google", Exact = true });
        await Expect(google).ToContainTextAsync("Connect Gmail, Calendar, and Drive with read-only access.");
        await Expect(google.Locator(".badge")).ToHaveCountAsync(0);
        // Nobody gave this installation an app at Google: that is said before and after trying.
        await Expect(google).ToContainTextAsync("not set up here yet");
        await google.GetByRole(AriaRole.Button, new() { Name = "Connect Google" }).ClickAsync();
        await Expect(person.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("Providers__google__ClientId");
        await person.AssertAccessibleAsync();
    }

    [Fact]
    public async Task A_person_connects_validates_reconnects_and_disconnects()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        person.WhenAsked(accept: true);
        await person.AuthorizeAsync(service);
        await Expect(person.Heading.Filter(new() { Visible = true })).ToHaveTextAsync("Integration connected");
        await Expect(person.Toast).ToContainTextAsync($"{service.Name} connected");
        await person.Page.WaitForURLAsync(person.Address("/integrations"));
        await Expect(person.Badge(service)).ToHaveTextAsync("Valid");
        await Expect(person.Card(service)).ToContainTextAsync($"{person.Name}@example.test");

        await person.Button(service, "Validate").ClickAsync();
        await Expect(person.Toast).ToContainTextAsync("works");
        await Expect(person.Button(service, "Validate")).ToBeFocusedAsync();
        // The provider remembers what was allowed and asks no more.
        await person.Button(service, "Reconnect").ClickAsync();
        await Expect(person.Heading.Filter(new() { Visible = true })).ToHaveTextAsync("Integration connected");
        await person.Page.WaitForURLAsync(person.Address("/integrations"));

        await person.Button(service, "Disconnect").ClickAsync();
        await Expect(person.Toast).ToContainTextAsync("is disconnected");
        await Expect(person.Button(service, "Connect")).ToBeVisibleAsync();
        await Expect(person.Badge(service)).ToHaveCountAsync(0);
        Assert.Equal(person.Address("/integrations"), person.Page.Url);
    }

    [Fact]
    public async Task Nothing_moves_while_a_button_is_at_work()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        await person.ConnectAsync(service);
        var going = new TaskCompletionSource();
        await person.Page.RouteAsync("**/validate", async route =>
        {
            await going.Task;
            await route.ContinueAsync();
        });
        var buttons = new[] { "Validate", "Reconnect", "Disconnect" }.Select(word => person.Button(service, word)).ToList();
        await buttons[0].ScrollIntoViewIfNeededAsync();
        var before = await BoxesAsync(buttons);
        await buttons[0].ClickAsync();
        await Expect(buttons[0]).ToHaveAttributeAsync("aria-busy", "true");
        Assert.Equal(before, await BoxesAsync(buttons));
        going.SetResult();
        await Expect(person.Toast).ToContainTextAsync("works");
        await Expect(buttons[0]).Not.ToHaveAttributeAsync("aria-busy", "true");
    }

    [Fact]
    public async Task A_notice_above_what_was_pressed_does_not_move_it()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations", new() { ViewportSize = new() { Width = 800, Height = 320 } });
        await person.ConnectAsync(service);
        await world.Idp.FaultAsync("userinfo", "unavailable");
        var validate = person.Button(service, "Validate");
        await validate.ScrollIntoViewIfNeededAsync();
        // Room to scroll on both sides, whatever other tests have offered meanwhile.
        await person.Page.EvaluateAsync("document.querySelector('footer').style.height = '40rem'; scrollTo(0, document.querySelector('[id^=validate-]').getBoundingClientRect().top + scrollY - 150)");
        var before = (await BoxesAsync([validate]))[0];
        await validate.ClickAsync();
        await Expect(person.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("could not be found out");
        await Expect(validate).Not.ToHaveAttributeAsync("aria-busy", "true");
        Assert.Equal(before.Y, (await BoxesAsync([validate]))[0].Y, 1.0);
        // The notice is above what is seen, so it is said where it is seen.
        await Expect(person.Toast).ToContainTextAsync("could not be found out");
    }

    [Fact]
    public async Task Without_the_persons_yes_nothing_is_disconnected()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        await person.ConnectAsync(service);
        var question = new TaskCompletionSource<string>();
        person.Page.Dialog += async (_, dialog) =>
        {
            question.SetResult(dialog.Message);
            await dialog.DismissAsync();
        };
        await person.Button(service, "Disconnect").ClickAsync();
        Assert.StartsWith($"Disconnect {service.Name}?", await question.Task, StringComparison.Ordinal);
        await person.Page.ReloadAsync();
        await Expect(person.Badge(service)).ToHaveTextAsync("Valid");
    }

    [Fact]
    public async Task The_badge_says_what_the_provider_says()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        await person.ConnectAsync(service);

        await world.Idp.FaultAsync("userinfo", "unavailable");
        await person.Button(service, "Validate").ClickAsync();
        await Expect(person.Badge(service)).ToHaveTextAsync("Unknown");
        await Expect(person.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("could not be found out");
        await person.AssertAccessibleAsync();

        await world.Idp.RevokeUserAsync(person.Name);
        await person.Button(service, "Validate").ClickAsync();
        await Expect(person.Badge(service)).ToHaveTextAsync("Invalid");
        await Expect(person.Card(service)).ToContainTextAsync("Reconnect to let your agents go on.");
        await person.AssertAccessibleAsync();

        await person.Button(service, "Reconnect").ClickAsync();
        await person.Page.WaitForURLAsync(person.Address("/integrations"));
        await Expect(person.Badge(service)).ToHaveTextAsync("Valid");
        await person.AssertAccessibleAsync();
    }

    [Fact]
    public async Task A_token_that_ended_and_cannot_be_renewed_is_invalid_and_says_why()
    {
        var service = await world.OAuthAsync("Shortlived", "openid email api.read");
        await using var person = await world.PersonAsync("/integrations");
        await world.Idp.ConfigureAsync(new JsonObject { ["accessTtl"] = 2, ["quirk"] = "google" });
        await person.AuthorizeAsync(service);
        await person.Page.WaitForURLAsync(person.Address("/integrations"));
        await world.Idp.ConfigureAsync(new JsonObject { ["accessTtl"] = 3600, ["quirk"] = "none" });
        var refresh = person.Page.GetByRole(AriaRole.Link, new() { Name = "Refresh" });
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await person.Badge(service).TextContentAsync() != "Invalid")
        {
            limit.Token.ThrowIfCancellationRequested();
            await refresh.ClickAsync();
            await Expect(refresh).Not.ToHaveAttributeAsync("aria-busy", "true");
        }
        await Expect(person.Card(service)).ToContainTextAsync("Its token ended");
        await Expect(person.Button(service, "Reconnect")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Refresh_shows_what_changed_elsewhere_without_leaving_the_page()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        await person.ConnectAsync(service);
        var other = await person.Context.NewPageAsync();
        other.Dialog += (_, dialog) => _ = dialog.AcceptAsync();
        await other.GotoAsync(person.Address("/integrations"));
        await person.Button(service, "Disconnect", other).ClickAsync();
        await Expect(person.Button(service, "Connect", other)).ToBeVisibleAsync();

        // The first tab still shows the connection: what it tries is refused in words, and what is true is shown.
        await person.Button(service, "Validate").ClickAsync();
        await Expect(person.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("nothing to check");
        await Expect(person.Button(service, "Connect")).ToBeVisibleAsync();
        await person.Page.EvaluateAsync("window.stayed = true");
        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Refresh" }).ClickAsync();
        await Expect(person.Page.GetByRole(AriaRole.Alert)).ToHaveCountAsync(0);
        Assert.True(await person.Page.EvaluateAsync<bool>("window.stayed === true"));
        await Expect(person.Page.GetByRole(AriaRole.Link, new() { Name = "Refresh" })).ToBeFocusedAsync();
    }

    [Fact]
    public async Task A_token_is_entered_under_its_label_and_a_mistyped_one_is_refused_in_words()
    {
        var service = await world.OfferAsync($"Notes {Guid.NewGuid():N}"[..20], "user_token", new JsonObject { ["tokenLabel"] = "Notes key", ["tokenHelpUrl"] = "https://notes.example.test/keys" });
        await using var person = await world.PersonAsync("/integrations");
        var field = person.Card(service).GetByLabel("Notes key");
        await field.FillAsync("two words");
        await person.Button(service, "Connect").ClickAsync();
        await Expect(person.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("contains a space");
        await person.AssertAccessibleAsync();
        await field.FillAsync("nk_123456");
        await person.Button(service, "Connect").ClickAsync();
        // Nobody listens there: the token is kept, and said to be unproven.
        await Expect(person.Badge(service)).ToHaveTextAsync("Unknown");
        Assert.DoesNotContain("nk_123456", await person.Page.ContentAsync(), StringComparison.Ordinal);
        await person.Card(service).GetByText("Reconnect", new() { Exact = true }).ClickAsync();
        await Expect(field).ToBeVisibleAsync();
        await world.WithdrawAsync(service);
    }

    [Fact]
    public async Task When_nobody_answers_the_list_is_said_to_have_failed_and_can_be_tried_again()
    {
        await using var person = await world.PersonAsync("/integrations");
        await person.Context.SetOfflineAsync(true);
        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Refresh" }).ClickAsync();
        await Expect(person.Heading).ToHaveTextAsync("Failed to load integrations");
        await person.AssertAccessibleAsync();
        await person.Page.EvaluateAsync("window.stayed = true");
        await person.Context.SetOfflineAsync(false);
        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Retry" }).ClickAsync();
        await Expect(person.Heading).ToHaveTextAsync("Integrations");
        // What keeps a script from its answer need not keep the browser from it.
        Assert.False(await person.Page.EvaluateAsync<bool>("window.stayed === true"));
    }

    [Theory]
    [InlineData(AriaRole.Link, "Refresh")]
    [InlineData(AriaRole.Button, "Validate")]
    public async Task Who_was_signed_out_meanwhile_is_led_to_sign_in_and_back(AriaRole role, string name)
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        await person.ConnectAsync(service);
        await person.Page.EvaluateAsync("window.stayed = true");
        await person.Context.ClearCookiesAsync(new() { Name = "kontext-session" });
        await person.Page.GetByRole(role, new() { Name = name }).First.ClickAsync();
        await person.Page.WaitForURLAsync(person.Address("/login?return_to=%2Fintegrations"));
        Assert.False(await person.Page.EvaluateAsync<bool>("window.stayed === true"));
        await person.Page.GetByLabel("User name").FillAsync(person.Name);
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await person.Page.WaitForURLAsync(person.Address("/integrations"));
        await Expect(person.Badge(service)).ToHaveTextAsync("Valid");
    }

    [Fact]
    public async Task Back_from_the_provider_the_page_is_as_it_was()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        await person.Button(service, "Connect").ClickAsync();
        await Expect(person.Page.GetByLabel("Password")).ToBeVisibleAsync();
        await person.Page.GoBackAsync();
        await Expect(person.Heading).ToHaveTextAsync("Integrations");
        await Expect(person.Button(service, "Connect")).ToHaveTextAsync("Connect");
        await person.ConnectAsync(service);
    }

    [Fact]
    public async Task Times_are_said_in_the_persons_zone()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations", new() { TimezoneId = "Asia/Tokyo" });
        await person.ConnectAsync(service);
        await person.Button(service, "Validate").ClickAsync();
        await Expect(person.Toast).ToBeVisibleAsync();
        var time = person.Card(service).Locator("time");
        await Expect(time).ToContainTextAsync("GMT+9");
        await Expect(time).ToHaveAttributeAsync("title", new System.Text.RegularExpressions.Regex("UTC$"));
    }

    [Fact]
    public async Task Everything_can_be_done_without_scripts()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations", new() { JavaScriptEnabled = false });
        await person.AuthorizeAsync(service);
        await Expect(person.Heading.First).ToHaveTextAsync("Connecting integration…");
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Finish connecting" }).ClickAsync();
        await person.Page.WaitForURLAsync(person.Address("/integrations"));
        await Expect(person.Page.GetByRole(AriaRole.Status).Filter(new() { HasText = $"{service.Name} connected." })).ToBeVisibleAsync();
        await Expect(person.Badge(service)).ToHaveTextAsync("Valid");
        await person.Button(service, "Validate").ClickAsync();
        await Expect(person.Page.GetByRole(AriaRole.Status).First).ToContainTextAsync("works");

        await person.Button(service, "Disconnect").ClickAsync();
        await Expect(person.Heading).ToHaveTextAsync($"Disconnect {service.Name}?");
        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Cancel" }).ClickAsync();
        await Expect(person.Badge(service)).ToHaveTextAsync("Valid");
        await person.Button(service, "Disconnect").ClickAsync();
        await person.Page.Locator("main").GetByRole(AriaRole.Button, new() { Name = "Disconnect" }).ClickAsync();
        await Expect(person.Button(service, "Connect")).ToBeVisibleAsync();
    }

    private static async Task<List<(float X, float Y, float Width, float Height)>> BoxesAsync(IEnumerable<ILocator> locators)
    {
        var boxes = new List<(float, float, float, float)>();
        foreach (var locator in locators)
        {
            var box = (await locator.BoundingBoxAsync())!;
            boxes.Add((box.X, box.Y, box.Width, box.Height));
        }
        return boxes;
    }
}
