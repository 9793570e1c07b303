using System.Net;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Account;

/// <summary>What all pages for signed-in people share.</summary>
public sealed class SignedInPagesTests(KontextFixture kontext)
{
    [Theory]
    [InlineData("/sessions", "Agents")]
    [InlineData("/approvals", "Approvals")]
    [InlineData("/rules", "Rules")]
    public async Task The_navigation_marks_the_page_it_is_on(string path, string text)
    {
        using var browser = await SignInAsync();
        var page = await browser.OpenAsync(new Uri(kontext.Server.Url, path));
        Assert.Equal([text, text], page.Document.QuerySelectorAll("nav a[aria-current=page]").Select(link => link.TextContent));
    }

    [Fact]
    public async Task What_was_done_is_said_once()
    {
        using var browser = await SignInAsync();
        var page = await EndAllAsync(browser);
        Assert.Contains("Every agent", page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("Every agent", (await browser.OpenAsync(page.Url)).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_done_is_said_to_the_person_who_did_it_only()
    {
        using var browser = await SignInAsync();
        var name = ApiCalls.Unique("nora");
        var stopped = await EndAllAsync(browser, stopBefore: _ => true);
        Assert.Equal(HttpStatusCode.SeeOther, stopped.Status);
        await SignInAsync(browser, name);
        var page = await browser.OpenAsync(new Uri(kontext.Server.Url, "/sessions"));
        Assert.Contains(name, page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("Every agent", page.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_form_sent_after_signing_out_leads_to_sign_in_and_changes_nothing()
    {
        using var browser = await SignInAsync();
        var page = await browser.OpenAsync(new Uri(kontext.Server.Url, "/sessions"));
        await browser.SubmitAsync(page, "Sign out");
        var answer = await browser.SubmitAsync(await FormAsync(page), "End all");
        Assert.Contains("Your sign-in has ended", answer.Text, StringComparison.Ordinal);
        Assert.Equal("/login?return_to=%2Fsessions", answer.Document.QuerySelector("main a")!.GetAttribute("href"));
    }

    private async Task<BrowserPage> EndAllAsync(FormBrowser browser, Func<Uri, bool>? stopBefore = null) =>
        await browser.SubmitAsync(
            await browser.SubmitAsync(await FormAsync(await browser.OpenAsync(new Uri(kontext.Server.Url, "/sessions"))), "End all"), "End all", fields: null, stopBefore);

    /// <summary>The page with the form that it has for people with several sessions.</summary>
    private static Task<BrowserPage> FormAsync(BrowserPage page)
    {
        var csrf = page.Document.QuerySelector("input[name=csrf]")!.GetAttribute("value");
        var form = page.Document.CreateElement("form");
        form.SetAttribute("action", "/sessions/end-all");
        form.InnerHtml = $"<input type=hidden name=csrf value='{csrf}'><button type=submit>End all sessions</button>";
        page.Document.Body!.AppendChild(form);
        return Task.FromResult(page);
    }

    private async Task<FormBrowser> SignInAsync()
    {
        var browser = new FormBrowser();
        await SignInAsync(browser, ApiCalls.Unique("paula"));
        return browser;
    }

    private async Task SignInAsync(FormBrowser browser, string name) =>
        await browser.SubmitAsync(await browser.OpenAsync(new Uri(kontext.Server.Url, "/login")), "Sign in", new Dictionary<string, string> { ["username"] = name });
}
