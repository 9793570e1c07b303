using Deque.AxeCore.Playwright;
using Kontext.Testing;
using Microsoft.Playwright;

namespace Kontext.EndToEnd.Tests;

/// <summary>Sign-in and consent in a real browser.</summary>
public sealed class BrowserTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private IPlaywright playwright = null!;
    private IBrowser chromium = null!;

    public async ValueTask InitializeAsync()
    {
        playwright = await Playwright.CreateAsync();
        chromium = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = Environment.GetEnvironmentVariable("CHROMIUM") ?? "/usr/bin/chromium",
            Args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        });
    }

    public async ValueTask DisposeAsync()
    {
        await chromium.DisposeAsync();
        playwright.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_person_signs_in_and_allows_an_agent(bool javaScript)
    {
        await using var installation = await Installation.CreateAsync(azurite);
        var kontext = await installation.StartAsync();
        var agent = new TestAgent(kontext.Url);
        await using var context = await chromium.NewContextAsync(new BrowserNewContextOptions { JavaScriptEnabled = javaScript });
        var page = await context.NewPageAsync();
        // The agent's redirect URI, answered here: nobody listens there.
        await page.RouteAsync(TestAgent.RedirectUri + "**", route => route.FulfillAsync(new RouteFulfillOptions { Body = "back at the agent" }));

        await page.GotoAsync(agent.AuthorizeUrl(TestAgent.CommandLineClient, agent.Api, "openid management:all").Url.AbsoluteUri);
        await page.GetByLabel("User name").FillAsync("olivia");
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Sign in" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new PageGetByRoleOptions { Level = 1 })).ToContainTextAsync("Kontext command line");
        if (javaScript)
            Assert.Empty((await page.RunAxe()).Violations);
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Allow" }).ClickAsync();
        await page.WaitForURLAsync(TestAgent.RedirectUri + "**");
        Assert.Contains("code=kac_", page.Url, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Going_back_after_a_decision_and_deciding_again_gives_a_code_of_its_own()
    {
        await using var installation = await Installation.CreateAsync(azurite);
        var kontext = await installation.StartAsync();
        var agent = new TestAgent(kontext.Url);
        await using var context = await chromium.NewContextAsync();
        var page = await context.NewPageAsync();
        await page.RouteAsync(TestAgent.RedirectUri + "**", route => route.FulfillAsync(new RouteFulfillOptions { Body = "back at the agent" }));
        await page.GotoAsync(agent.AuthorizeUrl(TestAgent.CommandLineClient, agent.Api, "openid").Url.AbsoluteUri);
        await page.GetByLabel("User name").FillAsync("olivia");
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Sign in" }).ClickAsync();
        var allow = page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Allow" });
        await allow.ClickAsync();
        await page.WaitForURLAsync(TestAgent.RedirectUri + "**");
        var first = page.Url;
        await page.GoBackAsync();
        await allow.ClickAsync();
        await page.WaitForURLAsync(TestAgent.RedirectUri + "**");
        Assert.NotEqual(first, page.Url);
    }
}
