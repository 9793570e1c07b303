using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using AngleSharp.Dom;
using AngleSharp.Html.Dom;
using AngleSharp.Html.Parser;

namespace Kontext.Testing;

/// <summary>A page as a person without JavaScript meets it.</summary>
/// <param name="Url">Where it is.</param>
/// <param name="Status">The answer's status.</param>
/// <param name="Document">The page; empty for redirects that were not followed.</param>
/// <param name="Location">Where a redirect that was not followed leads.</param>
public sealed record BrowserPage(Uri Url, HttpStatusCode Status, IHtmlDocument Document, Uri? Location)
{
    /// <summary>The page's text.</summary>
    public string Text => Document.Body?.TextContent ?? "";
}

/// <summary>A browser without JavaScript: keeps cookies, follows redirects on our own addresses, submits the forms it finds.</summary>
public sealed class FormBrowser : IDisposable
{
    private readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = new CookieContainer() });
    private readonly HtmlParser parser = new();

    /// <summary>Opens an address and follows redirects until a page comes, or a redirect to where nobody listens (an agent's redirect URI).</summary>
    public Task<BrowserPage> OpenAsync(Uri url, Func<Uri, bool>? stopBefore = null) => SendAsync(new HttpRequestMessage(HttpMethod.Get, url), stopBefore);

    /// <summary>Fills in fields of the form that has the button and presses it.</summary>
    public Task<BrowserPage> SubmitAsync(BrowserPage page, string buttonText, IReadOnlyDictionary<string, string>? fields = null, Func<Uri, bool>? stopBefore = null)
    {
        var button = page.Document.QuerySelectorAll("button").OfType<IHtmlButtonElement>().FirstOrDefault(candidate => candidate.TextContent.Trim().StartsWith(buttonText, StringComparison.Ordinal))
            ?? throw new InvalidOperationException($"The page at {page.Url.AbsolutePath} has no button {buttonText}: {page.Text.Trim()}");
        return SubmitAsync(page, button, fields, stopBefore);
    }

    /// <summary>Fills in fields of the button's form and presses it.</summary>
    public Task<BrowserPage> SubmitAsync(BrowserPage page, IElement pressed, IReadOnlyDictionary<string, string>? fields = null, Func<Uri, bool>? stopBefore = null)
    {
        var button = (IHtmlButtonElement)pressed;
        var form = button.Form ?? throw new InvalidOperationException("The button belongs to no form.");
        var values = new List<KeyValuePair<string, string>>();
        foreach (var element in form.Elements)
        {
            var (name, held) = element switch
            {
                IHtmlInputElement { Type: "checkbox" or "radio" } box => (box.Name, box.IsChecked || (box.Name is not null && fields?.GetValueOrDefault(box.Name) == box.Value) ? box.Value : null),
                IHtmlInputElement input => (input.Name, input.IsDisabled ? null : input.Value),
                // As browsers do: where nothing is marked as selected, the first option is.
                IHtmlSelectElement choice => (choice.Name, choice.SelectedOptions.Concat(choice.Options).FirstOrDefault()?.Value),
                IHtmlTextAreaElement text => (text.Name, text.Value),
                _ => (null, null),
            };
            if (name is { Length: > 0 } && held is not null)
                values.Add(new(name, fields is not null && fields.TryGetValue(name, out var value) && element is not IHtmlInputElement { Type: "checkbox" or "radio" } ? value : held));
        }
        if (button.Name is { Length: > 0 } buttonName)
            values.Add(new(buttonName, button.Value ?? ""));
        return SendAsync(new HttpRequestMessage(HttpMethod.Post, new Uri(page.Url, form.GetAttribute("action") ?? page.Url.AbsoluteUri)) { Content = new FormUrlEncodedContent(values) }, stopBefore);
    }

    /// <summary>Calls an API as a script of a page does: with this browser's cookies.</summary>
    public async Task<JsonAnswer> CallAsync(HttpMethod method, Uri url, JsonNode? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, url);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        if (body is not null)
            request.Content = JsonContent.Create(body);
        using var answer = await http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        return new JsonAnswer(answer.StatusCode, text.Length == 0 ? null : JsonNode.Parse(text), answer.Headers);
    }

    /// <summary>Fetches a file with this browser's cookies.</summary>
    public Task<HttpResponseMessage> DownloadAsync(Uri url) => http.GetAsync(url);

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    private async Task<BrowserPage> SendAsync(HttpRequestMessage request, Func<Uri, bool>? stopBefore)
    {
        for (var hop = 0; hop < 20; hop++)
        {
            using var sent = request;
            using var answer = await http.SendAsync(sent);
            var url = sent.RequestUri!;
            if ((int)answer.StatusCode is >= 300 and < 400 && answer.Headers.Location is { } location)
            {
                var target = new Uri(url, location);
                if (stopBefore?.Invoke(target) == true)
                    return new BrowserPage(url, answer.StatusCode, parser.ParseDocument(""), target);
                request = new HttpRequestMessage(HttpMethod.Get, target);
                continue;
            }
            return new BrowserPage(url, answer.StatusCode, parser.ParseDocument(await answer.Content.ReadAsStringAsync()), null);
        }
        throw new InvalidOperationException("Too many redirects.");
    }
}
