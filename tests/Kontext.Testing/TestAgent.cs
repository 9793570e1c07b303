using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.OAuth;

namespace Kontext.Testing;

/// <summary>An answer with its JSON.</summary>
/// <param name="Status">The status.</param>
/// <param name="Json">The body; null when there is none.</param>
/// <param name="Headers">The answer's headers.</param>
public sealed record JsonAnswer(HttpStatusCode Status, JsonNode? Json, HttpResponseHeaders Headers)
{
    /// <summary>A text field of the body.</summary>
    public string? this[string field] => (string?)Json?[field];
}

/// <summary>An OAuth client of the product, written against the specifications and nothing else: authorizes through the pages, redeems, refreshes, exchanges, manages.</summary>
public sealed class TestAgent(Uri kontext)
{
    /// <summary>Where codes are sent; nobody listens there, the browser stops before it.</summary>
    public const string RedirectUri = "http://127.0.0.1:53123/callback";

    /// <summary>The client id every command-line client brings.</summary>
    public const string CommandLineClient = "app_a4fb6d20-e937-450f-aa19-db585405aa92";

    private static readonly HttpClient Http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });

    /// <summary>The gateway's resource.</summary>
    public string Gateway => kontext.OriginalString.TrimEnd('/') + "/mcp";

    /// <summary>The management API's resource.</summary>
    public string Api => kontext.OriginalString.TrimEnd('/') + "/api/v1";

    /// <summary>The address that asks a person, with its PKCE verifier.</summary>
    public (Uri Url, string Verifier) AuthorizeUrl(string clientId, string? resource = null, string? scope = null, IReadOnlyDictionary<string, string>? more = null)
    {
        var verifier = RandomValue.Token();
        var parameters = new Dictionary<string, string>
        {
            ["response_type"] = "code",
            ["client_id"] = clientId,
            ["redirect_uri"] = RedirectUri,
            ["code_challenge"] = Pkce.ChallengeOf(verifier),
            ["code_challenge_method"] = "S256",
            ["state"] = "state-1",
        };
        if (resource is not null)
            parameters["resource"] = resource;
        if (scope is not null)
            parameters["scope"] = scope;
        foreach (var (name, value) in more ?? new Dictionary<string, string>())
            parameters[name] = value;
        return (new Uri(kontext, "/oauth2/auth?" + string.Join('&', parameters.Where(parameter => parameter.Value.Length > 0).Select(parameter => $"{parameter.Key}={Uri.EscapeDataString(parameter.Value)}"))), verifier);
    }

    /// <summary>Signs a person in (when needed) and decides on the consent page; gives the parameters that reached the redirect URI.</summary>
    public static async Task<IReadOnlyDictionary<string, string>> DecideAsync(FormBrowser browser, Uri authorizeUrl, string user, string button = "Allow")
    {
        static bool AtClient(Uri uri) => uri.OriginalString.StartsWith(RedirectUri, StringComparison.Ordinal);
        var page = await browser.OpenAsync(authorizeUrl, AtClient);
        if (page.Location is null && page.Document.QuerySelector("input[name=username]") is not null)
            page = await browser.SubmitAsync(page, "Sign in", new Dictionary<string, string> { ["username"] = user }, AtClient);
        if (page.Location is null)
            page = await browser.SubmitAsync(page, button, null, AtClient);
        if (page.Location is not { } location)
            throw new InvalidOperationException($"The pages did not lead back to the client: {(int)page.Status} {page.Text.Trim()}");
        return Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(location.Query).ToDictionary(field => field.Key, field => field.Value.ToString());
    }

    /// <summary>The whole way from the person's approval to tokens.</summary>
    public async Task<JsonAnswer> AuthorizeAsync(FormBrowser browser, string clientId, string user, string? resource = null, string? scope = null)
    {
        var (url, verifier) = AuthorizeUrl(clientId, resource, scope);
        var returned = await DecideAsync(browser, url, user);
        return await TokenAsync(new()
        {
            ["grant_type"] = "authorization_code",
            ["client_id"] = clientId,
            ["code"] = returned["code"],
            ["redirect_uri"] = RedirectUri,
            ["code_verifier"] = verifier,
        });
    }

    /// <summary>A request to the token endpoint.</summary>
    public async Task<JsonAnswer> TokenAsync(Dictionary<string, string> form, string? basic = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(kontext, "/oauth2/token")) { Content = new FormUrlEncodedContent(form) };
        if (basic is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(basic)));
        return await SendAsync(request);
    }

    /// <summary>Exchanges an access token for an integration's credential or a gateway token.</summary>
    public Task<JsonAnswer> ExchangeAsync(string clientId, string subjectToken, string resource) => TokenAsync(new()
    {
        ["grant_type"] = "urn:ietf:params:oauth:grant-type:token-exchange",
        ["client_id"] = clientId,
        ["subject_token_type"] = SubjectTokenTypes.AccessToken,
        ["subject_token"] = subjectToken,
        ["resource"] = resource,
    });

    /// <summary>A management token of a person, by way of the command-line client.</summary>
    public async Task<string> ManagementTokenAsync(string user)
    {
        using var browser = new FormBrowser();
        var tokens = await AuthorizeAsync(browser, CommandLineClient, user, Api, "openid management:all");
        return tokens["access_token"] ?? throw new InvalidOperationException($"No management token: {tokens.Json}");
    }

    /// <summary>A request to the management API, or any other path, with a bearer token.</summary>
    public static async Task<JsonAnswer> CallAsync(Uri kontext, HttpMethod method, string path, string? token, JsonNode? body = null)
    {
        using var request = new HttpRequestMessage(method, new Uri(kontext, path));
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (body is not null)
            request.Content = JsonContent.Create(body);
        return await SendAsync(request);
    }

    /// <summary>A request to the management API.</summary>
    public Task<JsonAnswer> ApiAsync(HttpMethod method, string path, string token, JsonNode? body = null) => CallAsync(kontext, method, "/api/v1" + path, token, body);

    /// <summary>A JSON-RPC request to the gateway, in the stateless form of 2025-06-18.</summary>
    public async Task<JsonAnswer> McpAsync(string token, string method, JsonObject? parameters = null, string path = "/mcp")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(kontext, path));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        request.Headers.Accept.ParseAdd("application/json");
        request.Headers.Accept.ParseAdd("text/event-stream");
        request.Headers.Add("MCP-Protocol-Version", "2025-06-18");
        request.Content = JsonContent.Create<JsonNode>(new JsonObject { ["jsonrpc"] = "2.0", ["id"] = 1, ["method"] = method, ["params"] = parameters ?? [] });
        return await SendAsync(request);
    }

    private static async Task<JsonAnswer> SendAsync(HttpRequestMessage request)
    {
        using var answer = await Http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        if (answer.Content.Headers.ContentType?.MediaType == "text/event-stream")
            text = text.Split('\n').Last(line => line.StartsWith("data:", StringComparison.Ordinal))[5..];
        return new JsonAnswer(answer.StatusCode, text.Length == 0 ? null : JsonNode.Parse(text), answer.Headers);
    }
}
