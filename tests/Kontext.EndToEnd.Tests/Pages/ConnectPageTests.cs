using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Pages;

/// <summary>The page behind a link to connect, from there to a provider and back, in a real browser.</summary>
public sealed class ConnectPageTests(PagesWorld world) : IClassFixture<PagesWorld>
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_provider_whose_people_sign_in_at_another_host_is_reached_and_the_next_service_comes_after_it(bool javaScript)
    {
        await using var front = await Wire.OpenAsync(new Uri(world.Idp.Issuer));
        front.Rule = (request, _) => Task.FromResult<WireAnswer?>(WireAnswer.Of(HttpStatusCode.SeeOther) with { Headers = [new("Location", world.Idp.Issuer + request.Target)] });
        var settings = world.AtProvider();
        settings["oauth"] = new JsonObject
        {
            ["authorizationUrl"] = front.Address.AbsoluteUri + "authorize", ["tokenUrl"] = world.Idp.Issuer + "/token",
            ["clientId"] = "vault-client", ["clientSecret"] = "vault-secret", ["scopes"] = new JsonArray("openid", "api.read"),
        };
        var hopping = await world.OfferAsync($"Hopping {Guid.NewGuid():N}"[..20], "oauth", settings);
        var notes = await world.OfferAsync($"Notes {Guid.NewGuid():N}"[..20], "user_token", new JsonObject { ["tokenLabel"] = "Notes key" });
        await using var person = await world.PersonAsync("/integrations", new() { JavaScriptEnabled = javaScript });
        await person.Page.GotoAsync(await person.LinkAsync(world, hopping, notes));
        await Button(person, hopping, "Connect").ClickAsync();
        await person.DecideAsync("Allow");
        await Expect(person.Heading).ToHaveTextAsync($"{hopping.Name} is connected");
        if (javaScript)
            await person.AssertAccessibleAsync();

        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Connect the next service" }).ClickAsync();
        await Expect(person.Heading).ToHaveTextAsync("Connect your services");
        await person.Page.GetByLabel("Notes key").FillAsync("nk_123456");
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Save token" }).ClickAsync();
        await Expect(person.Page.GetByText("Not connected")).ToHaveCountAsync(0);

        // Nothing is left: the way is back to the agent.
        await Button(person, hopping, "Reconnect").ClickAsync();
        await Expect(person.Heading).ToHaveTextAsync($"{hopping.Name} is connected");
        await Expect(person.Page.GetByText("You can close this window")).ToBeVisibleAsync();
        await Expect(person.Page.GetByRole(AriaRole.Link, new() { Name = "Connect the next service" })).ToHaveCountAsync(0);
        await world.WithdrawAsync(hopping);
        await world.WithdrawAsync(notes);
    }

    [Fact]
    public async Task Who_says_no_at_the_provider_reads_so_and_gets_back_to_the_services()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        var link = await person.LinkAsync(world, service);
        await person.Page.GotoAsync(link);
        await Button(person, service, "Connect").ClickAsync();
        await person.DecideAsync("Deny");
        await Expect(person.Heading).ToHaveTextAsync($"Failed to connect {service.Name}");
        await Expect(person.Page.GetByText("Access was not allowed")).ToBeVisibleAsync();
        await person.AssertAccessibleAsync();
        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Back to your services" }).ClickAsync();
        await Expect(person.Page).ToHaveURLAsync(link);

        await world.Idp.FaultAsync("token", "server_error", times: 5, grant: "authorization_code");
        await Button(person, service, "Connect").ClickAsync();
        await person.DecideAsync("Allow");
        await Expect(person.Heading).ToHaveTextAsync($"Failed to connect {service.Name}");
        await world.Idp.ClearFaultsAsync();
        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Back to your services" }).ClickAsync();
        await Button(person, service, "Connect").ClickAsync();
        await Expect(person.Heading).ToHaveTextAsync($"{service.Name} is connected");
        Assert.DoesNotContain(link.Split("session=")[1], world.Server.Output, StringComparison.Ordinal);
        await world.WithdrawAsync(service);
    }

    private static ILocator Button(PageOfPerson person, Offered service, string text) =>
        person.Page.GetByRole(AriaRole.Region, new() { Name = service.Name }).GetByRole(AriaRole.Button, new() { Name = text, Exact = true });
}
