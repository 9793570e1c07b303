using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Kontext.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Kontext.EndToEnd.Tests.Pages;

/// <summary>A link to connect whose quarter of an hour is over: what storage tells of its end is set back, since no test waits that long.</summary>
public sealed partial class ExpiredLinkTests(AzuriteFixture azurite)
{
    [Fact]
    public async Task A_link_that_ended_says_so_opened_anew_as_well_as_in_a_form_that_was_open_before()
    {
        await using var installation = await Installation.CreateAsync(azurite);
        await using var storage = await Wire.OpenAsync(installation.Tables);
        var server = await installation.StartAsync(storage.Address);
        var agent = new TestAgent(server.Url);
        var service = await PagesWorld.OfferAsync(server, await agent.ManagementTokenAsync("olivia"), "notes", "user_token", new JsonObject { ["tokenLabel"] = "Notes key", ["attachByDefault"] = true });
        using var playwright = await Playwright.CreateAsync();
        await using var chromium = await playwright.Chromium.LaunchAsync(PagesWorld.Options());
        await using var context = await chromium.NewContextAsync();
        await using var person = new PageOfPerson(server, context, await context.NewPageAsync(), "olivia");
        await person.SignInAsync("/integrations");
        using var browser = new FormBrowser();
        var registered = await TestAgent.CallAsync(server.Url, HttpMethod.Post, "/oauth2/register", null, new JsonObject { ["client_name"] = "Note taker", ["redirect_uris"] = new JsonArray(TestAgent.RedirectUri), ["token_endpoint_auth_method"] = "none" });
        var token = (await agent.AuthorizeAsync(browser, registered["client_id"]!, "olivia", agent.Gateway))["access_token"];
        var link = (await TestAgent.CallAsync(server.Url, HttpMethod.Post, "/mcp/connect-session", token, new JsonObject()))["connectUrl"]!;
        await person.Page.GotoAsync(link);
        await person.Page.GetByLabel("Notes key").FillAsync("nk_123456");

        storage.Rule = async (request, pass) =>
        {
            var answer = await pass();
            return request.Target.Contains("connectsessions", StringComparison.Ordinal)
                ? answer with { Body = Encoding.UTF8.GetBytes(End().Replace(Encoding.UTF8.GetString(answer.Body), "${name}2020-01-01T00:00:00+00:00")) }
                : answer;
        };
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Save token" }).ClickAsync();
        await Expect(person.Page.GetByText("This connect link is not valid any more. Ask the agent for a new one.")).ToBeVisibleAsync();
        await person.AssertAccessibleAsync();
        var answer = await person.Page.GotoAsync(link);
        Assert.Equal(404, answer!.Status);
        await Expect(person.Heading).ToHaveTextAsync("There is nothing here");
        await Expect(person.Page.GetByText("This connect link is not valid any more. Ask the agent for a new one.")).ToBeVisibleAsync();

        // What was entered in the form that was too late is nowhere.
        await person.Page.GotoAsync(person.Address("/integrations"));
        await Expect(person.Badge(service)).ToHaveCountAsync(0);
        await Expect(person.Button(service, "Connect")).ToBeVisibleAsync();
    }

    // In the answer the document is a text, with its quotation marks escaped.
    [GeneratedRegex("""(?<name>expiresAt(\\u0022|\\"):(\\u0022|\\"))[^\\]+""")]
    private static partial Regex End();
}
