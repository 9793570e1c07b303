using System.Net;
using Kontext.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Pages;

/// <summary>What the page shows when the product cannot reach its storage (seed 004).</summary>
public sealed class FailedLoadTests(AzuriteFixture azurite)
{
    [Fact]
    public async Task Without_storage_the_list_is_said_to_have_failed_and_Retry_brings_it()
    {
        await using var installation = await Installation.CreateAsync(azurite);
        await using var storage = await Wire.OpenAsync(installation.Tables);
        var server = await installation.StartAsync(storage.Address);
        using var playwright = await Playwright.CreateAsync();
        await using var chromium = await playwright.Chromium.LaunchAsync(PagesWorld.Options());
        await using var context = await chromium.NewContextAsync(new() { JavaScriptEnabled = false });
        await using var person = new PageOfPerson(server, context, await context.NewPageAsync(), "olivia");
        await person.SignInAsync("/integrations");

        storage.Rule = (_, _) => Task.FromResult<WireAnswer?>(WireAnswer.Of(HttpStatusCode.ServiceUnavailable));
        person.Page.SetDefaultNavigationTimeout(120_000);
        var answer = await person.Page.ReloadAsync();
        Assert.Equal(503, answer!.Status);
        await Expect(person.Heading).ToHaveTextAsync("Failed to load integrations");
        foreach (var (path, heading) in new[] { ("/sessions", "Failed to load agents"), ("/approvals", "Failed to load approvals"), ("/console", "Failed to load this page") })
        {
            answer = await person.Page.GotoAsync(person.Address(path));
            Assert.Equal(503, answer!.Status);
            await Expect(person.Heading).ToHaveTextAsync(heading);
            await Expect(person.Page.GetByRole(AriaRole.Link, new() { Name = "Retry" })).ToHaveAttributeAsync("href", path);
        }
        answer = await person.Page.GotoAsync(person.Address("/integrations"));
        Assert.Equal(503, answer!.Status);
        storage.Rule = static async (_, pass) => await pass();
        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Retry" }).ClickAsync(new() { Timeout = 120_000 });
        await Expect(person.Heading).ToHaveTextAsync("Integrations");
    }

    [Theory]
    [InlineData("/mcps", "MCP servers", "MCP servers")]
    [InlineData("/rules", "rules", "Rules for your agents")]
    public async Task A_page_that_was_not_loaded_stays_so_until_storage_is_back_and_then_Retry_brings_it(string path, string what, string heading)
    {
        await using var installation = await Installation.CreateAsync(azurite);
        await using var storage = await Wire.OpenAsync(installation.Tables);
        var server = await installation.StartAsync(storage.Address);
        using var playwright = await Playwright.CreateAsync();
        await using var chromium = await playwright.Chromium.LaunchAsync(PagesWorld.Options());
        await using var context = await chromium.NewContextAsync();
        await using var person = new PageOfPerson(server, context, await context.NewPageAsync(), "olivia");
        await person.SignInAsync(path);
        await Expect(person.Heading).ToHaveTextAsync(heading);

        storage.Rule = (_, _) => Task.FromResult<WireAnswer?>(WireAnswer.Of(HttpStatusCode.ServiceUnavailable));
        person.Page.SetDefaultNavigationTimeout(120_000);
        var answer = await person.Page.ReloadAsync();
        Assert.Equal(503, answer!.Status);
        await Expect(person.Heading).ToHaveTextAsync($"Failed to load {what}");
        await Expect(person.Page.GetByText("Nothing of yours was changed.")).ToBeVisibleAsync();
        await person.AssertAccessibleAsync();
        var retried = await person.Page.RunAndWaitForResponseAsync(
            () => person.Page.GetByRole(AriaRole.Link, new() { Name = "Retry" }).ClickAsync(new() { Timeout = 120_000 }), response => response.Url == person.Address(path), new() { Timeout = 120_000 });
        Assert.Equal(503, retried.Status);
        await Expect(person.Heading).ToHaveTextAsync($"Failed to load {what}");

        storage.Rule = static async (_, pass) => await pass();
        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Retry" }).ClickAsync(new() { Timeout = 120_000 });
        await Expect(person.Heading).ToHaveTextAsync(heading);
        await Expect(person.Page).ToHaveURLAsync(person.Address(path));
    }
}
