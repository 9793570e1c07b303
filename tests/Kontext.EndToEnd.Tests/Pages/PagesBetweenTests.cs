using System.Text.Json.Nodes;
using Kontext.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Pages;

/// <summary>The pages between others (signing in, going on to a provider, being asked whether one is sure) can be used by everybody, by light and dark.</summary>
public sealed class PagesBetweenTests(PagesWorld world) : IClassFixture<PagesWorld>
{
    [Fact]
    public async Task Sign_in_says_what_is_wrong_with_a_name_and_takes_a_better_one()
    {
        await using var person = await VisitorAsync(world.Server);
        await person.Page.GotoAsync(person.Address("/login?return_to=%2Fsessions"));
        await Expect(person.Page.GetByLabel("User name")).ToBeFocusedAsync();
        await Expect(person.Page.GetByText("This is the development sign-in.")).ToBeVisibleAsync();
        await person.AssertAccessibleAsync();

        await person.EnterAsync(new string('n', 101));
        await Expect(person.Page.GetByRole(AriaRole.Alert)).ToHaveTextAsync("Enter a user name of 1 to 100 characters.");
        await person.AssertAccessibleAsync();
        await person.EnterAsync();
        await Expect(person.Page).ToHaveURLAsync(person.Address("/sessions"));
    }

    [Fact]
    public async Task Where_there_are_several_organizations_the_one_that_is_named_signs_in_and_others_are_not_told()
    {
        var keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;
        await using (var server = await KontextServer.StartAsync("memory", keys, settings: new Dictionary<string, string> { ["Kontext__Organizations__globex__Name"] = "Globex Corporation" }))
        {
            await using var person = await VisitorAsync(server);
            await person.Page.GotoAsync(person.Address("/sessions"));
            await Expect(person.Heading).ToHaveTextAsync("Which organization?");
            Assert.DoesNotContain("globex", await person.Page.ContentAsync(), StringComparison.OrdinalIgnoreCase);
            await person.AssertAccessibleAsync();

            await person.Page.GetByLabel("Organization").FillAsync("initech");
            await person.Page.GetByRole(AriaRole.Button, new() { Name = "Continue" }).ClickAsync();
            await Expect(person.Page.GetByRole(AriaRole.Alert)).ToHaveTextAsync("There is no organization by this name here. Ask your administrator for it.");
            await person.AssertAccessibleAsync();

            await person.Page.GetByLabel("Organization").FillAsync("Globex");
            await person.Page.GetByRole(AriaRole.Button, new() { Name = "Continue" }).ClickAsync();
            await Expect(person.Page.Locator("form .lead")).ToHaveTextAsync("to Globex Corporation");
            await person.EnterAsync();
            await Expect(person.Page).ToHaveURLAsync(person.Address("/sessions"));
            await Expect(person.Heading).ToHaveTextAsync("Agents acting for you");
        }
        Directory.Delete(keys, recursive: true);
    }

    [Fact]
    public async Task The_page_on_the_way_to_a_provider_names_it_and_leads_there_where_it_does_not_go_on_by_itself()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        // Going on by itself comes to nothing, as where browsers are told not to.
        await person.Page.RouteAsync(world.Idp.Issuer + "/**", route => route.AbortAsync(RequestAbortErrorCode.Aborted));
        await person.Button(service, "Connect").ClickAsync();
        await Expect(person.Heading).ToHaveTextAsync($"On to {service.Name}");
        await Expect(person.Page.GetByText("Allow the access there, and you come back here.")).ToBeVisibleAsync();
        await person.AssertAccessibleAsync();
        await person.Page.UnrouteAllAsync();
        await person.Page.GetByRole(AriaRole.Link, new() { Name = $"Continue to {new Uri(world.Idp.Issuer).Host}" }).ClickAsync();
        await person.DecideAsync("Allow");
        await Expect(person.Badge(service)).ToHaveTextAsync("Valid");
    }

    [Fact]
    public async Task Every_question_before_something_is_done_can_be_read_and_cancelled()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        await person.ConnectAsync(service);
        await world.ApprovedAsync(await world.AgentAsync("First agent"), person.Name);
        await world.ApprovedAsync(await world.AgentAsync("Second agent"), person.Name);
        // Where the scripts did not arrive, the server asks.
        await person.Page.RouteAsync("**/assets/*.js", route => route.AbortAsync());
        await person.Page.GotoAsync(person.Address("/rules"));
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Add rule" }).ClickAsync();
        (string Path, string Button, string Question, string Meaning)[] questions =
        [
            ("/integrations", $"Disconnect {service.Name}", $"Disconnect {service.Name}?", "until you connect it again"),
            ("/sessions", "End all sessions", "End all sessions?", "until you approve it again"),
            ("/rules", "Remove the rule: ask first every service", "Remove this rule?", "again do what it kept them from"),
        ];
        foreach (var (path, button, question, meaning) in questions)
        {
            await person.Page.GotoAsync(person.Address(path));
            await person.Page.GetByRole(AriaRole.Button, new() { Name = button, Exact = true }).ClickAsync();
            await Expect(person.Heading).ToHaveTextAsync(question);
            await Expect(person.Page.Locator("main .lead")).ToContainTextAsync(meaning);
            await person.AssertAccessibleAsync();
            await person.Page.GetByRole(AriaRole.Link, new() { Name = "Cancel" }).ClickAsync();
            await Expect(person.Page).ToHaveURLAsync(person.Address(path));
            // Nothing was done: what was to be done away with is still there.
            await Expect(person.Page.GetByRole(AriaRole.Button, new() { Name = button, Exact = true })).ToBeVisibleAsync();
        }
    }

    private async Task<PageOfPerson> VisitorAsync(KontextServer server)
    {
        var context = await world.Chromium.NewContextAsync();
        return new PageOfPerson(server, context, await context.NewPageAsync(), "visitor");
    }
}
