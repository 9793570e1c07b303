using System.Net;
using Kontext.EndToEnd.Tests.Pages;
using Kontext.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Administration;

/// <summary>Cutting off at the administrator's: the report of what it came to, and letting in again.</summary>
public sealed class CutOffConsoleTests(PagesWorld world) : IClassFixture<PagesWorld>
{
    [Fact]
    public async Task An_application_is_cut_off_the_report_says_what_is_dead_expires_and_survives_and_it_is_let_in_again()
    {
        var mail = await world.OAuthAsync("Mail");
        var search = await world.OfferAsync("everybodys search", "server_token", new() { ["serverToken"] = "shared-token", ["category"] = "internal_mcp_credentials" });
        var client = await world.AgentAsync("Stolen agent", mail, search);
        var other = await world.AgentAsync("Honest agent", search);
        await using var person = await world.PersonAsync("/integrations");
        await person.ConnectAsync(mail);
        var token = await world.ApprovedAsync(client, person.Name);
        var others = await world.ApprovedAsync(other, person.Name);
        Assert.Equal(HttpStatusCode.OK, (await world.Agent.ExchangeAsync(client, token, mail.Name)).Status);
        Assert.Equal(HttpStatusCode.OK, (await world.Agent.ExchangeAsync(client, token, search.Name)).Status);

        await using var olivia = await world.PersonAsync("/console/revocation", name: "olivia");
        await olivia.Page.GetByLabel("Application").SelectOptionAsync(new SelectOptionValue { Label = "Stolen agent" });
        await olivia.Page.GetByLabel("Reason").FillAsync("The laptop is gone");
        var cut = olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Cut off" });
        Assert.Contains("within a second", await olivia.AnswerAsync(cut, accept: false), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await CallAsync(token)).Status);
        await olivia.AnswerAsync(cut, accept: true);
        await Expect(olivia.Heading).ToContainTextAsync("Stolen agent");
        await Expect(olivia.Page.Locator("h1 .badge")).ToHaveTextAsync("cut off");
        await Expect(Part(olivia, "Order")).ToContainTextAsync("The laptop is gone");
        await Expect(Part(olivia, "Dead")).ToContainTextAsync("access and refresh tokens of every session with the application");
        await Expect(Part(olivia, "Ends by itself")).ToContainTextAsync(mail.Name + " until");
        await Expect(Part(olivia, "Ends by itself")).Not.ToContainTextAsync(search.Name);
        await Expect(Part(olivia, "Could not be killed")).ToContainTextAsync(search.Name);
        await Expect(Part(olivia, "Could not be killed")).ToContainTextAsync("End them at the service itself.");
        await olivia.AssertUsableAsync();
        Assert.Equal(HttpStatusCode.Unauthorized, (await CallAsync(token)).Status);
        Assert.NotEqual(HttpStatusCode.OK, (await world.Agent.ExchangeAsync(client, token, search.Name)).Status);
        Assert.Equal(HttpStatusCode.OK, (await CallAsync(others)).Status);

        var reinstate = olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Reinstate" });
        Assert.Contains("people approve and connect anew", await olivia.AnswerAsync(reinstate, accept: false), StringComparison.Ordinal);
        await Expect(olivia.Page.Locator("h1 .badge")).ToHaveTextAsync("cut off");
        await olivia.AnswerAsync(reinstate, accept: true);
        await Expect(olivia.Page.Locator("h1 .badge")).ToHaveTextAsync("reinstated");
        await Expect(Part(olivia, "Dead")).ToContainTextAsync("Nothing: it was reinstated.");
        await Expect(reinstate).ToHaveCountAsync(0);
        await olivia.AssertUsableAsync();
        Assert.Equal(HttpStatusCode.OK, (await CallAsync(await world.ApprovedAsync(client, person.Name))).Status);

