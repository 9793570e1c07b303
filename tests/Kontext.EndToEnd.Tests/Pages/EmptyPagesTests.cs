using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Pages;

/// <summary>What the pages say of an organization that offers nothing, in a real browser.</summary>
public sealed class EmptyPagesTests(PagesWorld world) : IClassFixture<PagesWorld>
{
    [Theory]
    [InlineData("/integrations", "Nothing to connect", "An administrator can add one.")]
    [InlineData("/mcps", "No MCP servers yet", "An administrator of your organization can add some.")]
    public async Task A_page_without_content_says_what_that_means(string path, string heading, string meaning)
    {
        foreach (var integration in (await world.OwnerAsync(HttpMethod.Get, "/integrations")).Json!["items"]!.AsArray())
            await world.OwnerAsync(HttpMethod.Delete, $"/integrations/{(string)integration!["id"]!}");
        await using var person = await world.PersonAsync(path);
        await Expect(person.Page.GetByRole(AriaRole.Heading, new() { Name = heading })).ToBeVisibleAsync();
        await Expect(person.Page.Locator("main")).ToContainTextAsync(meaning);
        await person.AssertAccessibleAsync();
    }
}
