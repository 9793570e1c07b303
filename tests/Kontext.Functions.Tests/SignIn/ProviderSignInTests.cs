using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.OAuth;
using Kontext.Testing;
using Microsoft.AspNetCore.WebUtilities;

namespace Kontext.Functions.Tests.SignIn;

/// <summary>People sign in through an OpenID Connect provider, from their browser to what their agents get.</summary>
public sealed class ProviderSignInTests(ProviderFixture fixture) : IClassFixture<ProviderFixture>, IAsyncDisposable
{
    private readonly TestAgent agent = fixture.Agent;

    public async ValueTask DisposeAsync() => await fixture.HonestAsync();

    [Fact]
    public async Task An_agent_gets_tokens_for_a_person_who_signed_in_at_the_provider()
    {
        using var browser = new FormBrowser();
        var (url, verifier) = agent.AuthorizeUrl(TestAgent.CommandLineClient, agent.Gateway, "openid email mcp:invoke");
        var consent = await fixture.SignInAsync(browser, "alice", url);
        Assert.Equal("/oauth2/auth", consent.Url.AbsolutePath);
        Assert.Contains("alice", consent.Text, StringComparison.Ordinal);
        var returned = await browser.SubmitAsync(consent, "Allow", null, uri => uri.OriginalString.StartsWith(TestAgent.RedirectUri, StringComparison.Ordinal));
        var tokens = await agent.TokenAsync(new()
        {
            ["grant_type"] = "authorization_code", ["client_id"] = TestAgent.CommandLineClient, ["code"] = QueryHelpers.ParseQuery(returned.Location!.Query)["code"]!,
            ["redirect_uri"] = TestAgent.RedirectUri, ["code_verifier"] = verifier,
        });
        Assert.Equal(HttpStatusCode.OK, tokens.Status);
        Assert.Equal("alice@example.test", (string?)Jwt.Payload(tokens["id_token"]!)["email"]);
        Assert.Equal(HttpStatusCode.OK, (await agent.McpAsync(tokens["access_token"]!, "tools/list")).Status);
    }

    [Theory]
    [InlineData(null, HttpStatusCode.SeeOther)]
    [InlineData("none", HttpStatusCode.SeeOther)]
    [InlineData("cross-site", HttpStatusCode.SeeOther)]
    [InlineData("same-site", HttpStatusCode.SeeOther)]
    [InlineData("same-origin", HttpStatusCode.OK)]
    public async Task Only_what_a_page_of_ours_began_goes_through_a_page_that_leads_on(string? site, HttpStatusCode expected)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/login?return_to=%2Fsessions");
        if (site is not null)
            request.Headers.Add("Sec-Fetch-Site", site);
        using var answer = await fixture.Server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(expected, answer.StatusCode);
        var target = answer.Headers.Location?.OriginalString ?? answer.Headers.GetValues("Refresh").Single()["0; url=".Length..];
        Assert.StartsWith(fixture.Provider.Issuer + "/authorize?", target, StringComparison.Ordinal);
        if (expected == HttpStatusCode.OK)
            Assert.Contains($"href=\"{WebUtility.HtmlEncode(target)}\"", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("olivia", HttpStatusCode.OK)]
    [InlineData("sam", HttpStatusCode.OK)]
    [InlineData("mallory", HttpStatusCode.Forbidden)]
    public async Task Administrators_of_the_settings_manage_and_others_do_not(string user, HttpStatusCode expected) =>
        Assert.Equal(expected, await ManagesAsync(await fixture.ManagementTokenAsync(user)));

    [Fact]
    public async Task An_administrators_mail_address_that_is_not_verified_makes_nobody_owner()
    {
        await ClaimAsync(new JsonObject { ["email"] = "olivia@example.test", ["email_verified"] = false });
        Assert.Equal(HttpStatusCode.Forbidden, await ManagesAsync(await fixture.ManagementTokenAsync("mallory-unverified")));
    }

