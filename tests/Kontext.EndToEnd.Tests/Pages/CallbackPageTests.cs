using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Pages;

/// <summary>The page that takes a provider's answer, in a real browser (seed 004).</summary>
public sealed class CallbackPageTests(PagesWorld world) : IClassFixture<PagesWorld>
{
    [Fact]
    public async Task The_three_phases_are_the_ones_of_the_seed_and_each_can_be_read_by_everybody()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        var answered = new TaskCompletionSource();
        await person.Page.RouteAsync("**/api/organizations/**/callback", async route =>
        {
            await answered.Task;
            await route.ContinueAsync();
        });
        await person.AuthorizeAsync(service);
        var heading = person.Heading.Filter(new() { Visible = true });
        await Expect(heading).ToHaveTextAsync("Connecting integration…");
        await person.AssertAccessibleAsync();
        // The code is in no address any more: neither a history nor a screenshot gives it away.
        Assert.DoesNotContain("code=", person.Page.Url, StringComparison.Ordinal);
        Assert.Matches("/integrations/[^/]+/callback$", person.Page.Url);
        await person.Page.EvaluateAsync("window.later = 0; const original = window.setTimeout; window.setTimeout = (act, after) => { if (after === 800) { window.later = act; return 0; } return original(act, after); }");
        answered.SetResult();
        await Expect(heading).ToHaveTextAsync("Integration connected");
        await Expect(heading).ToBeFocusedAsync();
        await Expect(person.Toast).ToContainTextAsync($"{service.Name} connected");
        await person.AssertAccessibleAsync();
        await person.Page.EvaluateAsync("window.later()");
        await person.Page.WaitForURLAsync(person.Address("/integrations"));
    }

    [Fact]
    public async Task Going_back_after_connecting_leaves_the_connection_as_it_is()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        await person.ConnectAsync(service);
        // The page before is the provider's, which no longer asks and sends the person here once more, with what is used up.
        await person.Page.GoBackAsync();
        await FailedAsync(person, "was used before");
        await Expect(person.Badge(service)).ToHaveTextAsync("Valid");
    }

    [Fact]
    public async Task Who_says_no_at_the_provider_reads_that_nothing_was_connected()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        await person.AuthorizeAsync(service, "Deny");
        await FailedAsync(person, "Access was not allowed");
        await Expect(person.Button(service, "Connect")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_provider_that_fails_at_the_last_step_is_named()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        await world.Idp.FaultAsync("token", "server_error", times: 5, grant: "authorization_code");
        await person.AuthorizeAsync(service);
        await FailedAsync(person, service.Name);
        await world.Idp.ClearFaultsAsync();
        await person.Button(service, "Connect").ClickAsync();
        await Expect(person.Badge(service)).ToHaveTextAsync("Valid");
    }

    [Fact]
    public async Task An_answer_that_is_used_up_or_empty_or_for_somebody_else_fails_with_a_way_back()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        await using var other = await world.PersonAsync("/integrations");
        // The answer comes back, but does not reach the API.
        await person.Page.RouteAsync("**/api/organizations/**/callback", route => route.AbortAsync());
        var answer = (await person.Page.RunAndWaitForRequestAsync(() => person.AuthorizeAsync(service), request => request.Url.Contains("/oauth/callback?", StringComparison.Ordinal))).Url;
        await Expect(person.Page.Locator("[data-error]")).ToContainTextAsync("Kontext does not answer");
        await other.Page.GotoAsync(answer);
        await FailedAsync(other, "not started in this browser");
        await Expect(other.Button(service, "Connect")).ToBeVisibleAsync();

        await person.Page.UnrouteAllAsync();
        await person.Page.GotoAsync(answer);
        await person.Page.WaitForURLAsync(person.Address("/integrations"));
        await Expect(person.Badge(service)).ToHaveTextAsync("Valid");
        await person.Page.GotoAsync(answer);
        await FailedAsync(person, "was used before");
        await person.Page.GotoAsync(person.Address($"/integrations/{Uri.EscapeDataString(service.Name)}/callback"));
        await FailedAsync(person, "nothing to finish here");
    }

    [Fact]
    public async Task A_browser_that_forgot_its_person_meanwhile_says_so_and_leads_to_sign_in()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        await person.Button(service, "Connect").ClickAsync();
        await Expect(person.Page.GetByLabel("Password")).ToBeVisibleAsync();
        await person.Context.ClearCookiesAsync(new() { Name = "kontext-session" });
        await person.DecideAsync("Allow");
        await Expect(person.Heading).ToHaveTextAsync("Failed to connect integration");
        await Expect(person.Page.GetByText("Your sign-in has ended")).ToBeVisibleAsync();
        await person.AssertAccessibleAsync();
        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Sign in again" }).ClickAsync();
        await person.EnterAsync();
        await Expect(person.Page).ToHaveURLAsync(person.Address("/integrations"));
        await Expect(person.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync($"Your sign-in ended while you were at {service.Name}");
    }

    private static async Task FailedAsync(PageOfPerson person, string reason)
    {
        await Expect(person.Heading.Filter(new() { Visible = true })).ToHaveTextAsync("Failed to connect integration");
        await Expect(person.Page.Locator("[data-error]")).ToContainTextAsync(reason);
        await person.AssertAccessibleAsync();
        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Back to integrations" }).ClickAsync();
        await Expect(person.Heading).ToHaveTextAsync("Integrations");
    }
}
