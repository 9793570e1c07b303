using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Partner;
using Kontext.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Pages;

/// <summary>The connect pages for an application's own users, who never sign in here, in a real browser: there from the application, and back to it.</summary>
public sealed class GuestLinkTests(PagesWorld world) : IClassFixture<PagesWorld>
{
    private const string ReturnUrl = "https://app.partner.example/done";
    private const string Audience = "https://kontext.example";

    [Fact]
    public async Task A_guest_connects_at_a_provider_and_with_a_token_and_returns_to_the_application()
    {
        await using var partner = await PartnerHost.StartAsync();
        var upstream = await world.OAuthAsync("Upstream");
        var notes = await world.OfferAsync($"Notes {Guid.NewGuid():N}"[..20], "user_token", new JsonObject { ["tokenLabel"] = "Notes key" });
        var application = await TrustingAsync(partner, upstream, notes);
        await using var guest = await GuestAsync("guest-1");
        await guest.Page.RouteAsync("https://app.partner.example/**", route => route.FulfillAsync(new() { Body = "back at the application" }));
        await guest.Page.GotoAsync(await LinkAsync(partner, application, "guest-1"));
        await Expect(guest.Page.GetByText("User guest-1")).ToBeVisibleAsync();
        await guest.AssertAccessibleAsync();
        await Button(guest, upstream, "Connect").ClickAsync();
        await guest.DecideAsync("Deny");
        await Expect(guest.Heading).ToHaveTextAsync($"Failed to connect {upstream.Name}");
        await Expect(guest.Page.GetByText("Goes to app.partner.example")).ToBeVisibleAsync();
        await guest.AssertAccessibleAsync();
        await guest.Page.GetByRole(AriaRole.Link, new() { Name = "Back to your services" }).ClickAsync();
        await Button(guest, upstream, "Connect").ClickAsync();
        await guest.DecideAsync("Allow");
        await Expect(guest.Heading).ToHaveTextAsync($"{upstream.Name} is connected");
        await guest.AssertAccessibleAsync();

        await guest.Page.GetByRole(AriaRole.Link, new() { Name = "Connect the next service" }).ClickAsync();
        await guest.Page.GetByLabel("Notes key").FillAsync("nk_123456");
        await guest.Page.GetByRole(AriaRole.Button, new() { Name = "Save token" }).ClickAsync();
        await Expect(guest.Page.GetByText("Not connected")).ToHaveCountAsync(0);
        await guest.Page.GetByRole(AriaRole.Link, new() { Name = $"Return to {application.Name}" }).ClickAsync();
        await guest.Page.WaitForURLAsync(ReturnUrl);
        await Expect(guest.Page.GetByText("back at the application")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_guests_link_that_was_opened_works_in_no_other_browser_and_says_where_to_begin_again()
    {
        await using var partner = await PartnerHost.StartAsync();
        var notes = await world.OfferAsync($"Notes {Guid.NewGuid():N}"[..20], "user_token", new JsonObject { ["tokenLabel"] = "Notes key" });
        var application = await TrustingAsync(partner, notes);
        var link = await LinkAsync(partner, application, "guest-2");
        await using var guest = await GuestAsync("guest-2");
        await guest.Page.GotoAsync(link);
        await Expect(guest.Page.GetByLabel("Notes key")).ToBeVisibleAsync();

        await using var other = await GuestAsync("somebody");
        var answer = await other.Page.GotoAsync(link);
        Assert.Equal(404, answer!.Status);
        await Expect(other.Page.GetByText("in the browser that opened it first")).ToBeVisibleAsync();
        await Expect(other.Page.GetByText("Go back to the application you came from and start again there.")).ToBeVisibleAsync();
        await Expect(other.Page.GetByText(notes.Name)).ToHaveCountAsync(0);
        await other.AssertAccessibleAsync();

        // It goes on working where it was opened.
        await guest.Page.ReloadAsync();
        await Expect(guest.Page.GetByLabel("Notes key")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_guest_whose_browser_forgot_them_at_the_provider_is_sent_back_to_the_application_and_not_to_sign_in()
    {
        await using var partner = await PartnerHost.StartAsync();
        var upstream = await world.OAuthAsync("Upstream");
        var application = await TrustingAsync(partner, upstream);
        await using var guest = await GuestAsync("guest-3");
        await guest.Page.GotoAsync(await LinkAsync(partner, application, "guest-3"));
        await Button(guest, upstream, "Connect").ClickAsync();
        await Expect(guest.Page.GetByLabel("Password")).ToBeVisibleAsync();
        await guest.Context.ClearCookiesAsync(new() { Name = "kontext-guest" });
        await guest.DecideAsync("Allow");
        await Expect(guest.Page.GetByText("Go back to the application you came from and start again there.")).ToBeVisibleAsync();
        await Expect(guest.Page.GetByRole(AriaRole.Link, new() { Name = "Sign in again" })).ToHaveCountAsync(0);
        await guest.AssertAccessibleAsync();
    }

    private static ILocator Button(PageOfPerson guest, Offered service, string text) =>
        guest.Page.GetByRole(AriaRole.Region, new() { Name = service.Name }).GetByRole(AriaRole.Button, new() { Name = text, Exact = true });

    private async Task<PageOfPerson> GuestAsync(string name)
    {
        var context = await world.Chromium.NewContextAsync();
        return new PageOfPerson(world.Server, context, await context.NewPageAsync(), name);
    }

    /// <summary>An application that trusts the partner, and the partner's key.</summary>
    private sealed record Trusting(string Id, string Name, string Key);

    private async Task<Trusting> TrustingAsync(PartnerHost partner, params Offered[] services)
    {
        var name = $"Shop assistant {Guid.NewGuid():N}"[..24];
        var made = await world.OwnerAsync(HttpMethod.Post, "/applications", new JsonObject { ["name"] = name, ["oauth"] = new JsonObject { ["type"] = "confidential", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) } });
        Assert.True(made.Status == HttpStatusCode.Created, made.Json?.ToJsonString());
        var id = (string)made.Json!["application"]!["id"]!;
        await world.OwnerAsync(HttpMethod.Put, $"/applications/{id}/integrations", new JsonObject { ["integrationIds"] = new JsonArray([.. services.Select(service => (JsonNode)service.Id)]) });
        var key = Guid.NewGuid().ToString("n") + Guid.NewGuid().ToString("n");
        var trusting = await world.OwnerAsync(HttpMethod.Patch, $"/applications/{id}", new JsonObject
        {
            ["externalAuth"] = new JsonObject
            {
                ["enabled"] = true, ["issuer"] = partner.Issuer, ["jwksUrl"] = partner.JwksUrl, ["audience"] = Audience,
                ["allowedAlgorithms"] = new JsonArray("RS256"), ["allowedReturnUrls"] = new JsonArray(ReturnUrl), ["partnerApiKey"] = key,
            },
        });
        Assert.True(trusting.Status == HttpStatusCode.OK, trusting.Json?.ToJsonString());
        return new Trusting(id, name, key);
    }

    /// <summary>The link that the partner's backend asks for, for one of its users.</summary>
    private async Task<string> LinkAsync(PartnerHost partner, Trusting application, string subject)
    {
        var now = TimeProvider.System.GetUtcNow();
        var claims = new JsonObject
        {
            ["iss"] = partner.Issuer, ["aud"] = Audience, ["sub"] = subject, ["name"] = "User " + subject, ["iat"] = now.ToUnixTimeSeconds(), ["exp"] = now.AddMinutes(5).ToUnixTimeSeconds(),
        };
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(world.Server.Url, "/partner/connect-session"))
        {
            Content = JsonContent.Create<JsonNode>(new JsonObject { ["applicationId"] = application.Id, ["returnUrl"] = ReturnUrl }),
        };
        request.Headers.Add("X-Api-Key", application.Key);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", partner.Key.Sign(claims, "RS256"));
        using var answer = await world.Server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        var json = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(answer.IsSuccessStatusCode, json);
        return (string)JsonNode.Parse(json)!["connectUrl"]!;
    }
}
