using System.Text.Json.Nodes;
using Kontext.EndToEnd.Tests.Pages;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Administration;

/// <summary>What an integration is connected with, at the administrator's: its OAuth app, its permissions, people's connections.</summary>
public sealed class IntegrationCredentialsConsoleTests(PagesWorld world) : IClassFixture<PagesWorld>
{
    [Fact]
    public async Task An_own_oauth_app_is_put_in_changed_and_taken_out_and_its_secret_is_never_shown()
    {
        var service = await GitHubAsync("own app");
        await using var olivia = await world.PersonAsync("/console/integrations/" + service.Id, name: "olivia");
        var oauth = olivia.Page.GetByRole(AriaRole.Region, new() { Name = "OAuth", Exact = true });
        await Expect(oauth).ToContainTextAsync("none yet");
        await olivia.Page.GetByText("Use your own OAuth app").ClickAsync();
        await olivia.Page.GetByLabel("Client id").FillAsync("our-app");
        await olivia.Page.GetByLabel("Client secret").FillAsync("canary-of-our-app");
        await olivia.PressAsync("Save the app");
        await Expect(olivia.Toast).ToContainTextAsync("Kontext uses your own OAuth app from now on.");
        await Expect(oauth.Locator("dd").Filter(new() { HasText = "your own" })).ToHaveTextAsync("your own, our-app");
        Assert.DoesNotContain("canary-of-our-app", await olivia.Page.ContentAsync(), StringComparison.Ordinal);

        await olivia.Page.ReloadAsync();
        Assert.DoesNotContain("canary-of-our-app", await olivia.Page.ContentAsync(), StringComparison.Ordinal);
        await olivia.Page.GetByText("Use your own OAuth app").ClickAsync();
        await Expect(olivia.Page.GetByLabel("Client id")).ToHaveValueAsync("our-app");
        await Expect(olivia.Page.GetByLabel("Client secret")).ToHaveValueAsync("");
        await olivia.AssertUsableAsync();
        // Left empty, the secret there is stays.
        await olivia.Page.GetByLabel("Client id").FillAsync("our-second-app");
        await olivia.PressAsync("Save the app");
        await Expect(oauth.Locator("dd").Filter(new() { HasText = "your own" })).ToHaveTextAsync("your own, our-second-app");

        var remove = olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Remove the app" });
        Assert.Contains("cannot be refreshed any more", await olivia.AnswerAsync(remove, accept: false), StringComparison.Ordinal);
        await Expect(oauth).ToContainTextAsync("our-second-app");
        await olivia.AnswerAsync(remove, accept: true);
        await Expect(olivia.Toast).ToContainTextAsync("Your OAuth app is removed.");
        await Expect(oauth).ToContainTextAsync("none yet");
    }

    [Fact]
    public async Task Permissions_are_searched_ticked_and_saved_and_two_in_one_line_are_refused()
    {
        var service = await GitHubAsync("permitted");
        await using var olivia = await world.PersonAsync("/console/integrations/" + service.Id, name: "olivia");
        var summary = olivia.Page.Locator("#permissions > summary");
        var permissions = olivia.Page.GetByRole(AriaRole.Region, new() { Name = "OAuth", Exact = true }).Locator("dd").Last;
        await summary.ClickAsync();
        await olivia.Page.GetByLabel("Search the permissions").FillAsync("nothing says this");
        await Expect(olivia.Page.Locator("#narrow-count")).ToHaveTextAsync("0 shown");
        await olivia.Page.GetByLabel("Search the permissions").FillAsync("gist");
        await olivia.Page.Locator("#scopes input[value=gist]").CheckAsync();
        await olivia.AssertUsableAsync();
        await olivia.PressAsync("Save permissions");
        await Expect(olivia.Toast).ToContainTextAsync("The OAuth settings are saved.");
        await Expect(permissions).ToHaveTextAsync("gist");
        await olivia.Page.ReloadAsync();
        await summary.ClickAsync();
        await Expect(olivia.Page.Locator("#scopes input[value=gist]")).ToBeCheckedAsync();

        await olivia.Page.GetByLabel("Others").FillAsync("two words");
        await olivia.PressAsync("Save permissions");
        await Expect(olivia.Page.GetByRole(AriaRole.Alert).Locator("code")).ToHaveTextAsync("oauth.scopes");
        await Expect(olivia.Page.GetByLabel("Others")).ToHaveAttributeAsync("aria-invalid", "true");
        await Expect(olivia.Page.GetByLabel("Others")).ToHaveValueAsync("two words");
        await Expect(permissions).ToHaveTextAsync("gist");
        await olivia.AssertUsableAsync();
    }

