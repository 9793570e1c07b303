using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Pages;

/// <summary>The way back for a person whose sign-in ended while they were at a provider, or had a form open, in a real browser.</summary>
public sealed class InterruptedSignInTests(PagesWorld world) : IClassFixture<PagesWorld>
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_began_under_integrations_signs_in_again_arrives_there_and_reads_what_happened(bool javaScript)
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations", new() { JavaScriptEnabled = javaScript });
        await person.Button(service, "Connect").ClickAsync();
        await Expect(person.Page.GetByLabel("Password")).ToBeVisibleAsync();
        await EndSignInElsewhereAsync(person);
        await person.DecideAsync("Allow");
        await Expect(person.Heading).ToHaveTextAsync($"Failed to connect {service.Name}");
        await Expect(person.Page.GetByText($"Your sign-in ended while you were at {service.Name}, so nothing was connected.")).ToBeVisibleAsync();
        if (javaScript)
            await person.AssertAccessibleAsync();

        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Sign in again" }).ClickAsync();
        await person.EnterAsync();
        await Expect(person.Page).ToHaveURLAsync(person.Address("/integrations"));
        await Expect(person.Page.GetByRole(AriaRole.Alert)).ToHaveTextAsync($"Your sign-in ended while you were at {service.Name}, so nothing was connected. Connect it again.");
        if (javaScript)
            await person.AssertAccessibleAsync();
        await Expect(person.Badge(service)).ToHaveCountAsync(0);
        await person.Page.ReloadAsync();
        await Expect(person.Page.GetByRole(AriaRole.Alert)).ToHaveCountAsync(0);

        await person.Button(service, "Connect").ClickAsync();
        if (!javaScript)
            await person.Page.GetByRole(AriaRole.Button, new() { Name = "Finish connecting" }).ClickAsync();
        await Expect(person.Badge(service)).ToHaveTextAsync("Valid");
    }

    [Fact]
    public async Task Who_began_at_a_connect_link_signs_in_again_arrives_there_and_reads_what_happened()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        var link = await InterruptAtLinkAsync(person, service);
        await person.DecideAsync("Deny");
        await Expect(person.Heading).ToHaveTextAsync($"Failed to connect {service.Name}");
        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Sign in again" }).ClickAsync();
        await person.EnterAsync();
        await Expect(person.Page).ToHaveURLAsync(link);
        await Expect(person.Page.GetByRole(AriaRole.Alert)).ToHaveTextAsync($"Your sign-in ended while you were at {service.Name}, so nothing was connected. Connect it again.");
        await person.AssertAccessibleAsync();
        await Connect(person, service).ClickAsync();
        await person.DecideAsync("Allow");
        await Expect(person.Heading).ToHaveTextAsync($"{service.Name} is connected");
    }

    [Fact]
    public async Task Somebody_else_who_signs_in_there_gets_nothing_of_it()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        await person.Button(service, "Connect").ClickAsync();
        await Expect(person.Page.GetByLabel("Password")).ToBeVisibleAsync();
        await EndSignInElsewhereAsync(person);
        var answer = (await person.Page.RunAndWaitForRequestAsync(() => person.DecideAsync("Allow"), request => request.Url.Contains("/oauth/callback?", StringComparison.Ordinal))).Url;
        var parameters = System.Web.HttpUtility.ParseQueryString(new Uri(answer).Query);
        var secrets = new[] { parameters["code"]!, parameters["state"]! };
        var signIn = person.Page.GetByRole(AriaRole.Link, new() { Name = "Sign in again" });
        var address = await signIn.GetAttributeAsync("href");
        Assert.All(secrets, secret => Assert.DoesNotContain(secret, address, StringComparison.Ordinal));
        await signIn.ClickAsync();
        await person.EnterAsync("mallory");
        await Expect(person.Heading).ToHaveTextAsync("Integrations");
        await Expect(person.Page.GetByRole(AriaRole.Alert)).ToHaveCountAsync(0);
        var page = await person.Page.ContentAsync();
        Assert.All(secrets, secret => Assert.DoesNotContain(secret, page + person.Page.Url, StringComparison.Ordinal));

        // The address with the code is in the history of this tab. It does nothing for anybody else.
        await person.Page.GotoAsync(answer);
        await Expect(person.Page.Locator("[data-error]")).ToContainTextAsync("not started in this browser");
        await person.Page.GotoAsync(person.Address("/integrations"));
        await Expect(person.Badge(service)).ToHaveCountAsync(0);

        // Nor does its person find anything connected, or the sentence, which was for the next page alone.
        await using var again = await world.PersonAsync("/integrations", name: person.Name);
        await Expect(again.Badge(service)).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task Another_browser_that_gets_hold_of_the_answer_learns_neither_the_service_nor_the_link()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        var link = await InterruptAtLinkAsync(person, service);
        var answer = (await person.Page.RunAndWaitForRequestAsync(() => person.DecideAsync("Allow"), request => request.Url.Contains("/oauth/callback?", StringComparison.Ordinal))).Url;

        await using var context = await world.Chromium.NewContextAsync();
        await using var other = new PageOfPerson(world.Server, context, await context.NewPageAsync(), "mallory");
        var shown = await other.Page.GotoAsync(answer);
        Assert.Equal(401, shown!.Status);
        await Expect(other.Page.GetByText("Your sign-in has ended")).ToBeVisibleAsync();
        var page = await other.Page.ContentAsync();
        Assert.DoesNotContain(service.Name, page, StringComparison.Ordinal);
        Assert.DoesNotContain(link.Split("session=")[1], page, StringComparison.Ordinal);
        await other.Page.GetByRole(AriaRole.Link, new() { Name = "Sign in again" }).ClickAsync();
        await other.EnterAsync();
        await Expect(other.Page).ToHaveURLAsync(other.Address("/integrations"));
        await Expect(other.Page.GetByRole(AriaRole.Alert)).ToHaveCountAsync(0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_token_entered_after_the_sign_in_ended_is_not_kept_and_its_person_comes_back_to_the_form(bool javaScript)
    {
        var service = await world.OfferAsync($"Notes {Guid.NewGuid():N}"[..20], "user_token", new() { ["tokenLabel"] = "Notes key" });
        await using var person = await world.PersonAsync("/integrations", new() { JavaScriptEnabled = javaScript });
        var link = await person.LinkAsync(world, service);
        await person.Page.GotoAsync(link);
        await person.Page.GetByLabel("Notes key").FillAsync("nk_123456");
        await EndSignInElsewhereAsync(person);
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Save token" }).ClickAsync();
        await person.EnterAsync();
        await Expect(person.Page).ToHaveURLAsync(link);
        await Expect(person.Page.GetByRole(AriaRole.Alert)).ToHaveTextAsync("Your sign-in had ended, so nothing was changed. Please do it again.");
        await Expect(person.Page.GetByLabel("Notes key")).ToBeEmptyAsync();
        await Expect(person.Page.GetByText("Not connected")).ToBeVisibleAsync();
        await person.Page.GetByLabel("Notes key").FillAsync("nk_123456");
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Save token" }).ClickAsync();
        await Expect(person.Page.GetByText("Not connected")).ToHaveCountAsync(0);
        await world.WithdrawAsync(service);
    }

    /// <summary>The session ends, while this browser goes on sending its cookie: as when it was too long ago.</summary>
    private async Task EndSignInElsewhereAsync(PageOfPerson person)
    {
        var state = await person.Context.StorageStateAsync();
        await using var elsewhere = await world.Chromium.NewContextAsync(new() { StorageState = state });
        var page = await elsewhere.NewPageAsync();
        await page.GotoAsync(person.Address("/"));
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await Expect(page.GetByText("You are not signed in.")).ToBeVisibleAsync();
    }

    /// <summary>Has the person go to a provider from a connect link, and ends their sign-in there; gives the link.</summary>
    private async Task<string> InterruptAtLinkAsync(PageOfPerson person, Offered service)
    {
        var link = await person.LinkAsync(world, service);
        await person.Page.GotoAsync(link);
        await Connect(person, service).ClickAsync();
        await Expect(person.Page.GetByLabel("Password")).ToBeVisibleAsync();
        await EndSignInElsewhereAsync(person);
        return link;
    }

    private static ILocator Connect(PageOfPerson person, Offered service) =>
        person.Page.GetByRole(AriaRole.Region, new() { Name = service.Name }).GetByRole(AriaRole.Button, new() { NameRegex = new("^(Connect|Reconnect)$") });
}
