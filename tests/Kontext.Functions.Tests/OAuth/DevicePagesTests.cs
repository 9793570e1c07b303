using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>The pages on which a person lets in an agent that runs elsewhere.</summary>
public sealed class DevicePagesTests(KontextFixture kontext)
{
    private readonly DeviceFlow flow = new(kontext.Server.Url);

    [Fact]
    public async Task The_code_in_the_link_survives_the_sign_in_and_waits_for_the_person()
    {
        var started = await StartAsync();
        using var browser = new FormBrowser();
        var page = await flow.OpenAsync(browser, "erna", new Uri(started["verification_uri_complete"]!).PathAndQuery);
        Assert.Equal(started["user_code"], page.Document.QuerySelector("input[name=user_code]")!.GetAttribute("value"));
        Assert.Contains("Go on only if your agent shows the same one", page.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("lower")]
    [InlineData("plain")]
    [InlineData("spaced")]
    public async Task A_code_is_found_however_it_is_typed(string how)
    {
        var code = (await StartAsync())["user_code"]!;
        var typed = how switch { "lower" => code.ToLowerInvariant(), "plain" => code.Replace("-", "", StringComparison.Ordinal), _ => " " + string.Join(' ', code.ToCharArray()) };
        using var browser = new FormBrowser();
        var page = await flow.ConsentAsync(browser, how, typed);
        Assert.Contains("This agent runs on another device", page.Text, StringComparison.Ordinal);
        Assert.Contains(code, page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("Returns you to", page.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_is_allowed_until_the_person_says_that_they_started_the_agent()
    {
        var (client, started) = await StartWithClientAsync();
        using var browser = new FormBrowser();
        var consent = await flow.ConsentAsync(browser, "erna", started["user_code"]!);
        var again = await browser.SubmitAsync(consent, "Allow");
        Assert.Equal(HttpStatusCode.BadRequest, again.Status);
        Assert.Contains("Nothing was allowed yet", again.Text, StringComparison.Ordinal);
        Assert.Equal("authorization_pending", (await flow.PollAsync(client, started["device_code"]!))["error"]);

        await DeviceFlow.DecideAsync(browser, again);
        Assert.Equal(HttpStatusCode.OK, (await flow.PollAsync(client, started["device_code"]!)).Status);
    }

    [Fact]
    public async Task Only_the_services_left_ticked_are_approved()
    {
        var (id, _) = await kontext.ApplicationAsync();
        var (kept, left) = (await ServiceAsync(), await ServiceAsync());
        await kontext.Agent.ApiAsync(HttpMethod.Put, $"/applications/{id}/integrations", kontext.OwnerToken, new JsonObject { ["integrationIds"] = new JsonArray(kept.Id, left.Id) });
        var started = await flow.StartAsync("app_" + id);
        using var browser = new FormBrowser();
        var consent = await flow.ConsentAsync(browser, "erna", started["user_code"]!);
        ((AngleSharp.Html.Dom.IHtmlInputElement)consent.Document.QuerySelector($"input[value='{left.Id}']")!).IsChecked = false;
        await DeviceFlow.DecideAsync(browser, consent);
        var token = (await flow.PollAsync("app_" + id, started["device_code"]!))["access_token"]!;
        Assert.Equal("integration_required", (await kontext.Agent.ExchangeAsync("app_" + id, token, kept.Name))["error"]);
        Assert.Equal("kontext_policy_denied", (await kontext.Agent.ExchangeAsync("app_" + id, token, left.Name))["code"]);
    }

    [Fact]
    public async Task A_code_is_decided_once()
    {
        var (client, started) = await StartWithClientAsync();
        using var browser = new FormBrowser();
        var first = await flow.ConsentAsync(browser, "erna", started["user_code"]!);
        using var elsewhere = new FormBrowser();
        var second = await flow.ConsentAsync(elsewhere, "emil", started["user_code"]!);
        await browser.SubmitAsync(first, "Deny");
        Assert.Equal(HttpStatusCode.BadRequest, (await DeviceFlow.DecideAsync(elsewhere, second)).Status);
        Assert.Equal("access_denied", (await flow.PollAsync(client, started["device_code"]!))["error"]);
    }

    [Fact]
    public async Task A_form_from_another_page_is_refused()
    {
        var (client, started) = await StartWithClientAsync();
        using var browser = new FormBrowser();
        var page = await flow.OpenAsync(browser, "erna");
        var forged = await browser.SubmitAsync(page, "Continue", new Dictionary<string, string> { ["user_code"] = started["user_code"]!, ["csrf"] = "x" });
        Assert.Equal(HttpStatusCode.BadRequest, forged.Status);
        Assert.DoesNotContain("requesting access", forged.Text, StringComparison.Ordinal);

        var consent = await DeviceFlow.EnterAsync(browser, page, started["user_code"]!);
        ((AngleSharp.Html.Dom.IHtmlInputElement)consent.Document.QuerySelector("input[name=started]")!).IsChecked = true;
        Assert.Equal(HttpStatusCode.BadRequest, (await browser.SubmitAsync(consent, "Allow", new Dictionary<string, string> { ["csrf"] = "x" })).Status);
        Assert.Equal("authorization_pending", (await flow.PollAsync(client, started["device_code"]!))["error"]);
    }

    [Fact]
    public async Task Five_wrong_codes_close_the_form_for_this_browser_even_to_the_right_one()
    {
        var started = await StartAsync();
        using var browser = new FormBrowser();
        var page = await flow.OpenAsync(browser, "guesser-one");
        for (var wrong = 0; wrong < 5; wrong++)
        {
            var refused = await DeviceFlow.EnterAsync(browser, page, "BCDF-GHJK");
            Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
            Assert.Contains("No agent is waiting with this code", refused.Text, StringComparison.Ordinal);
        }
        var closed = await DeviceFlow.EnterAsync(browser, page, started["user_code"]!);
        Assert.Equal(HttpStatusCode.TooManyRequests, closed.Status);
        Assert.Contains("Too many wrong codes were entered", closed.Text, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await DeviceFlow.EnterAsync(browser, page, started["user_code"]!)).Status);
        var events = await kontext.Agent.ApiAsync(HttpMethod.Get, "/audit/events?type=user.consent&limit=200", kontext.OwnerToken);
        Assert.Single(events.Json!["items"]!.AsArray(), entry => (string?)entry!["errorType"] == "too_many_user_codes" && (string?)entry["user"]!["name"] == "guesser-one");
    }

    [Fact]
    public async Task Ten_wrong_codes_close_it_for_the_person_in_every_browser()
    {
        for (var browsers = 0; browsers < 2; browsers++)
        {
            using var browser = new FormBrowser();
            var page = await flow.OpenAsync(browser, "guesser-two");
            for (var wrong = 0; wrong < 5; wrong++)
                Assert.Equal(HttpStatusCode.BadRequest, (await DeviceFlow.EnterAsync(browser, page, "BCDF-GHJK")).Status);
        }
        Assert.Equal(HttpStatusCode.TooManyRequests, (await flow.ConsentAsync(new FormBrowser(), "guesser-two", "BCDF-GHJK")).Status);
    }

    [Fact]
    public async Task Many_guesses_at_once_gain_nothing()
    {
        using var browser = new FormBrowser();
        var page = await flow.OpenAsync(browser, "guesser-three");
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => DeviceFlow.EnterAsync(browser, page, "BCDF-GHJK")));
        Assert.Equal(5, answers.Count(answer => answer.Status == HttpStatusCode.BadRequest));
        Assert.Equal(15, answers.Count(answer => answer.Status == HttpStatusCode.TooManyRequests));
    }

    [Fact]
    public async Task Right_codes_and_slips_do_not_count()
    {
        using var browser = new FormBrowser();
        var page = await flow.OpenAsync(browser, "careful");
        for (var times = 0; times < 7; times++)
        {
            Assert.Equal(HttpStatusCode.BadRequest, (await DeviceFlow.EnterAsync(browser, page, "BCD")).Status);
            Assert.Equal(HttpStatusCode.OK, (await DeviceFlow.EnterAsync(browser, page, (await StartAsync())["user_code"]!)).Status);
        }
    }

    [Theory]
    [InlineData("<script>alert(1)</script>")]
    [InlineData("\"><img src=x onerror=alert(1)>")]
    [InlineData("Your bank</title></bdi></strong>")]
    [InlineData("Agent\u0000", false)]
    [InlineData("\u202egnihtemos", false)]
    public async Task An_agents_name_is_text_and_nothing_else(string name, bool registrable = true)
    {
        var registered = await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Post, "/oauth2/register", null, new JsonObject
        {
            ["client_name"] = name,
            ["token_endpoint_auth_method"] = "none",
            ["grant_types"] = new JsonArray(DeviceFlow.Grant),
        });
        Assert.Equal(registrable ? HttpStatusCode.Created : HttpStatusCode.BadRequest, registered.Status);
        if (!registrable)
            return;
        var started = await flow.StartAsync(registered["client_id"]!);
        using var browser = new FormBrowser();
        var consent = await flow.ConsentAsync(browser, "erna", started["user_code"]!);
        Assert.Equal(name, consent.Document.QuerySelector("h1 bdi")!.TextContent);
        Assert.Contains("Nobody vouches for this agent", consent.Text, StringComparison.Ordinal);
        var done = await DeviceFlow.DecideAsync(browser, consent);
        Assert.Equal(name, done.Document.QuerySelector("h1 bdi")!.TextContent);
        Assert.All([consent, done], page => Assert.Empty(page.Document.QuerySelectorAll("script:not([src^='/assets/']), main img")));
    }

    [Fact]
    public async Task What_was_typed_comes_back_as_text()
    {
        using var browser = new FormBrowser();
        var page = await DeviceFlow.EnterAsync(browser, await flow.OpenAsync(browser, "erna"), "\"><script>1</script>");
        Assert.Equal("\"><script>1</script>", page.Document.QuerySelector("input[name=user_code]")!.GetAttribute("value"));
        Assert.Empty(page.Document.QuerySelectorAll("script:not([src^='/assets/'])"));
    }

    private async Task<JsonAnswer> StartAsync() => (await StartWithClientAsync()).Started;

    private async Task<(string Client, JsonAnswer Started)> StartWithClientAsync()
    {
        var client = "app_" + (await kontext.ApplicationAsync()).Id;
        return (client, await flow.StartAsync(client));
    }

    private async Task<(string Id, string Name)> ServiceAsync()
    {
        var id = await kontext.IntegrationAsync("user_token");
        return (id, (string)(await kontext.Agent.ApiAsync(HttpMethod.Get, $"/integrations/{id}", kontext.OwnerToken)).Json!["integration"]!["name"]!);
    }
}
