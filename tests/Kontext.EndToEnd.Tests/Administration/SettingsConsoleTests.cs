using System.Net;
using System.Text.Json.Nodes;
using Kontext.EndToEnd.Tests.Pages;
using Kontext.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Administration;

/// <summary>The organization's settings at the administrator's, and what the installation says of itself.</summary>
public sealed class SettingsConsoleTests(ConsoleWorld world) : IClassFixture<ConsoleWorld>
{
    [Fact]
    public async Task An_organization_is_renamed_and_a_name_that_is_too_long_is_refused_at_its_field()
    {
        await using var olivia = await world.PersonAsync("olivia", "/console/settings");
        var name = olivia.Page.GetByLabel("Name");
        await name.FillAsync(new string('x', 300));
        await olivia.PressAsync("Save");
        await Expect(name).ToHaveAttributeAsync("aria-invalid", "true");
        await Expect(olivia.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("Nothing was changed.");
        await Expect(name).ToHaveValueAsync(new string('x', 300));
        await olivia.AssertUsableAsync();
        await name.FillAsync("Globex of the north");
        await olivia.PressAsync("Save");
        await Expect(olivia.Toast).ToContainTextAsync("The settings are saved.");
        await Expect(olivia.Page.GetByRole(AriaRole.Banner)).ToContainTextAsync("Globex of the north");
        await Expect(olivia.Page.GetByRole(AriaRole.Region, new() { Name = "Retention and security" })).ToContainTextAsync("kept for ever");
        await Expect(olivia.Page.GetByRole(AriaRole.Region, new() { Name = "Sign-in" })).ToContainTextAsync("any name will do");
    }

    [Fact]
    public async Task Agents_register_themselves_only_while_the_settings_let_them()
    {
        await using var olivia = await world.PersonAsync("olivia", "/console/settings");
        var may = olivia.Page.GetByLabel("Agents may register themselves");
        Assert.Equal(HttpStatusCode.Created, await RegisterAsync());
        await may.UncheckAsync();
        await olivia.PressAsync("Save");
        await Expect(olivia.Toast).ToContainTextAsync("The settings are saved.");
        await olivia.Page.ReloadAsync();
        await Expect(may).Not.ToBeCheckedAsync();
        Assert.NotEqual(HttpStatusCode.Created, await RegisterAsync());
        await may.CheckAsync();
        await olivia.PressAsync("Save");
        await Expect(olivia.Toast).ToContainTextAsync("The settings are saved.");
        await olivia.Page.ReloadAsync();
        await Expect(may).ToBeCheckedAsync();
        Assert.Equal(HttpStatusCode.Created, await RegisterAsync());

        async Task<HttpStatusCode> RegisterAsync() => (await TestAgent.CallAsync(world.Server.Url, HttpMethod.Post, "/oauth2/register", token: null,
            new JsonObject { ["client_name"] = "Registers itself", ["redirect_uris"] = new JsonArray(TestAgent.RedirectUri), ["token_endpoint_auth_method"] = "none" })).Status;
    }

    [Fact]
    public async Task What_the_installation_was_told_about_sign_in_and_retention_is_shown_without_its_secrets()
    {
        await using var provider = await UpstreamIdp.StartAsync(("AUTO_APPROVE", "0"));
        var keys = Directory.CreateTempSubdirectory("kontext-keys-");
        await using var server = await KontextServer.StartAsync("memory", keys.FullName, settings: new Dictionary<string, string>
        {
            ["Kontext__SignIn__Issuer"] = provider.Issuer, ["Kontext__SignIn__ClientId"] = "vault-client", ["Kontext__SignIn__ClientSecret"] = "vault-secret", ["Kontext__SignIn__Administrators"] = "olivia",
            ["Kontext__Audit__RetentionDays"] = "30", ["Kontext__Audit__Archive"] = Path.Combine(keys.FullName, "archive"), ["Kontext__SigningKeys__RotateEveryDays"] = "0",
        });
        var context = await world.Chromium.NewContextAsync();
        await using var olivia = new PageOfPerson(server, context, await context.NewPageAsync(), "olivia");
        await olivia.Page.GotoAsync(olivia.Address("/console/settings"));
        await olivia.DecideAsync("Allow");
        await Expect(olivia.Heading).ToHaveTextAsync("Settings");
        var signIn = olivia.Page.GetByRole(AriaRole.Region, new() { Name = "Sign-in" });
        await Expect(signIn).ToContainTextAsync(provider.Issuer);
        await Expect(signIn).ToContainTextAsync("vault-client");
        await Expect(signIn.Locator("dt:text-is('Redirect URI to register') + dd")).ToHaveTextAsync(olivia.Address("/login/callback"));
        var retention = olivia.Page.GetByRole(AriaRole.Region, new() { Name = "Retention and security" });
        await Expect(retention).ToContainTextAsync("30 days in storage, then in the archive");
        await Expect(retention).ToContainTextAsync("rotated by administrators only");
        Assert.DoesNotContain("vault-secret", await olivia.Page.ContentAsync(), StringComparison.Ordinal);
        await olivia.AssertUsableAsync();
        keys.Delete(recursive: true);
    }
}