    [Fact]
    public async Task Roles_follow_the_claim_from_one_sign_in_to_the_next()
    {
        await ClaimAsync(new JsonObject { ["roles"] = new JsonArray("admin") });
        var token = await fixture.ManagementTokenAsync("rita");
        Assert.Equal(HttpStatusCode.OK, await ManagesAsync(token));
        await fixture.HonestAsync();
        Assert.Equal(HttpStatusCode.Forbidden, await ManagesAsync(await fixture.ManagementTokenAsync("rita")));
    }

    [Fact]
    public async Task A_state_of_another_browser_is_refused_and_not_spent()
    {
        using var mine = new FormBrowser();
        using var foreign = new FormBrowser();
        var answer = (await fixture.SignInAsync(mine, "alice", stopBefore: AtCallback)).Location!;
        var refused = await foreign.OpenAsync(answer);
        Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
        Assert.False(await IsSignedInAsync(foreign));

        await mine.OpenAsync(answer);
        Assert.True(await IsSignedInAsync(mine));
    }

    [Fact]
    public async Task An_answer_is_taken_once()
    {
        using var browser = new FormBrowser();
        var answer = (await fixture.SignInAsync(browser, "alice", stopBefore: AtCallback)).Location!;
        var query = QueryHelpers.ParseQuery(answer.Query);
        var first = await browser.OpenAsync(new Uri(QueryHelpers.AddQueryString(new Uri(fixture.Server.Url, "/login/callback").AbsoluteUri, new Dictionary<string, string?> { ["state"] = query["state"], ["iss"] = query["iss"], ["error"] = "login_required" })));
        Assert.Equal(HttpStatusCode.Forbidden, first.Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await browser.OpenAsync(answer)).Status);
        Assert.False(await IsSignedInAsync(browser));
    }

    [Fact]
    public async Task Refusing_at_the_provider_is_said_in_words()
    {
        using var browser = new FormBrowser();
        var page = await ProviderFixture.SignInAsync(browser, "dora", new Uri(fixture.Server.Url, "/login"), fixture.Provider, decision: "Deny");
        Assert.Equal((HttpStatusCode.Forbidden, "/login/callback"), (page.Status, page.Url.AbsolutePath));
        Assert.Contains("refused or cancelled", page.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("idTokenClaims", "{\"nonce\":\"another\"}")]
    [InlineData("idTokenClaims", "{\"aud\":\"another\"}")]
    [InlineData("idTokenClaims", "{\"iss\":\"https://another.example\"}")]
    [InlineData("idTokenClaims", "{\"exp\":1000000000}")]
    [InlineData("idTokenClaims", "{\"exp\":null}")]
    [InlineData("idTokenClaims", "{\"nbf\":4000000000}")]
    [InlineData("idTokenClaims", "{\"iat\":4000000000}")]
    [InlineData("idTokenClaims", "{\"aud\":[\"vault-client\",\"another\"]}")]
    [InlineData("idTokenClaims", "{\"azp\":\"another\"}")]
    [InlineData("idTokenClaims", "{\"sub\":\"\"}")]
    [InlineData("idTokenHeader", "{\"jwk\":{\"kty\":\"RSA\"}}")]
    [InlineData("idTokenHeader", "{\"jku\":\"https://another.example/jwks\"}")]
    [InlineData("idTokenHeader", "{\"crit\":[\"exp\"]}")]
    [InlineData("idTokenHeader", "{\"typ\":\"at+jwt\"}")]
    [InlineData("idTokenHeader", "{\"alg\":\"nOnE\"}")]
    [InlineData("idTokenAlg", "\"none\"")]
    [InlineData("idTokenAlg", "\"HS256\"")]
    [InlineData("idTokenKey", "\"rogue\"")]
    public async Task A_forged_id_token_signs_nobody_in(string setting, string value)
    {
        await fixture.Provider.ConfigureAsync(new JsonObject { [setting] = JsonNode.Parse(value) });
        using var browser = new FormBrowser();
        var page = await fixture.SignInAsync(browser, "alice");
        Assert.Equal((HttpStatusCode.Unauthorized, "/login/callback"), (page.Status, page.Url.AbsolutePath));
        Assert.Contains("cannot be trusted", page.Text, StringComparison.Ordinal);
        Assert.False(await IsSignedInAsync(browser));
    }

    [Theory]
    [InlineData("https://another.example")]
    [InlineData(null)]
    public async Task An_answer_that_does_not_name_the_provider_is_refused(string? issuer)
    {
        using var browser = new FormBrowser();
        var answer = (await fixture.SignInAsync(browser, "alice", stopBefore: AtCallback)).Location!;
        var parameters = QueryHelpers.ParseQuery(answer.Query).ToDictionary(field => field.Key, field => (string?)field.Value);
        parameters["iss"] = issuer;
        var page = await browser.OpenAsync(new Uri(QueryHelpers.AddQueryString(answer.GetLeftPart(UriPartial.Path), parameters)));
        Assert.Equal(HttpStatusCode.Unauthorized, page.Status);
        Assert.False(await IsSignedInAsync(browser));
    }

    [Theory]
    [InlineData("/login/callback")]
    [InlineData("/login/callback?state=x&code=y")]
    [InlineData("/login/callback?state=ksi_00000000000000000000000000000000.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA&code=y")]
    [InlineData("/login/callback?state=a&state=b&code=y")]
    [InlineData("/login?max_age=-1")]
    [InlineData("/login?max_age=soon")]
    public async Task What_answers_no_sign_in_is_a_bad_request(string path)
    {
        using var answer = await fixture.Server.Http.GetAsync(new Uri(path, UriKind.Relative));
        Assert.Equal((HttpStatusCode.BadRequest, "text/html"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
    }

    [Theory]
    [InlineData("unavailable", HttpStatusCode.ServiceUnavailable)]
    [InlineData("drop_before", HttpStatusCode.ServiceUnavailable)]
    [InlineData("invalid_client", HttpStatusCode.ServiceUnavailable)]
    [InlineData("html_200", HttpStatusCode.BadGateway)]
    [InlineData("big", HttpStatusCode.BadGateway)]
    [InlineData("redirect", HttpStatusCode.BadGateway)]
    public async Task Trouble_at_the_token_endpoint_is_said_in_words(string mode, HttpStatusCode expected)
    {
        await fixture.Provider.FaultAsync("token", mode);
        using var browser = new FormBrowser();
        var page = await fixture.SignInAsync(browser, "alice");
        Assert.Equal(expected, page.Status);
        Assert.Contains("sign-in provider", page.Text, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Sign_ins_and_refusals_are_recorded_with_their_reason()
    {
        await ClaimAsync(new JsonObject { ["aud"] = "another" });
        using (var browser = new FormBrowser())
            await fixture.SignInAsync(browser, "alice");
        await fixture.HonestAsync();
        var token = await fixture.ManagementTokenAsync("olivia");
        var events = await TestAgent.CallAsync(fixture.Server.Url, HttpMethod.Get, "/api/v1/audit/events?type=user.signed_in", token);
        var items = events.Json!["items"]!.AsArray();
        Assert.Equal(("ok", "olivia", "roles owner"), ((string?)items[0]!["status"], (string?)items[0]!["user"]!["name"], (string?)items[0]!["target"]));
        Assert.Equal(("error_auth", "the ID token is meant for another client"), ((string?)items[1]!["status"], (string?)items[1]!["errorMessage"]));
        Assert.DoesNotContain("nonce", events.Json.ToJsonString(), StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("prompt", "login", "prompt", "login")]
    [InlineData("max_age", "600", "max_age", "600")]
    [InlineData("login_hint", "alice@example.test", "login_hint", "alice@example.test")]
    public async Task What_an_agent_asks_of_the_sign_in_reaches_the_provider_and_ends(string name, string value, string sentName, string sentValue)
    {
        using var browser = new FormBrowser();
        var (url, _) = agent.AuthorizeUrl(TestAgent.CommandLineClient, agent.Gateway, more: new Dictionary<string, string> { [name] = value });
        var sent = (await browser.OpenAsync(url, uri => uri.AbsolutePath == "/authorize")).Location!;
        var query = QueryHelpers.ParseQuery(sent.Query);
        Assert.Equal(sentValue, query[sentName]);
        Assert.Equal("S256", query["code_challenge_method"]);
        Assert.NotEmpty(query["nonce"].ToString());

        var consent = await fixture.SignInAsync(browser, "alice", url);
        Assert.Equal(("/oauth2/auth", HttpStatusCode.OK), (consent.Url.AbsolutePath, consent.Status));
    }

    [Fact]
    public async Task An_answer_without_the_age_that_was_asked_for_is_refused()
    {
        await ClaimAsync(new JsonObject { ["auth_time"] = null });
        using var browser = new FormBrowser();
        var page = await fixture.SignInAsync(browser, "alice", new Uri(fixture.Server.Url, "/login?max_age=600"));
        Assert.Equal(HttpStatusCode.Unauthorized, page.Status);
    }

    [Fact]
    public async Task Agents_are_told_when_the_person_proved_who_they_are_not_when_the_browser_came()
    {
        var earlier = TimeProvider.System.GetUtcNow().AddHours(-20).ToUnixTimeSeconds();
        await ClaimAsync(new JsonObject { ["auth_time"] = earlier });
        using var browser = new FormBrowser();
        await fixture.SignInAsync(browser, "alice");
        var tokens = await agent.AuthorizeAsync(browser, TestAgent.CommandLineClient, "alice", agent.Gateway, "openid mcp:invoke");
        Assert.Equal(earlier, (long)Jwt.Payload(tokens["id_token"]!)["auth_time"]!);
    }

    [Fact]
    public async Task Signing_out_ends_the_session_and_leads_to_the_provider()
    {
        using var browser = new FormBrowser();
        var home = await fixture.SignInAsync(browser, "alice");
        var page = await browser.SubmitAsync(home, "Sign out");
        var target = new Uri(page.Document.QuerySelector("main a")!.GetAttribute("href")!);
        var query = QueryHelpers.ParseQuery(target.Query);
        Assert.Equal(fixture.Provider.Issuer + "/logout", target.GetLeftPart(UriPartial.Path));
        Assert.Equal(("vault-client", fixture.Server.Url.AbsoluteUri), (query["client_id"].ToString(), query["post_logout_redirect_uri"].ToString()));
        Assert.False(query.ContainsKey("id_token_hint"));
        Assert.False(await IsSignedInAsync(browser));
    }

    [Theory]
    [InlineData("prompt", "login")]
    [InlineData("max_age", "0")]
    public async Task Who_is_signed_in_signs_in_again_when_an_agent_asks_for_it(string name, string value)
    {
        using var browser = new FormBrowser();
        await fixture.SignInAsync(browser, "alice");
        var (url, _) = agent.AuthorizeUrl(TestAgent.CommandLineClient, agent.Gateway, more: new Dictionary<string, string> { [name] = value });
        Assert.Equal("/authorize", (await browser.OpenAsync(url, uri => uri.AbsolutePath == "/authorize")).Location?.AbsolutePath);
        var (plain, _) = agent.AuthorizeUrl(TestAgent.CommandLineClient, agent.Gateway);
        Assert.Equal("/oauth2/auth", (await browser.OpenAsync(plain)).Url.AbsolutePath);
    }

    [Fact]
    public async Task Two_tabs_that_were_sent_to_the_provider_both_come_back_signed_in()
    {
        using var browser = new FormBrowser();
        var first = (await fixture.SignInAsync(browser, "alice", stopBefore: AtCallback)).Location!;
        var second = (await fixture.SignInAsync(browser, "alice", stopBefore: AtCallback)).Location!;
        Assert.Equal(HttpStatusCode.OK, (await browser.OpenAsync(first)).Status);
        Assert.Equal(HttpStatusCode.OK, (await browser.OpenAsync(second)).Status);
    }

    [Fact]
    public async Task Who_does_not_meet_the_required_claims_is_not_admitted()
    {
        await ClaimAsync(new JsonObject { ["suspended"] = true });
        using var browser = new FormBrowser();
        var page = await fixture.SignInAsync(browser, "alice");
        Assert.Equal(HttpStatusCode.Forbidden, page.Status);
        Assert.False(await IsSignedInAsync(browser));
    }

    [Fact]
    public async Task A_sign_out_that_does_not_come_from_our_page_is_refused()
    {
        using var browser = new FormBrowser();
        var home = await fixture.SignInAsync(browser, "alice");
        home.Document.QuerySelector("input[name=csrf]")!.SetAttribute("value", "forged");
        Assert.Equal(HttpStatusCode.BadRequest, (await browser.SubmitAsync(home, "Sign out")).Status);
        Assert.True(await IsSignedInAsync(browser));
        await browser.OpenAsync(new Uri(fixture.Server.Url, "/logout"));
        Assert.True(await IsSignedInAsync(browser));
    }

    [Fact]
    public async Task A_sign_out_is_recorded()
    {
        using var browser = new FormBrowser();
        await browser.SubmitAsync(await fixture.SignInAsync(browser, "zoe"), "Sign out");
        var token = await fixture.ManagementTokenAsync("olivia");
        var events = await TestAgent.CallAsync(fixture.Server.Url, HttpMethod.Get, "/api/v1/audit/events?type=user.signed_out", token);
        Assert.Contains(events.Json!["items"]!.AsArray(), happened => (string?)happened!["user"]!["name"] == "zoe");
    }

    [Fact]
    public async Task The_development_sign_in_is_replaced()
    {
        using var browser = new FormBrowser();
        var page = await browser.OpenAsync(new Uri(fixture.Server.Url, "/login"));
        Assert.StartsWith(fixture.Provider.Issuer, page.Url.AbsoluteUri, StringComparison.Ordinal);
        using var posted = await fixture.Server.Http.PostAsync(new Uri("/login", UriKind.Relative), new FormUrlEncodedContent(new Dictionary<string, string> { ["username"] = "alice" }));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, posted.StatusCode);
    }

    [Theory]
    [InlineData("//evil.example/x")]
    [InlineData("https://evil.example/x")]
    [InlineData("/\\evil.example")]
    [InlineData("/caf\u00e9")]
    public async Task Sign_in_returns_to_addresses_of_ours_only(string returnTo)
    {
        using var browser = new FormBrowser();
        var page = await fixture.SignInAsync(browser, "alice", new Uri(fixture.Server.Url, "/login?return_to=" + Uri.EscapeDataString(returnTo)), uri => uri.Host != "127.0.0.1");
        Assert.Equal((null, "/", HttpStatusCode.OK), (page.Location, page.Url.AbsolutePath, page.Status));
    }

    private static bool AtCallback(Uri uri) => uri.AbsolutePath == "/login/callback";

    private Task ClaimAsync(JsonObject claims)
    {
        var all = ProviderFixture.Employed();
        foreach (var (name, value) in claims)
            all[name] = value?.DeepClone();
        return fixture.Provider.ConfigureAsync(new JsonObject { ["idTokenClaims"] = all });
    }

    private async Task<HttpStatusCode> ManagesAsync(string token) =>
        (await TestAgent.CallAsync(fixture.Server.Url, HttpMethod.Get, "/api/v1/service-accounts", token)).Status;

    private async Task<bool> IsSignedInAsync(FormBrowser browser) =>
        (await browser.OpenAsync(fixture.Server.Url)).Text.Contains("Signed in as", StringComparison.Ordinal);
}
