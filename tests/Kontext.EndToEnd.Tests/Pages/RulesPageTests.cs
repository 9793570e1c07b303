using System.Text.Json.Nodes;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Pages;

/// <summary>A person's own rules in a real browser.</summary>
public sealed class RulesPageTests(PagesWorld world) : IClassFixture<PagesWorld>
{
    [Fact]
    public async Task A_rule_is_made_and_removed_without_leaving_the_page()
    {
        var service = await world.OfferAsync($"tracker{Guid.NewGuid():N}"[..14], "none");
        await world.OwnerAsync(HttpMethod.Post, "/policy/rules", new JsonObject { ["action"] = "deny", ["level"] = "org", ["integrationId"] = service.Id, ["toolName"] = "purge_*", ["description"] = "Nothing is purged" });
        await using var person = await world.PersonAsync("/rules");
        person.WhenAsked(accept: true);
        await Expect(person.Page.GetByText("You have no rule")).ToBeVisibleAsync();
        await person.AssertAccessibleAsync();
        await person.Page.EvaluateAsync("window.stayed = true");
        await person.Page.GetByLabel("Your agents").SelectOptionAsync("deny");
        await person.Page.GetByLabel("Service").SelectOptionAsync(service.Id);
        await person.Page.GetByLabel("Tool").FillAsync("delete_*");
        await person.Page.GetByLabel("Why").FillAsync("Deleting is final");
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Add rule" }).ClickAsync();
        var rules = person.Page.GetByRole(AriaRole.List, new() { Name = "Your rules" });
        await Expect(rules).ToContainTextAsync($"delete_* of {service.Name}");
        await person.Page.GetByText("What your organization restricts").ClickAsync();
        await Expect(person.Page.GetByRole(AriaRole.List, new() { Name = "Rules of your organization" })).ToContainTextAsync("Nothing is purged");
        await person.AssertAccessibleAsync();
        await person.Page.GetByRole(AriaRole.Button, new() { Name = $"Remove the rule: never delete_* of {service.Name}" }).ClickAsync();
        await Expect(person.Page.GetByText("You have no rule")).ToBeVisibleAsync();
        Assert.True(await person.Page.EvaluateAsync<bool>("window.stayed === true"));
        await world.WithdrawAsync(service);
    }

    [Fact]
    public async Task A_rule_is_removed_without_scripts_after_a_question()
    {
        await using var person = await world.PersonAsync("/rules", new() { JavaScriptEnabled = false });
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Add rule" }).ClickAsync();
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Remove the rule: ask first every service" }).ClickAsync();
        await Expect(person.Heading).ToHaveTextAsync("Remove this rule?");
        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Cancel" }).ClickAsync();
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Remove the rule: ask first every service" }).ClickAsync();
        await person.Page.Locator("main").GetByRole(AriaRole.Button, new() { Name = "Remove" }).ClickAsync();
        await Expect(person.Page.GetByText("You have no rule")).ToBeVisibleAsync();
    }
}
