using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>The two sides of the device grant: the agent that waits, and the person who types its code.</summary>
internal sealed class DeviceFlow(Uri kontext)
{
    public const string Grant = "urn:ietf:params:oauth:grant-type:device_code";

    private static readonly HttpClient Http = new(new SocketsHttpHandler { UseCookies = false });

    /// <summary>Begins; by default for the gateway.</summary>
    public Task<JsonAnswer> StartAsync(string clientId, Dictionary<string, string>? more = null, string path = "/oauth2/device/authorize") =>
        PostAsync(path, new Dictionary<string, string>(more ?? []) { ["client_id"] = clientId });

    public Task<JsonAnswer> PollAsync(string clientId, string deviceCode, Dictionary<string, string>? more = null) =>
        PostAsync("/oauth2/token", new Dictionary<string, string>(more ?? []) { ["grant_type"] = Grant, ["client_id"] = clientId, ["device_code"] = deviceCode });

    /// <summary>A form to one of the endpoints for programs.</summary>
    public async Task<JsonAnswer> PostAsync(string path, Dictionary<string, string> form, string? basic = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(kontext, path)) { Content = new FormUrlEncodedContent(form) };
        if (basic is not null)
            request.Headers.Authorization = new("Basic", Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(basic)));
        using var answer = await Http.SendAsync(request);
        return new JsonAnswer(answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync()), answer.Headers);
    }

    /// <summary>Opens the page, signing in when asked to.</summary>
    public async Task<BrowserPage> OpenAsync(FormBrowser browser, string user, string address = "/device")
    {
        var page = await browser.OpenAsync(new Uri(kontext, address));
        return page.Document.QuerySelector("input[name=username]") is null ? page : await browser.SubmitAsync(page, "Sign in", new Dictionary<string, string> { ["username"] = user });
    }

    /// <summary>Types a code.</summary>
    public static Task<BrowserPage> EnterAsync(FormBrowser browser, BrowserPage page, string code) =>
        browser.SubmitAsync(page, "Continue", new Dictionary<string, string> { ["user_code"] = code });

    /// <summary>From the address to the consent page.</summary>
    public async Task<BrowserPage> ConsentAsync(FormBrowser browser, string user, string code) => await EnterAsync(browser, await OpenAsync(browser, user), code);

    /// <summary>Confirms having started the agent, and decides.</summary>
    public static Task<BrowserPage> DecideAsync(FormBrowser browser, BrowserPage consent, string button = "Allow")
    {
        ((AngleSharp.Html.Dom.IHtmlInputElement)consent.Document.QuerySelector("input[name=started]")!).IsChecked = true;
        return browser.SubmitAsync(consent, button);
    }

    /// <summary>The whole way of a person who allows.</summary>
    public async Task ApproveAsync(string user, string code)
    {
        using var browser = new FormBrowser();
        var done = await DecideAsync(browser, await ConsentAsync(browser, user, code));
        Assert.Equal(HttpStatusCode.OK, done.Status);
        Assert.Contains("may act for you", done.Text, StringComparison.Ordinal);
    }
}
