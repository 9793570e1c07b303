using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

[assembly: AssemblyFixture(typeof(Kontext.Functions.Tests.KontextFixture))]

namespace Kontext.Functions.Tests.OAuth;

/// <summary>The authorization endpoint and its pages, as clients and people meet them.</summary>
public sealed class AuthorizationTests(KontextFixture kontext)
{
    private readonly TestAgent agent = kontext.Agent;

    [Fact]
    public async Task An_agent_gets_tokens_for_the_gateway_after_sign_in_and_consent()
    {
        var client = await RegisterAsync();
        using var browser = new FormBrowser();
        var tokens = await agent.AuthorizeAsync(browser, client, "alice", agent.Gateway);

        Assert.Equal(HttpStatusCode.OK, tokens.Status);
        Assert.Equal("Bearer", tokens["token_type"]);
        Assert.Equal("mcp:invoke", tokens["scope"]);
        Assert.NotNull(tokens["refresh_token"]);
        var claims = Jwt.Payload(tokens["access_token"]!);
        Assert.Equal(agent.Gateway, (string?)claims["aud"]);
        Assert.Equal(kontext.Server.Url.OriginalString.TrimEnd('/'), (string?)claims["iss"]);
        Assert.Equal(client, (string?)claims["client_id"]);
        Assert.Equal("mcp:invoke", (string?)claims["scp"]![0]);
        Assert.NotNull((string?)claims["sid"]);
        Assert.Equal("at+jwt", (string?)Jwt.Header(tokens["access_token"]!)["typ"]);
    }

    [Fact]
    public async Task The_answer_carries_state_and_issuer()
    {
        using var browser = new FormBrowser();
        var returned = await TestAgent.DecideAsync(browser, agent.AuthorizeUrl(await RegisterAsync()).Url, "alice");
        Assert.Equal("state-1", returned["state"]);
        Assert.Equal(kontext.Server.Url.OriginalString.TrimEnd('/'), returned["iss"]);
    }

    [Fact]
    public async Task Refusing_returns_access_denied()
    {
        using var browser = new FormBrowser();
        var returned = await TestAgent.DecideAsync(browser, agent.AuthorizeUrl(await RegisterAsync()).Url, "alice", "Deny");
        Assert.Equal("access_denied", returned["error"]);
        Assert.False(returned.ContainsKey("code"));
    }

    [Fact]
    public async Task The_consent_page_names_agent_person_and_where_it_returns_to()
    {
        using var browser = new FormBrowser();
        var page = await browser.OpenAsync(agent.AuthorizeUrl(await RegisterAsync("<b>Bold</b> agent")).Url);
        page = await browser.SubmitAsync(page, "Sign in", new Dictionary<string, string> { ["username"] = "alice" });
        Assert.Contains("<b>Bold</b> agent", page.Text, StringComparison.Ordinal);
        Assert.Contains("alice", page.Text, StringComparison.Ordinal);
        Assert.Contains("127.0.0.1", page.Text, StringComparison.Ordinal);
        Assert.Contains("8 hours", page.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("client_id", "app_00000000-0000-0000-0000-000000000000")]
    [InlineData("client_id", "nobody")]
    [InlineData("client_id", "")]
    [InlineData("redirect_uri", "https://evil.example/callback")]
    [InlineData("redirect_uri", "http://127.0.0.1:53123/other")]
    public async Task An_unknown_client_or_redirect_uri_is_shown_to_the_person_and_never_redirected(string name, string value)
    {
        using var browser = new FormBrowser();
        var page = await browser.OpenAsync(agent.AuthorizeUrl(await RegisterAsync(), more: new Dictionary<string, string> { [name] = value }).Url, _ => true);
        Assert.Equal(HttpStatusCode.BadRequest, page.Status);
        Assert.Null(page.Location);
    }

    [Theory]
    [InlineData("response_type", "token", "unsupported_response_type")]
    [InlineData("response_type", "", "invalid_request")]
    [InlineData("code_challenge", "", "invalid_request")]
    [InlineData("code_challenge_method", "plain", "invalid_request")]
    [InlineData("code_challenge_method", "", "invalid_request")]
    [InlineData("code_challenge", "short", "invalid_request")]
    [InlineData("scope", "root", "invalid_scope")]
    [InlineData("scope", "management:all", "invalid_scope")]
    [InlineData("resource", "https://elsewhere.example/mcp", "invalid_target")]
    [InlineData("request_uri", "urn:x", "invalid_request")]
    [InlineData("prompt", "none", "login_required")]
    public async Task What_is_wrong_with_the_rest_goes_back_to_the_client(string name, string value, string error)
    {
        using var browser = new FormBrowser();
        var page = await browser.OpenAsync(agent.AuthorizeUrl(await RegisterAsync(), more: new Dictionary<string, string> { [name] = value }).Url, _ => true);
        var returned = Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(page.Location!.Query);
        Assert.StartsWith(TestAgent.RedirectUri, page.Location.OriginalString, StringComparison.Ordinal);
        Assert.Equal(error, returned["error"]);
        Assert.Equal("state-1", returned["state"]);
        Assert.NotEmpty(returned["iss"].ToString());
    }

    [Fact]
    public async Task A_repeated_parameter_is_refused()
    {
        var url = new Uri(agent.AuthorizeUrl(await RegisterAsync()).Url.OriginalString + "&scope=openid&scope=email");
        using var browser = new FormBrowser();
        var page = await browser.OpenAsync(url, _ => true);
        Assert.Contains("error=invalid_request", page.Location!.Query, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_consent_form_without_the_browsers_own_token_is_refused()
    {
        using var browser = new FormBrowser();
        var page = await browser.OpenAsync(agent.AuthorizeUrl(await RegisterAsync()).Url);
        page = await browser.SubmitAsync(page, "Sign in", new Dictionary<string, string> { ["username"] = "alice" });
        page = await browser.SubmitAsync(page, "Allow", new Dictionary<string, string> { ["csrf"] = "forged" }, _ => true);
        Assert.Equal(HttpStatusCode.BadRequest, page.Status);
        Assert.Null(page.Location);
    }

    [Fact]
    public async Task Sign_in_returns_to_addresses_of_ours_only()
    {
        using var browser = new FormBrowser();
        var page = await browser.OpenAsync(new Uri(kontext.Server.Url, "/login?return_to=" + Uri.EscapeDataString("//evil.example/x")));
        page = await browser.SubmitAsync(page, "Sign in", new Dictionary<string, string> { ["username"] = "alice" }, uri => uri.Host != "127.0.0.1");
        Assert.Null(page.Location);
        Assert.Equal("/", page.Url.AbsolutePath);
    }

    [Fact]
    public async Task Pages_cannot_be_framed_and_load_nothing_from_elsewhere()
    {
        using var answer = await kontext.Server.Http.GetAsync(new Uri("/login", UriKind.Relative));
        Assert.Equal("DENY", answer.Headers.GetValues("X-Frame-Options").Single());
        var policy = answer.Headers.GetValues("Content-Security-Policy").Single();
        Assert.Contains("default-src 'none'", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_registers_itself_with_a_foreign_http_redirect_is_refused()
    {
        var answer = await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Post, "/oauth2/register", null, new JsonObject { ["redirect_uris"] = new JsonArray("http://agent.example/cb") });
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.Equal("invalid_redirect_uri", answer["error"]);
    }

    private async Task<string> RegisterAsync(string name = "Test agent") => await Clients.RegisterAsync(kontext, name);
}
