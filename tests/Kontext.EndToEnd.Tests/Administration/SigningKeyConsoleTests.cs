using System.Net;
using Kontext.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Administration;

/// <summary>Keys at the administrator's: rotated in order, revoked in an emergency.</summary>
public sealed class SigningKeyConsoleTests(ConsoleWorld world) : IClassFixture<ConsoleWorld>
{
    [Fact]
    public async Task A_rotation_announces_the_next_key_and_a_revoked_one_takes_its_tokens_along()
    {
        using var browser = new FormBrowser();
        var tokens = await world.Agent.AuthorizeAsync(browser, "app_" + world.Application, "carla", world.Agent.Gateway);
        var token = tokens["access_token"]!;
        await using var olivia = await world.PersonAsync("olivia", "/console/settings");
        var keys = olivia.Page.GetByRole(AriaRole.Region, new() { Name = "Signing keys" });
        var signing = keys.GetByRole(AriaRole.Row).Filter(new() { Has = olivia.Page.GetByText("current", new() { Exact = true }) });
        var rotate = keys.GetByRole(AriaRole.Button, new() { Name = "Rotate" });
        Assert.Contains("tokens that are out stay valid", await olivia.AnswerAsync(rotate, accept: false), StringComparison.Ordinal);
        await olivia.Page.ReloadAsync();
        await Expect(keys.GetByText("next", new() { Exact = true })).ToHaveCountAsync(0);
        await olivia.AnswerAsync(rotate, accept: true);
        await Expect(olivia.Toast).ToContainTextAsync("A new key is published");
        await Expect(keys.GetByText("next", new() { Exact = true })).ToHaveCountAsync(1);
        await Expect(signing).ToHaveCountAsync(1);
        await olivia.AssertUsableAsync();
        Assert.Equal(HttpStatusCode.OK, (await CallAsync(token)).Status);

        var kid = (await signing.GetByRole(AriaRole.Rowheader).TextContentAsync())!.Trim();
        var revoke = keys.GetByRole(AriaRole.Button, new() { Name = "Revoke key " + kid });
        Assert.Contains("Every token signed with it is refused at once", await olivia.AnswerAsync(revoke, accept: false), StringComparison.Ordinal);
        await olivia.Page.ReloadAsync();
        await Expect(signing).ToContainTextAsync(kid);
        await olivia.AnswerAsync(revoke, accept: true);
        await Expect(olivia.Toast).ToContainTextAsync("The key is revoked.");
        await Expect(keys.GetByRole(AriaRole.Row).Filter(new() { HasText = kid }).Locator(".badge")).ToHaveTextAsync("revoked");
        await Expect(revoke).ToHaveCountAsync(0);
        await Expect(signing).ToHaveCountAsync(1);
        await olivia.AssertUsableAsync();
        Assert.Equal(HttpStatusCode.Unauthorized, (await CallAsync(token)).Status);
        // Nobody signs in again: the agent has a new token with its refresh token.
        var renewed = await world.Agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = "app_" + world.Application, ["refresh_token"] = tokens["refresh_token"]! });
        Assert.Equal(HttpStatusCode.OK, (await CallAsync(renewed["access_token"]!)).Status);
    }

    [Fact]
    public async Task A_new_data_key_is_made_after_a_question_and_what_the_old_one_encrypted_still_opens()
    {
        using var browser = new FormBrowser();
        var client = "app_" + world.Application;
        var token = (await world.Agent.AuthorizeAsync(browser, client, "carla", world.Agent.Gateway))["access_token"]!;
        Assert.Equal(HttpStatusCode.OK, (await world.Agent.ExchangeAsync(client, token, "github")).Status);
        await using var olivia = await world.PersonAsync("olivia", "/console/settings");
        var key = olivia.Page.GetByRole(AriaRole.Region, new() { Name = "Data key" });
        var version = (await key.Locator("dd.mono").TextContentAsync())!;
        var rotate = key.GetByRole(AriaRole.Button, new() { Name = "Rotate" });
        await olivia.AnswerAsync(rotate, accept: false);
        await olivia.Page.ReloadAsync();
        await Expect(key.Locator("dd.mono")).ToHaveTextAsync(version);
        Assert.Contains("Connections go on working.", await olivia.AnswerAsync(rotate, accept: true), StringComparison.Ordinal);
        await Expect(olivia.Toast).ToContainTextAsync("A new data key encrypts from now on.");
        await Expect(key.Locator("dd.mono")).Not.ToHaveTextAsync(version);
        await Expect(key.Locator(".badge")).ToHaveTextAsync("re-encrypting");
        await olivia.AssertUsableAsync();
        Assert.Equal(HttpStatusCode.OK, (await world.Agent.ExchangeAsync(client, token, "github")).Status);
    }

    private Task<JsonAnswer> CallAsync(string token) => TestAgent.CallAsync(world.Server.Url, HttpMethod.Get, "/mcp/integrations", token);
}
