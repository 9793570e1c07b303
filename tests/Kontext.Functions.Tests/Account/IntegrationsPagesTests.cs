using System.Net;
using System.Text.Json.Nodes;
using AngleSharp.Dom;
using Kontext.Functions.Tests.Api;
using Kontext.Functions.Tests.Organizations;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Account;

/// <summary>The pages of a person's own connections, as a browser without scripts meets them (seed 004).</summary>
public sealed class IntegrationsPagesTests(KontextFixture kontext, Services services) : IClassFixture<Services>
{
    [Fact]
    public async Task Who_is_not_signed_in_signs_in_and_comes_back()
    {
        using var browser = new FormBrowser();
        foreach (var path in new[] { "/integrations", "/mcps" })
            Assert.Equal("/login", (await browser.OpenAsync(At(path))).Url.AbsolutePath);
        var page = await browser.SubmitAsync(await browser.OpenAsync(At("/integrations")), "Sign in", new Dictionary<string, string> { ["username"] = ApiCalls.Unique("sara") });
        Assert.Equal("/integrations", page.Url.AbsolutePath);
        Assert.Contains("Connect external OAuth providers to your account.", page.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_form_to_connect_leads_to_the_provider_by_a_page_of_its_own_and_back_to_the_list()
    {
        var (service, id) = await OAuthAsync();
        using var browser = await SignInAsync();
        var onward = await PressAsync(browser, await browser.OpenAsync(At("/integrations")), id, "Connect");
        Assert.Equal(HttpStatusCode.OK, onward.Status);
        var link = new Uri(onward.Document.QuerySelector("main a.button")!.GetAttribute("href")!);
        Assert.StartsWith(services.Idp.Issuer, link.AbsoluteUri, StringComparison.Ordinal);

        var callback = await browser.OpenAsync(await services.Idp.AuthorizeAsync(link));
        Assert.Equal($"/integrations/{service}/callback", callback.Url.AbsolutePath);
        Assert.Contains("Connecting integration…", callback.Text, StringComparison.Ordinal);
        var list = await browser.SubmitAsync(callback, "Finish connecting");
        Assert.Equal("/integrations", list.Url.AbsolutePath);
        Assert.Contains($"{service} connected.", list.Text, StringComparison.Ordinal);
        Assert.Equal("Valid", Card(list, id).QuerySelector(".badge")!.TextContent.Trim());
        Assert.Contains("alice@example.test", Card(list, id).TextContent, StringComparison.Ordinal);

        var asked = await PressAsync(browser, list, id, "Disconnect");
        Assert.Contains($"Disconnect {service}?", asked.Text, StringComparison.Ordinal);
        Assert.Equal("Valid", Card(await browser.OpenAsync(At("/integrations")), id).QuerySelector(".badge")!.TextContent.Trim());
        var gone = await browser.SubmitAsync(asked, "Disconnect");
        Assert.Contains($"{service} is disconnected.", gone.Text, StringComparison.Ordinal);
        Assert.Null(Card(gone, id).QuerySelector(".badge"));
    }

    [Fact]
    public async Task A_refusal_at_the_provider_is_said_at_once_and_spends_the_answer()
    {
        var (service, id) = await OAuthAsync();
        using var browser = await SignInAsync();
        var state = await StateAsync(browser, id);
        var refused = await browser.OpenAsync(At($"/oauth/callback?error=access_denied&state={state}&iss={Uri.EscapeDataString(services.Idp.Issuer)}"));
        Assert.Equal((HttpStatusCode.BadRequest, $"/integrations/{service}/callback"), (refused.Status, refused.Url.AbsolutePath));
        Assert.Contains("Failed to connect integration", refused.Text, StringComparison.Ordinal);
        Assert.Contains("Access was not allowed", refused.Text, StringComparison.Ordinal);
        Assert.Equal("/integrations", refused.Document.QuerySelector("main a.button")!.GetAttribute("href"));
        Assert.Contains("was used before", (await browser.OpenAsync(refused.Url)).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_provider_writes_is_never_part_of_the_page()
    {
        var (_, id) = await OAuthAsync();
        using var browser = await SignInAsync();
        var state = await StateAsync(browser, id);
        var page = await browser.OpenAsync(At($"/oauth/callback?error=server_error&error_description={Uri.EscapeDataString("<b>call 555-1234</b>")}&state={state}&iss={Uri.EscapeDataString(services.Idp.Issuer)}"));
        Assert.Contains("has trouble right now", page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("555-1234", page.Document.DocumentElement.OuterHtml, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("code=a&code=b&state=x")]
    [InlineData("state=x")]
    [InlineData("")]
    public async Task An_answer_that_is_none_fails_with_a_way_back(string query)
    {
        var (service, _) = await OAuthAsync();
        using var browser = await SignInAsync();
        var page = await browser.OpenAsync(At($"/integrations/{service}/callback?{query}"));
        Assert.Equal(HttpStatusCode.BadRequest, page.Status);
        Assert.Contains("Failed to connect integration", page.Text, StringComparison.Ordinal);
        Assert.Contains("Back to integrations", page.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("connect")]
    [InlineData("validate")]
    [InlineData("disconnect")]
    [InlineData("token")]
    [InlineData("callback")]
    public async Task A_form_without_the_pages_token_does_nothing(string action)
    {
        var (service, id) = await OAuthAsync();
        using var browser = await SignInAsync();
        var page = await browser.OpenAsync(At("/integrations"));
        var form = (AngleSharp.Html.Dom.IHtmlFormElement)Card(page, id).QuerySelector("form")!;
        form.SetAttribute("action", $"/integrations/{service}/{action}");
        var answer = await browser.SubmitAsync(page, form.QuerySelector("button")!, new Dictionary<string, string> { ["csrf"] = "forged" });
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.Contains("out of date", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_service_that_went_away_meanwhile_is_said_to_be_gone()
    {
        var (_, id) = await OAuthAsync();
        using var browser = await SignInAsync();
        var page = await browser.OpenAsync(At("/integrations"));
        await kontext.Agent.ApiAsync(HttpMethod.Delete, $"/integrations/{id}", kontext.OwnerToken);
        var answer = await PressAsync(browser, page, id, "Connect");
        Assert.Equal("/integrations", answer.Url.AbsolutePath);
        Assert.Contains("no longer offered", answer.Document.QuerySelector("[role=alert]")!.TextContent, StringComparison.Ordinal);
        Assert.Null(answer.Document.QuerySelector($"#card-{id}"));
    }

    [Fact]
    public async Task Credential_fields_are_asked_for_by_name_and_stored_together()
    {
        var id = await kontext.IntegrationAsync("user_token", new JsonObject
        {
            ["category"] = "internal_mcp_credentials", ["credentialSchema"] = new JsonObject { ["apiKey"] = "string", ["site"] = "string" },
        });
        using var browser = await SignInAsync();
        var page = await browser.OpenAsync(At("/integrations"));
        Assert.Equal(["Api key", "Site"], Card(page, id).QuerySelectorAll("label").Select(label => label.TextContent));
        page = await PressAsync(browser, page, id, "Connect", new Dictionary<string, string> { ["field:apiKey"] = "k" });
        Assert.Contains("was not connected. Site: Has to have 1 to", page.Document.QuerySelector("[role=alert]")!.TextContent, StringComparison.Ordinal);
        page = await PressAsync(browser, page, id, "Connect", new Dictionary<string, string> { ["field:apiKey"] = "secret-key", ["field:site"] = "s" });
        Assert.NotNull(Card(page, id).QuerySelector(".badge"));
        Assert.DoesNotContain("secret-key", page.Document.DocumentElement.OuterHtml, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_credential_field_says_what_belongs_into_it_and_is_seen_only_where_the_schema_calls_it_text()
    {
        var id = await kontext.IntegrationAsync("user_token", new JsonObject
        {
            ["category"] = "internal_mcp_credentials", ["tokenHelpUrl"] = "https://tracker.example.com/keys",
            ["credentialSchema"] = new JsonObject { ["account"] = "The name you sign in with", ["apiKey"] = "string", ["site"] = "text: The name before .example.com", ["zone"] = "text" },
        });
        using var browser = await SignInAsync();
        var page = await browser.OpenAsync(At("/integrations"));
        var card = Card(page, id);
        Assert.Equal(["password", "password", "text", "text"], card.QuerySelectorAll("input[name^='field:']").Select(input => input.GetAttribute("type")));
        string? Hint(string field) => card.QuerySelector($"input[name='field:{field}']")!.GetAttribute("aria-describedby") is { } hint ? page.Document.GetElementById(hint)!.TextContent : null;
        Assert.Equal(("The name you sign in with", null, "The name before .example.com", null), (Hint("account"), Hint("apiKey"), Hint("site"), Hint("zone")));
        Assert.Equal("https://tracker.example.com/keys", card.QuerySelector("a[target=_blank]")!.GetAttribute("href"));
    }

    [Fact]
    public async Task The_page_may_run_our_own_scripts_and_call_nobody_but_us()
    {
        using var answer = await kontext.Server.Http.GetAsync(new Uri("/", UriKind.Relative));
        Assert.StartsWith(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
            answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        using var browser = await SignInAsync();
        var page = await browser.OpenAsync(At("/integrations"));
        Assert.Empty(page.Document.QuerySelectorAll("script:not([src^='/assets/']), [style], [onclick]"));
        foreach (var script in page.Document.QuerySelectorAll("script").Select(script => script.GetAttribute("src")!))
        {
            using var asset = await kontext.Server.Http.GetAsync(new Uri(script, UriKind.Relative));
            Assert.Equal(("text/javascript", "public, max-age=31536000, immutable"), (asset.Content.Headers.ContentType!.MediaType, string.Join(", ", asset.Headers.GetValues("Cache-Control"))));
        }
    }

    [Fact]
    public async Task A_server_that_needs_a_connection_says_so_and_links_to_its_card()
    {
        var id = await kontext.IntegrationAsync("user_token");
        var open = await kontext.IntegrationAsync("none");
        using var browser = await SignInAsync();
        var page = await browser.OpenAsync(At("/mcps"));
        var server = page.Document.QuerySelector($"section[aria-labelledby='server-{id}']")!;
        Assert.Contains("Connection needed", server.TextContent, StringComparison.Ordinal);
        Assert.Equal($"/integrations#card-{id}", server.QuerySelector("a")!.GetAttribute("href"));
        Assert.Contains("Ready", page.Document.QuerySelector($"section[aria-labelledby='server-{open}']")!.TextContent, StringComparison.Ordinal);
    }

    private async Task<(string Name, string Id)> OAuthAsync()
    {
        var id = await kontext.IntegrationAsync("oauth", services.OAuth());
        return ((string)(await kontext.Agent.ApiAsync(HttpMethod.Get, $"/integrations/{id}", kontext.OwnerToken)).Json!["integration"]!["name"]!, id);
    }

    private async Task<FormBrowser> SignInAsync()
    {
        var browser = new FormBrowser();
        await browser.SubmitAsync(await browser.OpenAsync(At("/login")), "Sign in", new Dictionary<string, string> { ["username"] = ApiCalls.Unique("paula") });
        return browser;
    }

    /// <summary>The state of an authorization that the person began.</summary>
    private async Task<string> StateAsync(FormBrowser browser, string id)
    {
        var onward = await PressAsync(browser, await browser.OpenAsync(At("/integrations")), id, "Connect");
        return System.Web.HttpUtility.ParseQueryString(new Uri(onward.Document.QuerySelector("main a.button")!.GetAttribute("href")!).Query)["state"]!;
    }

    private static Task<BrowserPage> PressAsync(FormBrowser browser, BrowserPage page, string id, string button, IReadOnlyDictionary<string, string>? fields = null) =>
        browser.SubmitAsync(page, Card(page, id).QuerySelectorAll("button").Single(candidate => candidate.TextContent.Trim() == button), fields);

    private static IElement Card(BrowserPage page, string id) => page.Document.QuerySelector($"#card-{id}") ?? throw new InvalidOperationException($"No card: {page.Text}");

    private Uri At(string path) => new(kontext.Server.Url, path);
}
