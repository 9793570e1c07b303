using System.Text.Json.Nodes;
using Deque.AxeCore.Playwright;
using Kontext.Testing;
using Microsoft.Playwright;

namespace Kontext.EndToEnd.Tests.Pages;

/// <summary>A person in a browser of their own.</summary>
/// <param name="server">The product.</param>
/// <param name="context">The browser.</param>
/// <param name="page">Its first tab.</param>
/// <param name="name">Who signs in, here and at the provider.</param>
public sealed class PageOfPerson(KontextServer server, IBrowserContext context, IPage page, string name) : IAsyncDisposable
{
    /// <summary>The tab.</summary>
    public IPage Page => page;

    /// <summary>The browser.</summary>
    public IBrowserContext Context => context;

    /// <summary>The name.</summary>
    public string Name => name;

    /// <summary>What stands in the middle of the window while it is shown.</summary>
    public ILocator Toast => page.Locator(".toast");

    /// <summary>The page's heading.</summary>
    public ILocator Heading => page.GetByRole(AriaRole.Heading, new() { Level = 1 });

    /// <summary>Signs in and goes to a page.</summary>
    public async Task SignInAsync(string path)
    {
        await page.GotoAsync(Address("/login?return_to=" + Uri.EscapeDataString(path)));
        await EnterAsync();
        await page.WaitForURLAsync(Address(path));
    }

    /// <summary>Signs in where that is asked for, as themselves or as somebody else.</summary>
    public async Task EnterAsync(string? other = null)
    {
        await page.GetByLabel("User name").FillAsync(other ?? name);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
    }

    /// <summary>The link to connect services that an agent of the person hands them.</summary>
    public async Task<string> LinkAsync(PagesWorld world, params Offered[] services)
    {
        var token = await world.ApprovedAsync(await world.AgentAsync($"Agent {Guid.NewGuid():N}"[..20], services), name);
        return (await TestAgent.CallAsync(world.Server.Url, HttpMethod.Post, "/mcp/connect-session", token, new JsonObject()))["connectUrl"]!;
    }

    /// <summary>The address of a page.</summary>
    public string Address(string path) => new Uri(server.Url, path).AbsoluteUri;

    /// <summary>The card of a service.</summary>
    public ILocator Card(Offered service, IPage? tab = null) => (tab ?? page).Locator("#card-" + service.Id);

    /// <summary>A button of that card.</summary>
    public ILocator Button(Offered service, string text, IPage? tab = null) => Card(service, tab).GetByRole(AriaRole.Button, new() { Name = $"{text} {service.Name}", Exact = true });

    /// <summary>The state that card shows.</summary>
    public ILocator Badge(Offered service, IPage? tab = null) => Card(service, tab).Locator(".badge");

    /// <summary>Begins to connect, signs in at the provider and decides.</summary>
    public async Task AuthorizeAsync(Offered service, string decision = "Allow")
    {
        await Button(service, "Connect").ClickAsync();
        await DecideAsync(decision);
    }

    /// <summary>At the provider: signs in if asked to, and decides.</summary>
    public async Task DecideAsync(string decision)
    {
        var deciding = page.GetByRole(AriaRole.Button, new() { Name = decision });
        var signIn = page.GetByLabel("Password");
        await Assertions.Expect(deciding.Or(signIn).First).ToBeVisibleAsync();
        if (await signIn.IsVisibleAsync())
        {
            await page.GetByLabel("User").FillAsync(name);
            await signIn.FillAsync(name);
            await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        }
        await deciding.ClickAsync();
    }

    /// <summary>Connects and comes back to the list.</summary>
    public async Task ConnectAsync(Offered service)
    {
        await AuthorizeAsync(service);
        await page.WaitForURLAsync(Address("/integrations"));
        await Assertions.Expect(Badge(service)).ToHaveTextAsync("Valid");
    }

    /// <summary>Answers what the browser asks.</summary>
    public void WhenAsked(bool accept) => page.Dialog += (_, dialog) => _ = accept ? dialog.AcceptAsync() : dialog.DismissAsync();

    /// <summary>Presses a button.</summary>
    public Task PressAsync(string button) => page.GetByRole(AriaRole.Button, new() { Name = button, Exact = true }).ClickAsync();

    /// <summary>Presses a button that the browser asks about first, answers, and gives the question.</summary>
    public async Task<string?> AnswerAsync(ILocator button, bool accept)
    {
        string? question = null;
        void Answer(object? sender, IDialog dialog)
        {
            question = dialog.Message;
            _ = accept ? dialog.AcceptAsync() : dialog.DismissAsync();
        }

        page.Dialog += Answer;
        await button.ClickAsync();
        page.Dialog -= Answer;
        return question;
    }

    /// <summary>Everybody can use the page, on a phone too.</summary>
    public async Task AssertUsableAsync()
    {
        await AssertAccessibleAsync();
        var (width, height) = (page.ViewportSize!.Width, page.ViewportSize.Height);
        await page.SetViewportSizeAsync(390, 844);
        Assert.True(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= window.innerWidth"), $"{page.Url} is wider than a phone");
        await page.SetViewportSizeAsync(width, height);
    }

    /// <summary>Nothing on the page is in the way of people who see, hear or move differently, by light or dark.</summary>
    public async Task AssertAccessibleAsync()
    {
        foreach (var scheme in new[] { ColorScheme.Light, ColorScheme.Dark })
        {
            await page.EmulateMediaAsync(new() { ColorScheme = scheme, ReducedMotion = ReducedMotion.Reduce });
            var violations = (await page.RunAxe()).Violations;
            Assert.True(violations.Length == 0, string.Join('\n', violations.Select(violation => $"{scheme} {violation.Id}: {violation.Help} at {string.Join(' ', violation.Nodes.Select(node => node.Html))}")));
        }
        await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Light });
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await context.DisposeAsync();
}