    [Fact]
    public async Task A_persons_connection_is_seen_and_ended_and_the_person_is_told_who_did_it()
    {
        var service = await world.OAuthAsync("Watched");
        await using var person = await world.PersonAsync("/integrations");
        await person.ConnectAsync(service);
        await using var olivia = await world.PersonAsync("/console/integrations/" + service.Id, name: "olivia");
        var row = olivia.Page.GetByRole(AriaRole.Region, new() { Name = "Connections" }).GetByRole(AriaRole.Row).Filter(new() { HasText = person.Name });
        await Expect(row.Locator(".badge")).ToHaveTextAsync("valid");
        await Expect(row).ToContainTextAsync($"{person.Name}@example.test");
        await olivia.AssertUsableAsync();
        var end = olivia.Page.GetByRole(AriaRole.Button, new() { Name = "End the connection of " + person.Name });
        await olivia.AnswerAsync(end, accept: false);
        await Expect(row.Locator(".badge")).ToHaveTextAsync("valid");
        Assert.Contains("until they connect it again", await olivia.AnswerAsync(end, accept: true), StringComparison.Ordinal);
        await Expect(olivia.Toast).ToContainTextAsync("The provider revoked it. What was stored is deleted.");
        await Expect(row.Locator(".badge")).ToHaveTextAsync("not connected");
        await Expect(end).ToHaveCountAsync(0);
        await person.Page.ReloadAsync();
        await Expect(person.Card(service)).ToContainTextAsync("administrator");
        await Expect(person.Button(service, "Connect")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Another_way_to_connect_asks_before_it_ends_peoples_connections()
    {
        var service = await world.OfferAsync("changing ways", "user_token", new() { ["category"] = "internal_mcp_credentials" });
        var token = await world.Agent.ManagementTokenAsync("edith");
        await world.Agent.ApiAsync(HttpMethod.Post, $"/integrations/{service.Id}/connection", token, new JsonObject { ["token"] = "personal-token" });
        await using var olivia = await world.PersonAsync("/console/integrations/" + service.Id, name: "olivia");
        await ChangeAsync();
        await Expect(olivia.Heading).ToHaveTextAsync("Change how people connect changing ways?");
        await olivia.AssertUsableAsync();
        await olivia.Page.GetByRole(AriaRole.Link, new() { Name = "Cancel" }).ClickAsync();
        var connections = olivia.Page.GetByRole(AriaRole.Region, new() { Name = "Connections" });
        await Expect(connections.GetByRole(AriaRole.Row).Filter(new() { HasText = "edith" })).ToContainTextAsync("connected");
        await ChangeAsync();
        await olivia.PressAsync("Change and end connections");
        await Expect(olivia.Toast).ToContainTextAsync("changing ways is saved; 1 connection was ended.");
        await Expect(olivia.Page.GetByRole(AriaRole.Region, new() { Name = "Service" })).ToContainTextAsync("Without a credential");
        await Expect(connections.GetByRole(AriaRole.Button)).ToHaveCountAsync(0);

        async Task ChangeAsync()
        {
            await olivia.Page.GetByText("Change the settings").ClickAsync();
            await olivia.Page.GetByLabel("How calls are authenticated there").SelectOptionAsync("none");
            await olivia.PressAsync("Save");
        }
    }

    private Task<Offered> GitHubAsync(string name) => world.OfferAsync(name, "oauth", new()
    {
        ["url"] = "https://api.github.com", ["category"] = "internal_mcp_credentials", ["oauth"] = new JsonObject { ["provider"] = "github" },
    });
}
