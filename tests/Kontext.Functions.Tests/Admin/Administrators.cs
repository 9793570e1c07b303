using System.Net;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Admin;

/// <summary>People at the administration pages, in a browser without JavaScript.</summary>
internal static class Administrators
{
    /// <summary>All pages that need no id.</summary>
    public static readonly string[] Pages =
    [
        "/console", "/console?period=7d", "/console/applications", "/console/applications/new", "/console/integrations", "/console/integrations/new", "/console/integrations/new/form", "/console/integrations/new/form?provider=github",
        "/console/policy", "/console/policy/rules/new", "/console/policy/check", "/console/policy/proposal", "/console/access", "/console/requests", "/console/traces", "/console/audit", "/console/audit/verification",
        "/console/work", "/console/revocation", "/console/service-accounts", "/console/webhooks", "/console/settings",
    ];

    /// <summary>Somebody signed in.</summary>
    public static async Task<FormBrowser> SignedInAsync(this KontextFixture kontext, string name)
    {
        var browser = new FormBrowser();
        await browser.SubmitAsync(await browser.OpenAsync(new Uri(kontext.Server.Url, "/login")), "Sign in", new Dictionary<string, string> { ["username"] = name });
        return browser;
    }

    /// <summary>A page of the product.</summary>
    public static Task<BrowserPage> GoAsync(this FormBrowser browser, KontextFixture kontext, string path) => browser.OpenAsync(new Uri(kontext.Server.Url, path));

    /// <summary>Presses the button with an id.</summary>
    public static Task<BrowserPage> PressAsync(this FormBrowser browser, BrowserPage page, string id, Dictionary<string, string>? fields = null) =>
        browser.SubmitAsync(page, page.Document.GetElementById(id) ?? throw new InvalidOperationException($"{page.Url.AbsolutePath} ({page.Status}) has no button {id}: {page.Text.Trim()}"), fields);

    /// <summary>Presses the button with an id and says yes when asked.</summary>
    public static async Task<BrowserPage> ConfirmedAsync(this FormBrowser browser, BrowserPage page, AngleSharp.Dom.IElement button)
    {
        var question = await browser.SubmitAsync(page, button);
        Assert.Equal(HttpStatusCode.OK, question.Status);
        return await browser.SubmitAsync(question, question.Document.QuerySelector("main button[type=submit]")!);
    }

    /// <summary>What the page says was just done, or was not.</summary>
    public static string Notice(this BrowserPage page) => page.Document.QuerySelector(".just-now")?.TextContent.Trim() ?? "";
}
