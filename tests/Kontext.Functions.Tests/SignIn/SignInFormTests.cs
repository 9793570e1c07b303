using System.Net;
using System.Text;
using Kontext.Testing;

namespace Kontext.Functions.Tests.SignIn;

/// <summary>What is no form is refused by the sign-in pages, and none of it is a fault of ours.</summary>
public sealed class SignInFormTests(KontextFixture kontext)
{
    [Theory]
    [InlineData("/login")]
    [InlineData("/logout")]
    public async Task An_unreadable_form_is_refused(string path)
    {
        var tooMany = string.Join('&', Enumerable.Range(0, 3000).Select(number => $"f{number}=1"));
        foreach (var (body, type) in new[] { (tooMany, "application/x-www-form-urlencoded"), ("csrf=%00", "application/x-www-form-urlencoded"), ("garbage", "multipart/form-data"), ("{}", "application/json") })
        {
            using var content = new StringContent(body, Encoding.UTF8, type);
            using var http = new HttpClient();
            using var answer = await http.PostAsync(new Uri(kontext.Server.Url, path), content, TestContext.Current.CancellationToken);
            Assert.Equal((HttpStatusCode.BadRequest, "text/html"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        }
    }

    [Theory]
    [InlineData("ada@example.test", "ada@example.test")]
    [InlineData("\"><script>", "\"><script>")]
    [InlineData("hidden\u202ename", "")]
    public async Task The_development_sign_in_proposes_whom_the_agent_expects(string hint, string proposed)
    {
        using var browser = new FormBrowser();
        var (url, _) = kontext.Agent.AuthorizeUrl(TestAgent.CommandLineClient, kontext.Agent.Gateway, more: new Dictionary<string, string> { ["login_hint"] = hint });
        var page = await browser.OpenAsync(url);
        Assert.Equal("/login", page.Url.AbsolutePath);
        Assert.Equal(proposed, page.Document.QuerySelector("input[name=username]")!.GetAttribute("value") ?? "");
        Assert.Empty(page.Document.QuerySelectorAll("script:not([src^='/assets/'])"));
    }

    [Theory]
    [InlineData("prompt", "login")]
    [InlineData("max_age", "0")]
    public async Task The_development_sign_in_asks_again_when_an_agent_wants_that(string name, string value)
    {
        using var browser = new FormBrowser();
        var (plain, _) = kontext.Agent.AuthorizeUrl(TestAgent.CommandLineClient, kontext.Agent.Gateway);
        var signIn = await browser.OpenAsync(plain);
        Assert.Equal("/oauth2/auth", (await browser.SubmitAsync(signIn, "Sign in", new Dictionary<string, string> { ["username"] = "rex" })).Url.AbsolutePath);
        Assert.Equal("/oauth2/auth", (await browser.OpenAsync(plain)).Url.AbsolutePath);
        var (fresh, _) = kontext.Agent.AuthorizeUrl(TestAgent.CommandLineClient, kontext.Agent.Gateway, more: new Dictionary<string, string> { [name] = value });
        Assert.Equal("/login", (await browser.OpenAsync(fresh)).Url.AbsolutePath);
    }
}
