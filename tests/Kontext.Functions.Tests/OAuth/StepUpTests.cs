using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>An agent that asks for more than it was allowed: the person is asked for the difference only.</summary>
public sealed class StepUpTests(KontextFixture kontext)
{
    private readonly TestAgent agent = kontext.Agent;

    [Fact]
    public async Task A_wider_request_asks_only_for_what_is_new_and_keeps_what_was_allowed()
    {
        var (client, first, second) = await AgentWithTwoServicesAsync();
        using var browser = new FormBrowser();
        Assert.Equal(HttpStatusCode.OK, (await agent.AuthorizeAsync(browser, client, "walter", At(first.Name))).Status);

        var page = await browser.OpenAsync(agent.AuthorizeUrl(client, agent.Gateway).Url);
        Assert.Contains("requesting more access", page.Text, StringComparison.Ordinal);
        Assert.Equal([second.Id], Asked(page));
        Assert.Contains($"Use {first.Name} in your name", page.Document.QuerySelector(".before")!.TextContent, StringComparison.Ordinal);

        var tokens = await agent.AuthorizeAsync(browser, client, "walter", agent.Gateway);
        // Both are approved: each fails for want of a connection only, which comes after policy.
        Assert.Equal("integration_required", (await agent.ExchangeAsync(client, tokens["access_token"]!, first.Name))["error"]);
        Assert.Equal("integration_required", (await agent.ExchangeAsync(client, tokens["access_token"]!, second.Name))["error"]);
    }

    [Fact]
    public async Task A_new_service_left_out_stays_out_while_the_old_one_stays_in()
    {
        var (client, first, second) = await AgentWithTwoServicesAsync();
        using var browser = new FormBrowser();
        await agent.AuthorizeAsync(browser, client, "walter", At(first.Name));
        var (url, verifier) = agent.AuthorizeUrl(client, agent.Gateway);
        var page = await browser.OpenAsync(url);
        ((AngleSharp.Html.Dom.IHtmlInputElement)page.Document.QuerySelector("input[name=integration]")!).IsChecked = false;
        page = await browser.SubmitAsync(page, "Allow", null, _ => true);
        var tokens = await RedeemAsync(client, page, verifier);
        Assert.Equal("integration_required", (await agent.ExchangeAsync(client, tokens["access_token"]!, first.Name))["error"]);
        Assert.Equal("kontext_policy_denied", (await agent.ExchangeAsync(client, tokens["access_token"]!, second.Name))["code"]);
    }

    [Fact]
    public async Task Refusing_the_difference_leaves_the_first_session_alone()
    {
        var (client, first, _) = await AgentWithTwoServicesAsync();
        using var browser = new FormBrowser();
        var tokens = await agent.AuthorizeAsync(browser, client, "walter", At(first.Name));
        var returned = await TestAgent.DecideAsync(browser, agent.AuthorizeUrl(client, agent.Gateway).Url, "walter", "Deny");
        Assert.Equal("access_denied", returned["error"]);
        Assert.Equal("integration_required", (await agent.ExchangeAsync(client, tokens["access_token"]!, first.Name))["error"]);
    }

    [Fact]
    public async Task A_request_for_no_more_than_before_asks_for_everything_as_it_begins_another_session()
    {
        var (client, first, second) = await AgentWithTwoServicesAsync();
        using var browser = new FormBrowser();
        await agent.AuthorizeAsync(browser, client, "walter", agent.Gateway);
        var page = await browser.OpenAsync(agent.AuthorizeUrl(client, agent.Gateway).Url);
        Assert.Equal([first.Id, second.Id], Asked(page));
        Assert.Null(page.Document.QuerySelector(".before"));
    }

    [Fact]
    public async Task Prompt_consent_asks_for_everything()
    {
        var (client, first, second) = await AgentWithTwoServicesAsync();
        using var browser = new FormBrowser();
        await agent.AuthorizeAsync(browser, client, "walter", At(first.Name));
        var page = await browser.OpenAsync(agent.AuthorizeUrl(client, agent.Gateway, more: new Dictionary<string, string> { ["prompt"] = "consent" }).Url);
        Assert.Equal([first.Id, second.Id], Asked(page));
    }

    [Fact]
    public async Task What_one_person_allowed_is_asked_of_another()
    {
        var (client, first, second) = await AgentWithTwoServicesAsync();
        using var walter = new FormBrowser();
        await agent.AuthorizeAsync(walter, client, "walter", At(first.Name));
        using var wilma = new FormBrowser();
        var page = await wilma.OpenAsync(agent.AuthorizeUrl(client, agent.Gateway).Url);
        page = await wilma.SubmitAsync(page, "Sign in", new Dictionary<string, string> { ["username"] = "wilma" });
        Assert.Equal([first.Id, second.Id], Asked(page));
    }

    [Fact]
    public async Task An_approval_that_was_ended_counts_no_more_even_for_a_page_shown_before()
    {
        var (client, first, _) = await AgentWithTwoServicesAsync();
        using var browser = new FormBrowser();
        await agent.AuthorizeAsync(browser, client, "walter", At(first.Name));
        var (url, verifier) = agent.AuthorizeUrl(client, agent.Gateway);
        var page = await browser.OpenAsync(url);
        var sessions = await browser.OpenAsync(new Uri(kontext.Server.Url, "/sessions"));
        await browser.SubmitAsync(sessions, sessions.Document.QuerySelector("button.danger")!.TextContent);
        page = await browser.SubmitAsync(page, "Allow", null, _ => true);
        var tokens = await RedeemAsync(client, page, verifier);
        Assert.Equal("kontext_policy_denied", (await agent.ExchangeAsync(client, tokens["access_token"]!, first.Name))["code"]);
    }

    private static IReadOnlyList<string> Asked(BrowserPage page) =>
        [.. page.Document.QuerySelectorAll("input[name=integration]").Select(input => input.GetAttribute("value")!)];

    private string At(string integration) => $"{agent.Gateway}/{integration}";

    private Task<JsonAnswer> RedeemAsync(string client, BrowserPage page, string verifier) => agent.TokenAsync(new()
    {
        ["grant_type"] = "authorization_code",
        ["client_id"] = client,
        ["code"] = Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(page.Location!.Query)["code"].ToString(),
        ["redirect_uri"] = TestAgent.RedirectUri,
        ["code_verifier"] = verifier,
    });

    private async Task<(string Client, (string Id, string Name) First, (string Id, string Name) Second)> AgentWithTwoServicesAsync()
    {
        var (id, _) = await kontext.ApplicationAsync();
        var first = await ServiceAsync();
        var second = await ServiceAsync();
        await agent.ApiAsync(HttpMethod.Put, $"/applications/{id}/integrations", kontext.OwnerToken, new JsonObject { ["integrationIds"] = new JsonArray(first.Id, second.Id) });
        return ("app_" + id, first, second);
    }

    private async Task<(string Id, string Name)> ServiceAsync()
    {
        var id = await kontext.IntegrationAsync("user_token");
        var integration = await agent.ApiAsync(HttpMethod.Get, $"/integrations/{id}", kontext.OwnerToken);
        return (id, (string)integration.Json!["integration"]!["name"]!);
    }
}
