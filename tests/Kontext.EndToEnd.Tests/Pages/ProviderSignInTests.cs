using Kontext.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Pages;

/// <summary>Sign-in at a provider on another origin when a form or a script of our own pages began it: browsers hold where it leads against those pages' policy.</summary>
public sealed class ProviderSignInTests : IAsyncLifetime
{
    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;
    private UpstreamIdp first = null!;
    private UpstreamIdp second = null!;
    private IPlaywright playwright = null!;
    private IBrowser chromium = null!;

    public async ValueTask InitializeAsync()
    {
        first = await UpstreamIdp.StartAsync(("AUTO_APPROVE", "0"));
        second = await UpstreamIdp.StartAsync(("AUTO_APPROVE", "0"));
        playwright = await Playwright.CreateAsync();
        chromium = await playwright.Chromium.LaunchAsync(PagesWorld.Options());
    }

    public async ValueTask DisposeAsync()
    {
        await chromium.DisposeAsync();
        playwright.Dispose();
        await first.DisposeAsync();
        await second.DisposeAsync();
        Directory.Delete(keys, recursive: true);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_names_their_organization_signs_in_at_its_provider_and_comes_back(bool javaScript)
    {
        await using var server = await StartAsync(several: true);
        await using var person = await PersonAsync(server, javaScript);
        await person.Page.GotoAsync(person.Address("/sessions"));
        await person.Page.GetByLabel("Organization").FillAsync("globex");
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Continue" }).ClickAsync();
        await Expect(person.Page.GetByLabel("Password")).ToBeVisibleAsync();
        Assert.StartsWith(second.Issuer, person.Page.Url, StringComparison.Ordinal);
        await person.DecideAsync("Allow");
        await Expect(person.Heading).ToHaveTextAsync("Agents acting for you");
        await Expect(person.Page).ToHaveURLAsync(person.Address("/sessions"));
    }

    [Fact]
    public async Task A_form_sent_after_the_session_ended_leads_through_the_provider_and_back_to_where_it_went()
    {
        await using var server = await StartAsync(several: false);
        await using var person = await PersonAsync(server);
        await person.Page.GotoAsync(person.Address("/console/audit"));
        await person.DecideAsync("Allow");
        await Expect(person.Heading).ToContainTextAsync("Audit trail");
        await EndSessionAsync(person);
        await person.Page.Locator("main form[method=get] button[type=submit]").First.ClickAsync();
        await person.Page.WaitForURLAsync(url => url.StartsWith(person.Address("/console/audit?"), StringComparison.Ordinal));
        await Expect(person.Heading).ToContainTextAsync("Audit trail");

        await person.Page.GotoAsync(person.Address("/device"));
        await person.Page.GetByLabel("Code").FillAsync("BCDF-GHJK");
        await EndSessionAsync(person);
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Continue" }).ClickAsync();
        await person.Page.WaitForURLAsync(person.Address("/device?user_code=BCDF-GHJK"));
        await Expect(person.Page.GetByLabel("Code")).ToHaveValueAsync("BCDF-GHJK");
    }

    [Fact]
    public async Task What_is_asked_for_in_place_after_the_session_ended_leads_to_the_provider_and_back_to_the_page()
    {
        await using var server = await StartAsync(several: false);
        await using var person = await PersonAsync(server);
        await person.Page.GotoAsync(person.Address("/integrations"));
        await person.DecideAsync("Allow");
        await Expect(person.Heading).ToHaveTextAsync("Integrations");
        await person.Context.ClearCookiesAsync();
        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Refresh" }).ClickAsync();
        await Expect(person.Page.GetByLabel("Password")).ToBeVisibleAsync();
        Assert.StartsWith(first.Issuer, person.Page.Url, StringComparison.Ordinal);
        await person.Page.GetByLabel("User").FillAsync(person.Name);
        await person.Page.GetByLabel("Password").FillAsync(person.Name);
        // What was allowed there before is not asked again.
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Expect(person.Heading).ToHaveTextAsync("Integrations");
        await Expect(person.Page).ToHaveURLAsync(person.Address("/integrations"));
    }

    private static Task EndSessionAsync(PageOfPerson person) => person.Context.ClearCookiesAsync(new() { Name = "kontext-session" });

    private async Task<PageOfPerson> PersonAsync(KontextServer server, bool javaScript = true)
    {
        var context = await chromium.NewContextAsync(new() { JavaScriptEnabled = javaScript });
        return new PageOfPerson(server, context, await context.NewPageAsync(), "olivia");
    }

    private Task<KontextServer> StartAsync(bool several)
    {
        var settings = new Dictionary<string, string>
        {
            ["Kontext__SignIn__Issuer"] = first.Issuer, ["Kontext__SignIn__ClientId"] = "vault-client", ["Kontext__SignIn__ClientSecret"] = "vault-secret",
            ["Kontext__SignIn__Administrators"] = "olivia",
        };
        if (several)
        {
            settings["Kontext__Organizations__globex__SignIn__Issuer"] = second.Issuer;
            settings["Kontext__Organizations__globex__SignIn__ClientId"] = "vault-client";
            settings["Kontext__Organizations__globex__SignIn__ClientSecret"] = "vault-secret";
        }
        return KontextServer.StartAsync("memory", keys, settings: settings);
    }
}
