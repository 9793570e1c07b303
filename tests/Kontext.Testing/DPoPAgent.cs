using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;

namespace Kontext.Testing;

/// <summary>An OAuth client that holds a key and proves it with every request (RFC 9449). A test can send something else in place of the proof.</summary>
/// <param name="kontext">The product's public address.</param>
/// <param name="key">The key.</param>
/// <param name="instance">Where requests go, when that is not the public address.</param>
public sealed class DPoPAgent(Uri kontext, DPoPKey key, Uri? instance = null) : IDisposable
{
    private readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    private readonly string issuer = kontext.OriginalString.TrimEnd('/');

    /// <summary>The token endpoint.</summary>
    public string TokenEndpoint => issuer + "/oauth2/token";

    /// <summary>An address of the server.</summary>
    public string At(string path) => issuer + path;

    /// <summary>A token request with a proof of the key, or with the headers given instead.</summary>
    public async Task<JsonAnswer> TokenAsync(Dictionary<string, string> form, IReadOnlyList<string>? proofs = null, string? basic = null, string headerName = "DPoP")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(instance ?? kontext, "/oauth2/token")) { Content = new FormUrlEncodedContent(form) };
        foreach (var proof in proofs ?? [key.Proof("POST", TokenEndpoint)])
            request.Headers.TryAddWithoutValidation(headerName, proof);
        if (basic is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(basic)));
        return await SendAsync(request);
    }

    /// <summary>The whole way from the person's approval to tokens bound to the key.</summary>
    public async Task<JsonAnswer> AuthorizeAsync(string clientId, string user, string? resource = null, string? scope = null, string? dpopJkt = null, IReadOnlyList<string>? proofs = null)
    {
        using var browser = new FormBrowser();
        var (url, verifier) = new TestAgent(kontext).AuthorizeUrl(clientId, resource, scope, dpopJkt is null ? null : new Dictionary<string, string> { ["dpop_jkt"] = dpopJkt });
        var returned = await TestAgent.DecideAsync(browser, url, user);
        return await TokenAsync(new()
        {
            ["grant_type"] = "authorization_code",
            ["client_id"] = clientId,
            ["code"] = returned["code"],
            ["redirect_uri"] = TestAgent.RedirectUri,
            ["code_verifier"] = verifier,
        }, proofs);
    }

    /// <summary>A refresh.</summary>
    public Task<JsonAnswer> RefreshAsync(string clientId, string refreshToken, IReadOnlyList<string>? proofs = null) =>
        TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = clientId, ["refresh_token"] = refreshToken }, proofs);

    /// <summary>A request to a protected resource with a proof of the key, or with the headers given instead.</summary>
    public async Task<JsonAnswer> CallAsync(HttpMethod method, string path, string token, IReadOnlyList<string>? proofs = null, JsonNode? body = null, string scheme = "DPoP")
    {
        using var request = new HttpRequestMessage(method, new Uri(instance ?? kontext, path));
        request.Headers.TryAddWithoutValidation("Authorization", $"{scheme} {token}");
        foreach (var proof in proofs ?? [key.Proof(method.Method, At(path), token)])
            request.Headers.TryAddWithoutValidation("DPoP", proof);
        request.Headers.TryAddWithoutValidation("Accept", "application/json, text/event-stream");
        if (body is not null)
            request.Content = JsonContent.Create(body);
        return await SendAsync(request);
    }

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    private async Task<JsonAnswer> SendAsync(HttpRequestMessage request)
    {
        using var answer = await http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        if (answer.Content.Headers.ContentType?.MediaType == "text/event-stream")
            text = text.Split('\n').Last(line => line.StartsWith("data:", StringComparison.Ordinal))[5..];
        return new JsonAnswer(answer.StatusCode, text.Length == 0 ? null : JsonNode.Parse(text), answer.Headers);
    }
}
