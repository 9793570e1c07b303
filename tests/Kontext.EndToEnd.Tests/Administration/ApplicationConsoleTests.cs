using System.Net;
using System.Text.Json.Nodes;
using Kontext.EndToEnd.Tests.Pages;
using Kontext.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Administration;

/// <summary>Applications at the administrator's: their secrets, what they may reach, whose tokens they trust.</summary>
public sealed class ApplicationConsoleTests(ConsoleWorld world) : IClassFixture<ConsoleWorld>
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_secret_of_an_application_is_shown_once_and_neither_back_nor_reload_shows_it_again(bool javaScript)
    {
        // As people's browsers are, which keep the page one left as it was.
        var options = PagesWorld.Options();
        options.IgnoreDefaultArgs = ["--disable-back-forward-cache"];
        using var playwright = await Playwright.CreateAsync();
        await using var chromium = await playwright.Chromium.LaunchAsync(options);
        var name = "Agent with a secret" + (javaScript ? "" : ", without scripts");
        var context = await chromium.NewContextAsync(new() { JavaScriptEnabled = javaScript });
        await using var olivia = new PageOfPerson(world.Server, context, await context.NewPageAsync(), "olivia");
        await olivia.SignInAsync("/console/applications");
        await olivia.Page.GetByRole(AriaRole.Link, new() { Name = "Register application" }).ClickAsync();
        await olivia.Page.GetByLabel("Name").FillAsync(name);
        await olivia.Page.GetByLabel("Kind of client").SelectOptionAsync("confidential");
        await olivia.Page.GetByLabel("Redirect URIs").FillAsync("http://not-loopback.example.com/callback");
        await olivia.PressAsync("Register");
        await Expect(olivia.Page.GetByLabel("Redirect URIs")).ToHaveAttributeAsync("aria-invalid", "true");
        await Expect(olivia.Page.GetByLabel("Name")).ToHaveValueAsync(name);
        await olivia.Page.GetByLabel("Redirect URIs").FillAsync(TestAgent.RedirectUri);
        await olivia.PressAsync("Register");
        await Expect(olivia.Heading).ToHaveTextAsync(name + " is registered.");
        var (client, secret) = await ShownAsync(olivia);
        Assert.Equal("invalid_grant", (await RefreshAsync(client, secret))["error"]);

        await olivia.Page.GetByRole(AriaRole.Link, new() { Name = "To the application" }).ClickAsync();
        await Expect(olivia.Heading).ToHaveTextAsync(name);
        await Expect(olivia.Page.GetByText(secret)).ToHaveCountAsync(0);
        if (!javaScript)
        {
            // The browser kept nothing of that page: it would have to send the form again.
            Assert.Contains("ERR_CACHE_MISS", (await Assert.ThrowsAsync<PlaywrightException>(() => olivia.Page.GoBackAsync())).Message, StringComparison.Ordinal);
            return;
        }
        await olivia.Page.GoBackAsync();
        await Expect(olivia.Heading).ToHaveTextAsync("Register application");
        await Expect(olivia.Page.GetByText(secret)).ToHaveCountAsync(0);
        await olivia.Page.ReloadAsync();
        await Expect(olivia.Heading).ToHaveTextAsync("Register application");
        await Expect(olivia.Page.GetByText(secret)).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_secret_is_rotated_while_the_old_one_goes_on_for_as_long_as_was_chosen()
    {
        await using var olivia = await world.PersonAsync("olivia", "/console/applications/new");
        var (client, first) = await ConfidentialAsync(olivia, "Rotated agent");
        await olivia.AssertUsableAsync();
        await olivia.Page.GetByRole(AriaRole.Link, new() { Name = "To the application" }).ClickAsync();
        var second = await RotateAsync(olivia, "Works for another hour");
        await Expect(olivia.Page.GetByText("Both secrets work for now.")).ToBeVisibleAsync();
        await Expect(olivia.Page.GetByText("The old secret works until")).ToBeVisibleAsync();
        await olivia.AssertUsableAsync();
        Assert.Equal("invalid_grant", (await RefreshAsync(client, first))["error"]);
        Assert.Equal("invalid_grant", (await RefreshAsync(client, second))["error"]);
        await olivia.Page.GetByRole(AriaRole.Link, new() { Name = "Back to the application" }).ClickAsync();
        var third = await RotateAsync(olivia, "Ends at once");
        await Expect(olivia.Page.GetByText("The old secret does not work any more.")).ToBeVisibleAsync();
        Assert.Equal("invalid_client", (await RefreshAsync(client, first))["error"]);
        Assert.Equal("invalid_client", (await RefreshAsync(client, second))["error"]);
        Assert.Equal("invalid_grant", (await RefreshAsync(client, third))["error"]);
    }

    [Fact]
    public async Task What_is_attached_to_an_application_is_reached_once_a_person_approved_it_and_no_more_when_it_is_taken_off()
    {
        var made = await world.Agent.ApiAsync(HttpMethod.Post, "/applications", world.Owner, new JsonObject
        {
            ["name"] = "Attached agent", ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        });
        var id = (string)made.Json!["application"]!["id"]!;
        using var browser = new FormBrowser();
        Assert.NotEqual(HttpStatusCode.OK, await ReachAsync(await ApprovedAsync()));
        await using var olivia = await world.PersonAsync("olivia", "/console/applications/" + id);
        var attached = olivia.Page.GetByRole(AriaRole.Region, new() { Name = "Attached integrations" });
        await attached.GetByLabel("github").CheckAsync();
        await olivia.PressAsync("Save attached integrations");
        await Expect(olivia.Toast).ToContainTextAsync("1 integration is attached.");
        var token = await ApprovedAsync();
        Assert.Equal(HttpStatusCode.OK, await ReachAsync(token));
        await olivia.Page.ReloadAsync();
        await Expect(attached.GetByLabel("github")).ToBeCheckedAsync();
        await Expect(olivia.Page.GetByRole(AriaRole.Region, new() { Name = "Live sessions" })).ToContainTextAsync("active");
        await olivia.AssertUsableAsync();
        await attached.GetByLabel("github").UncheckAsync();
        await olivia.PressAsync("Save attached integrations");
        await Expect(olivia.Toast).ToContainTextAsync("No integration is attached any more.");
        Assert.NotEqual(HttpStatusCode.OK, await ReachAsync(token));

        async Task<string> ApprovedAsync() => (await world.Agent.AuthorizeAsync(browser, "app_" + id, "carla", world.Agent.Gateway))["access_token"]!;

        async Task<HttpStatusCode> ReachAsync(string token) => (await world.Agent.ExchangeAsync("app_" + id, token, "github")).Status;
    }

    [Fact]
    public async Task A_session_is_ended_from_the_page_of_its_application_and_its_token_is_refused()
    {
        using var browser = new FormBrowser();
        var token = (await world.Agent.AuthorizeAsync(browser, "app_" + world.Application, "dora", world.Agent.Gateway))["access_token"]!;
        await using var olivia = await world.PersonAsync("olivia", "/console/applications/" + world.Application);
        var sessions = olivia.Page.GetByRole(AriaRole.Region, new() { Name = "Live sessions" }).Locator("tbody tr");
        var before = await sessions.CountAsync();
        Assert.Equal(HttpStatusCode.OK, await CallAsync());
        // Newest first.
        await sessions.First.GetByRole(AriaRole.Button).ClickAsync();
        await Expect(olivia.Toast).ToContainTextAsync("The session is over.");
        await Expect(sessions).ToHaveCountAsync(before - 1);
        Assert.Equal(HttpStatusCode.Unauthorized, await CallAsync());
        var all = olivia.Page.GetByRole(AriaRole.Button, new() { Name = "End all sessions" });
        Assert.Contains("Other agents go on.", await olivia.AnswerAsync(all, accept: false), StringComparison.Ordinal);
        await Expect(sessions).ToHaveCountAsync(before - 1);
        await olivia.AnswerAsync(all, accept: true);
        await Expect(olivia.Page.GetByText("Nobody lets this agent act for them right now.")).ToBeVisibleAsync();

        async Task<HttpStatusCode> CallAsync() => (await TestAgent.CallAsync(world.Server.Url, HttpMethod.Get, "/mcp/integrations", token)).Status;
    }

    [Fact]
    public async Task Trust_in_a_partners_sign_in_that_was_entered_wrongly_is_said_at_each_field_and_mended()
    {
        await using var olivia = await world.PersonAsync("olivia", "/console/applications/new");
        await ConfidentialAsync(olivia, "Partner agent");
        await olivia.Page.GetByRole(AriaRole.Link, new() { Name = "To the application" }).ClickAsync();
        var trust = olivia.Page.GetByRole(AriaRole.Region, new() { Name = "Bring your own auth" });
        await Expect(trust).ToContainTextAsync("not set up");
        await trust.GetByText("Set up", new() { Exact = true }).ClickAsync();
        await trust.GetByLabel("Issuer").FillAsync("https://accounts.example.com");
        await trust.GetByLabel("Audience").FillAsync("kontext");
        await trust.GetByLabel("Address of the key set").FillAsync("http://accounts.example.com/jwks.json");
        await trust.GetByLabel("Claims that have to be there").FillAsync("tenant=acme");
        await trust.GetByLabel("Addresses people return to").FillAsync("http://app.example.com/done");
        await trust.GetByLabel("Partner key").FillAsync("too-short");
        await olivia.PressAsync("Save");
        foreach (var label in new[] { "Address of the key set", "Addresses people return to", "Partner key" })
            await Expect(trust.GetByLabel(label)).ToHaveAttributeAsync("aria-invalid", "true");
        await Expect(trust.GetByLabel("Issuer")).Not.ToHaveAttributeAsync("aria-invalid", "true");
        await Expect(trust.GetByLabel("Claims that have to be there")).ToHaveValueAsync("tenant=acme");
        await Expect(trust.GetByLabel("Partner key")).ToHaveValueAsync("");
        await olivia.AssertUsableAsync();

        await trust.GetByLabel("Address of the key set").FillAsync("https://accounts.example.com/jwks.json");
        await trust.GetByLabel("Addresses people return to").FillAsync("https://app.example.com/done");
        await trust.GetByLabel("Partner key").FillAsync("canary-partner-key-1");
        await olivia.PressAsync("Save");
        await Expect(olivia.Toast).ToContainTextAsync("Partner agent is saved.");
        await Expect(trust.Locator(".badge")).ToHaveTextAsync("enabled");
        await Expect(trust.Locator("dt:text-is('Partner key') + dd")).ToHaveTextAsync("set");
        Assert.DoesNotContain("canary-partner-key-1", await olivia.Page.ContentAsync(), StringComparison.Ordinal);
    }

    private static async Task<(string Client, string Secret)> ConfidentialAsync(PageOfPerson person, string name)
    {
        await person.Page.GetByLabel("Name").FillAsync(name);
        await person.Page.GetByLabel("Kind of client").SelectOptionAsync("confidential");
        await person.Page.GetByLabel("Redirect URIs").FillAsync(TestAgent.RedirectUri);
        await person.PressAsync("Register");
        await Expect(person.Heading).ToHaveTextAsync($"{name} is registered.");
        return await ShownAsync(person);
    }

    private static async Task<(string Client, string Secret)> ShownAsync(PageOfPerson person) =>
        ((await person.Page.Locator("#value-0").TextContentAsync())!, (await person.Page.Locator(".shown-once").TextContentAsync())!);

    private static async Task<string> RotateAsync(PageOfPerson person, string overlap)
    {
        await person.Page.GetByText("Rotate the secret").ClickAsync();
        await person.Page.GetByLabel("The old secret").SelectOptionAsync(new SelectOptionValue { Label = overlap });
        await person.PressAsync("Make a new secret");
        await Expect(person.Heading).ToHaveTextAsync("New client secret");
        return (await ShownAsync(person)).Secret;
    }

    /// <summary>With a secret that holds, what is wrong is the refresh token.</summary>
    private Task<JsonAnswer> RefreshAsync(string client, string secret) => world.Agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["refresh_token"] = "none" }, $"{client}:{secret}");
}