        await olivia.Page.GetByRole(AriaRole.Navigation, new() { Name = "Breadcrumb" }).GetByRole(AriaRole.Link, new() { Name = "Revocation" }).ClickAsync();
        await Expect(olivia.Page.GetByRole(AriaRole.Row).Filter(new() { HasText = "Stolen agent" })).ToContainTextAsync("reinstated");
        await olivia.AssertUsableAsync();
    }

    [Fact]
    public async Task One_session_is_cut_off_by_the_id_the_trail_shows_and_the_agents_other_session_goes_on()
    {
        var client = await world.AgentAsync("Agent of two");
        await using var olivia = await world.PersonAsync("/console/revocation", name: "olivia");
        var (ended, staying) = (await world.ApprovedAsync(client, "ursula"), await world.ApprovedAsync(client, "victor"));
        var application = client["app_".Length..];
        await olivia.Page.GotoAsync(olivia.Address($"/console/audit?type=token.issued&applicationId={application}"));
        var entry = olivia.Page.Locator("#live tbody tr").Filter(new() { HasText = "ursula" }).First;
        await entry.GetByText("Details").ClickAsync();
        var session = await entry.Locator("dt:text-is('Session') + dd").TextContentAsync();

        await olivia.Page.GotoAsync(olivia.Address("/console/revocation"));
        await olivia.Page.GetByLabel("What", new() { Exact = true }).SelectOptionAsync("session");
        await olivia.Page.GetByLabel("Application").SelectOptionAsync(application);
        await olivia.Page.GetByLabel("Reason").FillAsync("Only hers");
        var cut = olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Cut off" });
        await olivia.AnswerAsync(cut, accept: true);
        await Expect(olivia.Page.GetByLabel("Session's id")).ToHaveAttributeAsync("aria-invalid", "true");
        await Expect(olivia.Page.GetByLabel("Reason")).ToHaveValueAsync("Only hers");
        await olivia.AssertUsableAsync();
        await olivia.Page.GetByLabel("Session's id").FillAsync(session!.Trim());
        await olivia.AnswerAsync(cut, accept: true);
        await Expect(Part(olivia, "Order")).ToContainTextAsync("Only hers");
        await Expect(Part(olivia, "Dead")).ToContainTextAsync("session");
        await Expect(Part(olivia, "Could not be killed")).ToContainTextAsync("Nothing is left.");
        // There is nothing to let in again: she approves anew.
        await Expect(olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Reinstate" })).ToHaveCountAsync(0);
        await olivia.AssertUsableAsync();
        Assert.Equal(HttpStatusCode.Unauthorized, (await CallAsync(ended)).Status);
        Assert.Equal(HttpStatusCode.OK, (await CallAsync(staying)).Status);
    }

    [Fact]
    public async Task A_person_is_cut_off_with_their_connections_and_connects_anew_once_let_in_again()
    {
        var service = await world.OAuthAsync("Left behind");
        var client = await world.AgentAsync("Agent of a leaver", service);
        await using var person = await world.PersonAsync("/integrations");
        await person.ConnectAsync(service);
        var token = await world.ApprovedAsync(client, person.Name);
        var id = (string)(await world.OwnerAsync(HttpMethod.Get, $"/integrations/{service.Id}/connections")).Json!["items"]![0]!["userId"]!;

        await using var olivia = await world.PersonAsync("/console/revocation", name: "olivia");
        await olivia.Page.GetByLabel("What", new() { Exact = true }).SelectOptionAsync("user");
        await Expect(olivia.Page.Locator($"datalist option[value='{id}']")).ToHaveTextAsync(person.Name);
        await olivia.Page.GetByLabel("Person's id").FillAsync(id);
        await olivia.Page.GetByLabel("End the connections too").CheckAsync();
        await olivia.AnswerAsync(olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Cut off" }), accept: true);
        await Expect(olivia.Heading).ToContainTextAsync(person.Name);
        await Expect(Part(olivia, "Order").Locator("dt:text-is('Connections ended') + dd")).ToHaveTextAsync("1");
        Assert.Equal(HttpStatusCode.Unauthorized, (await CallAsync(token)).Status);
        await person.Page.ReloadAsync();
        await Expect(person.Card(service)).ToHaveCountAsync(0);

        await olivia.AnswerAsync(olivia.Page.GetByRole(AriaRole.Button, new() { Name = "Reinstate" }), accept: true);
        await Expect(olivia.Page.Locator("h1 .badge")).ToHaveTextAsync("reinstated");
        await person.SignInAsync("/integrations");
        await person.Button(service, "Connect").ClickAsync();
        await person.Page.WaitForURLAsync(person.Address("/integrations"));
        await Expect(person.Badge(service)).ToHaveTextAsync("Valid");
        Assert.Equal(HttpStatusCode.OK, (await CallAsync(await world.ApprovedAsync(client, person.Name))).Status);
    }

    private static ILocator Part(PageOfPerson person, string name) => person.Page.GetByRole(AriaRole.Region, new() { Name = name, Exact = true });

    private Task<JsonAnswer> CallAsync(string token) => TestAgent.CallAsync(world.Server.Url, HttpMethod.Get, "/mcp/integrations", token);
}
