using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Administration;

/// <summary>Who has an administration, and who has a look at it.</summary>
public sealed class RolesConsoleTests(ConsoleWorld world) : IClassFixture<ConsoleWorld>
{
    [Fact]
    public async Task A_member_gets_a_page_that_refuses_in_place_of_every_page_and_shows_nothing_of_it()
    {
        await using var member = await world.PersonAsync("maxine", "/sessions");
        await Expect(member.Page.GetByRole(AriaRole.Link, new() { Name = "Administration" })).ToHaveCountAsync(0);
        foreach (var (_, path) in world.Pages())
        {
            var answer = await member.Page.GotoAsync(member.Address(path));
            Assert.Equal((path, 403), (path, answer!.Status));
            await Expect(member.Heading).ToHaveTextAsync("This is not yours to change");
            await Expect(member.Page.GetByText("The administration is for the roles owner, admin and auditor.")).ToBeVisibleAsync();
            await Expect(member.Page.Locator("main")).Not.ToContainTextAsync("Release agent");
            await Expect(member.Page.Locator("main form")).ToHaveCountAsync(0);
        }
        await member.AssertUsableAsync();
        await member.Page.GetByRole(AriaRole.Banner).GetByRole(AriaRole.Link, new() { Name = "Integrations" }).ClickAsync();
        await Expect(member.Heading).ToHaveTextAsync("Integrations");
    }

    [Fact]
    public async Task An_auditor_reads_what_there_is_where_an_administrator_would_change_it()
    {
        await using var auditor = await world.PersonAsync("audrey+auditor", "/console/applications");
        await Expect(auditor.Page.GetByRole(AriaRole.Complementary)).ToContainTextAsync("You are an auditor: you see everything here and change nothing.");
        await auditor.Page.GetByRole(AriaRole.Link, new() { Name = "Release agent" }).ClickAsync();
        await Expect(auditor.Page.GetByRole(AriaRole.Region, new() { Name = "Attached integrations" })).ToContainTextAsync("linear");
        await Expect(auditor.Page.GetByRole(AriaRole.Region, new() { Name = "Live sessions" })).ToContainTextAsync("Release agent");
        await Expect(auditor.Page.GetByRole(AriaRole.Region, new() { Name = "OAuth settings" })).ToContainTextAsync("http://127.0.0.1:53123/callback");
        await Expect(auditor.Page.Locator("main").GetByRole(AriaRole.Button)).ToHaveCountAsync(0);
        await auditor.AssertUsableAsync();
        // What stands beside the page goes along as a whole.
        await auditor.Page.SetViewportSizeAsync(1280, 400);
        await auditor.Page.EvaluateAsync("window.scrollTo(0, 150)");
        var (places, note) = (await auditor.Page.Locator(".places").BoundingBoxAsync(), await auditor.Page.Locator(".side .reading").BoundingBoxAsync());
        Assert.True(places!.Y + places.Height <= note!.Y, "The places lie over the note.");
        foreach (var path in new[] { "/console/applications/new", "/console/integrations/new/form?provider=github" })
        {
            await auditor.Page.GotoAsync(auditor.Address(path));
            await Expect(auditor.Page.Locator("main")).ToContainTextAsync("You are an auditor: you see everything here and change nothing.");
            await Expect(auditor.Page.Locator("main input")).ToHaveCountAsync(0);
            await auditor.AssertUsableAsync();
        }
        await auditor.Page.GotoAsync(auditor.Address("/console/revocation/" + world.Revocation));
        await Expect(auditor.Page.GetByRole(AriaRole.Region, new() { Name = "Order" })).ToContainTextAsync("Not used any more");
        await Expect(auditor.Page.GetByRole(AriaRole.Button, new() { Name = "Reinstate" })).ToHaveCountAsync(0);
        await auditor.AssertUsableAsync();
    }
}
