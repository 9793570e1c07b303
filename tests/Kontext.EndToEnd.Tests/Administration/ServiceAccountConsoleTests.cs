using System.Net;
using Kontext.EndToEnd.Tests.Pages;
using Kontext.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Administration;

/// <summary>Service accounts at the administrator's.</summary>
public sealed class ServiceAccountConsoleTests(ConsoleWorld world) : IClassFixture<ConsoleWorld>
{
    [Fact]
    public async Task A_service_account_is_made_with_a_secret_shown_once_held_back_rotated_and_revoked()
    {
        await using var olivia = await world.PersonAsync("olivia", "/console/service-accounts");
        await olivia.Page.GetByLabel("Name").FillAsync(new string('x', 300));
        await olivia.Page.GetByLabel("Description").FillAsync("applies our rules");
        await olivia.PressAsync("Make service account");
        await Expect(olivia.Page.GetByLabel("Name")).ToHaveAttributeAsync("aria-invalid", "true");
        await Expect(olivia.Page.GetByLabel("Description")).ToHaveValueAsync("applies our rules");
        await olivia.AssertUsableAsync();
        await olivia.Page.GetByLabel("Name").FillAsync("pipeline");
        await olivia.PressAsync("Make service account");
        await Expect(olivia.Heading).ToHaveTextAsync("pipeline is made");
        var (client, first) = ((await olivia.Page.Locator("#value-0").TextContentAsync())!, await SecretAsync(olivia));
        await olivia.AssertUsableAsync();
        var token = (await TokenAsync(client, first))["access_token"]!;
        Assert.Equal(HttpStatusCode.OK, (await world.Agent.ApiAsync(HttpMethod.Get, "/applications", token)).Status);
        await olivia.Page.ReloadAsync();
        await Expect(olivia.Page.GetByRole(AriaRole.Row).Filter(new() { HasText = "pipeline" })).ToContainTextAsync("enabled");
        Assert.DoesNotContain(first, await olivia.Page.ContentAsync(), StringComparison.Ordinal);

        var row = olivia.Page.GetByRole(AriaRole.Row).Filter(new() { HasText = "pipeline" });
        await row.GetByText("Actions", new() { Exact = true }).ClickAsync();
        await olivia.AssertUsableAsync();
        await olivia.PressAsync("Disable pipeline");
        await Expect(row.Locator(".badge")).ToHaveTextAsync("disabled");
        Assert.Equal(HttpStatusCode.Unauthorized, (await TokenAsync(client, first)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await world.Agent.ApiAsync(HttpMethod.Get, "/applications", token)).Status);
        await row.GetByText("Actions", new() { Exact = true }).ClickAsync();
        await olivia.PressAsync("Enable pipeline");
        await Expect(row.Locator(".badge")).ToHaveTextAsync("enabled");

        await row.GetByText("Actions", new() { Exact = true }).ClickAsync();
        await row.GetByLabel("The old secret").SelectOptionAsync(new SelectOptionValue { Label = "Works for another day" });
        await olivia.PressAsync("New secret for pipeline");
        await Expect(olivia.Heading).ToHaveTextAsync("New client secret");
        await Expect(olivia.Page.GetByText("The old secret works until")).ToBeVisibleAsync();
        var second = await SecretAsync(olivia);
        Assert.Equal(HttpStatusCode.OK, (await TokenAsync(client, first)).Status);
        Assert.Equal(HttpStatusCode.OK, (await TokenAsync(client, second)).Status);

        await olivia.Page.GetByRole(AriaRole.Link, new() { Name = "Back to the service accounts" }).ClickAsync();
        await row.GetByText("Actions", new() { Exact = true }).ClickAsync();
        var revoke = olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Revoke pipeline" });
        Assert.Contains("There is no way back.", await olivia.AnswerAsync(revoke, accept: false), StringComparison.Ordinal);
        await Expect(row).ToHaveCountAsync(1);
        await olivia.AnswerAsync(revoke, accept: true);
        await Expect(olivia.Toast).ToContainTextAsync("The service account is revoked.");
        await Expect(row).ToHaveCountAsync(0);
        Assert.Equal(HttpStatusCode.Unauthorized, (await TokenAsync(client, second)).Status);
    }

    private static async Task<string> SecretAsync(PageOfPerson person) => (await person.Page.Locator(".shown-once").TextContentAsync())!;

    private Task<JsonAnswer> TokenAsync(string client, string secret) => world.Agent.TokenAsync(new() { ["grant_type"] = "client_credentials" }, $"{client}:{secret}");
}
