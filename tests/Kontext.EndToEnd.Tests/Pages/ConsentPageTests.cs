using System.Text.Json.Nodes;
using Kontext.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Pages;

/// <summary>What an agent asks of a person before it can do anything: by redirect, by a code from another device, by a link to connect; in a real browser.</summary>
public sealed class ConsentPageTests(PagesWorld world) : IClassFixture<PagesWorld>
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_denies_is_sent_back_with_the_refusal_and_nothing_is_approved(bool javaScript)
    {
        var service = await world.OfferAsync($"stripe{Guid.NewGuid():N}"[..14], "none", new JsonObject { ["capabilities"] = new JsonArray("list_charges", "refund") });
        var name = javaScript ? "Billing agent" : "Refund agent";
        var client = await world.AgentAsync(name, service);
        await using var person = await world.PersonAsync("/sessions", new() { JavaScriptEnabled = javaScript });
        await person.Page.RouteAsync(TestAgent.RedirectUri + "**", route => route.FulfillAsync(new() { Body = "back at the agent" }));
        await person.Page.GotoAsync(world.Agent.AuthorizeUrl(client, world.Agent.Gateway).Url.AbsoluteUri);
        await Expect(person.Heading).ToContainTextAsync(name);
        await Expect(person.Page.GetByText(service.Name)).ToBeVisibleAsync();
        if (javaScript)
            await person.AssertAccessibleAsync();
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Deny" }).ClickAsync();
        await person.Page.WaitForURLAsync(TestAgent.RedirectUri + "**");
        Assert.Contains("error=access_denied", person.Page.Url, StringComparison.Ordinal);
        await person.Page.GotoAsync(person.Address("/sessions"));
        await Expect(person.Page.GetByText("No agent can act for you")).ToBeVisibleAsync();
        await world.WithdrawAsync(service);
    }

    [Fact]
    public async Task A_decision_under_way_says_so_and_is_not_sent_twice()
    {
        var client = await world.AgentAsync("Slow agent");
        await using var person = await world.PersonAsync("/sessions");
        await person.Page.GotoAsync(world.Agent.AuthorizeUrl(client, world.Agent.Gateway).Url.AbsoluteUri);
        var allow = person.Page.GetByRole(AriaRole.Button, new() { Name = "Allow" });
        var decisions = 0;
        person.Page.Request += (_, request) => decisions += request.Method == "POST" ? 1 : 0;
        // All of it before the browser goes: Deny, which is pressed next, would take the place of Allow.
        var returned = await person.Page.RunAndWaitForRequestAsync(
            async () => Assert.Equal("true", await allow.EvaluateAsync<string>("button => { button.click(); const busy = button.ariaBusy; for (const other of document.querySelectorAll('main button')) other.click(); return busy; }")),
            request => request.Url.StartsWith(TestAgent.RedirectUri, StringComparison.Ordinal));
        Assert.Contains("code=", returned.Url, StringComparison.Ordinal);
        Assert.Equal(1, decisions);
    }

    [Fact]
    public async Task A_request_for_a_consent_that_cannot_be_trusted_leads_nowhere_else()
    {
        await using var person = await world.PersonAsync("/sessions");
        var address = world.Agent.AuthorizeUrl(await world.AgentAsync("Odd agent"), world.Agent.Gateway).Url.AbsoluteUri.Replace("53123", "53999%2Felsewhere", StringComparison.Ordinal);
        var answer = await person.Page.GotoAsync(address);
        Assert.Equal(400, answer!.Status);
        await Expect(person.Heading).ToBeVisibleAsync();
        Assert.StartsWith(person.Address("/"), person.Page.Url, StringComparison.Ordinal);
        await person.AssertAccessibleAsync();
    }

    [Fact]
    public async Task An_agent_on_another_device_is_let_in_by_its_code()
    {
        var client = await world.AgentAsync("Headless agent");
        await using var person = await world.PersonAsync("/device");
        await Expect(person.Heading).ToHaveTextAsync("Let in an agent that runs elsewhere");
        await person.AssertAccessibleAsync();
        await person.Page.GetByLabel("Code").FillAsync("BCDF-GHJK");
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Continue" }).ClickAsync();
        await Expect(person.Page.GetByRole(AriaRole.Alert)).ToBeVisibleAsync();
        await person.AssertAccessibleAsync();

        await EnterAsync(person, await CodeAsync(client));
        await person.AssertAccessibleAsync();
        // The browser does not let the form go before the person says that they started the agent.
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Allow" }).ClickAsync();
        await Expect(person.Heading).ToContainTextAsync("is requesting access");
        await person.Page.GetByText("I started this agent myself").ClickAsync();
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Allow" }).ClickAsync();
        await Expect(person.Heading).ToHaveTextAsync("Headless agent may act for you");
        await person.AssertAccessibleAsync();

        await person.Page.GotoAsync(person.Address("/device"));
        await EnterAsync(person, await CodeAsync(client));
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Deny" }).ClickAsync();
        await Expect(person.Heading).ToHaveTextAsync("You refused");
        await person.AssertAccessibleAsync();
    }

    [Fact]
    public async Task A_link_to_connect_takes_a_token_and_one_that_is_over_says_so()
    {
        var service = await world.OfferAsync($"notes{Guid.NewGuid():N}"[..14], "user_token", new JsonObject { ["tokenLabel"] = "Notes key" });
        var client = await world.AgentAsync("Note taker", service);
        await using var person = await world.PersonAsync("/integrations");
        var token = await world.ApprovedAsync(client, person.Name);
        var link = (string)(await TestAgent.CallAsync(world.Server.Url, HttpMethod.Post, "/mcp/connect-session", token, new JsonObject())).Json!["connectUrl"]!;
        await person.Page.GotoAsync(link);
        await Expect(person.Page.GetByText("Note taker").First).ToBeVisibleAsync();
        await person.AssertAccessibleAsync();
        await person.Page.GetByLabel("Notes key").FillAsync("nk_123456");
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Save token" }).ClickAsync();
        await Expect(person.Page.GetByText("nk_123456")).ToHaveCountAsync(0);
        await person.AssertAccessibleAsync();

        // Handles that ended and handles that never were are the same to the page.
        var over = await person.Page.GotoAsync(link[..^4] + "0000");
        Assert.Equal(404, over!.Status);
        await Expect(person.Page.GetByText("not valid any more")).ToBeVisibleAsync();
        await person.AssertAccessibleAsync();
        await world.WithdrawAsync(service);
    }

    [Fact]
    public async Task Going_back_and_forward_after_disconnecting_connects_nothing_again()
    {
        var service = await world.OAuthAsync("Upstream");
        await using var person = await world.PersonAsync("/integrations");
        person.WhenAsked(accept: true);
        await person.ConnectAsync(service);
        await person.Page.GotoAsync(person.Address("/mcps"));
        await person.Page.GotoAsync(person.Address("/integrations"));
        await person.Button(service, "Disconnect").ClickAsync();
        await Expect(person.Button(service, "Connect")).ToBeVisibleAsync();
        await person.Page.GoBackAsync();
        await Expect(person.Heading).ToHaveTextAsync("MCP servers");
        await person.Page.GoForwardAsync();
        await Expect(person.Button(service, "Connect")).ToBeVisibleAsync();
        await Expect(person.Badge(service)).ToHaveCountAsync(0);
    }

    private async Task<string> CodeAsync(string client)
    {
        using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["client_id"] = client });
        using var answer = await world.Server.Http.PostAsync(new Uri("/oauth2/device/authorize", UriKind.Relative), form, TestContext.Current.CancellationToken);
        return (string)JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!["user_code"]!;
    }

    private static async Task EnterAsync(PageOfPerson person, string code)
    {
        await person.Page.GetByLabel("Code").FillAsync(code);
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Continue" }).ClickAsync();
        await Expect(person.Heading).ToContainTextAsync("is requesting access");
    }
}
