using System.Net;
using AngleSharp.Html.Dom;
using AngleSharp.Html.Parser;

namespace Kontext.Functions.Tests.Hostile;

/// <summary>An answer as a page, with its headers.</summary>
internal sealed record Shown(HttpStatusCode Status, IReadOnlyDictionary<string, string> Headers, string Text, IHtmlDocument? Page)
{
    public string Header(string name) => Headers.GetValueOrDefault(name, "");
}

/// <summary>Somebody signed in whose every header the test chooses.</summary>
internal sealed class Visitor : IDisposable
{
    private readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    private readonly Uri kontext;

    private Visitor(Uri kontext) => this.kontext = kontext;

    /// <summary>The cookies of the browser.</summary>
    public string Cookie { get; private set; } = "";

    /// <summary>The CSRF token of its pages.</summary>
    public string Csrf { get; private set; } = "";

    public static Visitor Nobody(Uri kontext) => new(kontext);

    public static async Task<Visitor> SignInAsync(Uri kontext, string user, string organization = "dev")
    {
        var visitor = new Visitor(kontext);
        var form = await visitor.GetAsync($"/login?organization={organization}");
        visitor.Cookie = form.Header("Set-Cookie").Split(';')[0];
        var answer = await visitor.PostAsync("/login", [("csrf", CsrfOf(form)), ("organization", organization), ("username", user)]);
        Assert.Equal(HttpStatusCode.SeeOther, answer.Status);
        visitor.Cookie += "; " + answer.Header("Set-Cookie").Split('\n').Single(cookie => cookie.StartsWith("kontext-session", StringComparison.Ordinal)).Split(';')[0];
        visitor.Csrf = CsrfOf(await visitor.GetAsync("/sessions"));
        return visitor;
    }

    public Task<Shown> GetAsync(string path) => SendAsync(new HttpRequestMessage(HttpMethod.Get, new Uri(kontext, path)));

    public Task<Shown> PostAsync(string path, IEnumerable<(string Name, string Value)> fields, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(kontext, path)) { Content = new FormUrlEncodedContent(fields.Select(field => KeyValuePair.Create(field.Name, field.Value))) };
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return SendAsync(request);
    }

    public void Dispose() => http.Dispose();

    private async Task<Shown> SendAsync(HttpRequestMessage request)
    {
        using var sent = request;
        if (Cookie.Length > 0)
            sent.Headers.TryAddWithoutValidation("Cookie", Cookie);
        using var answer = await http.SendAsync(sent);
        var text = await answer.Content.ReadAsStringAsync();
        return new Shown(
            answer.StatusCode, answer.Headers.Concat(answer.Content.Headers).ToDictionary(header => header.Key, header => string.Join('\n', header.Value), StringComparer.OrdinalIgnoreCase), text,
            answer.Content.Headers.ContentType?.MediaType == "text/html" ? new HtmlParser().ParseDocument(text) : null);
    }

    private static string CsrfOf(Shown page) => page.Page?.QuerySelector("input[name=csrf]")?.GetAttribute("value") ?? throw new InvalidOperationException("The page has no form: " + page.Text);
}
