using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Upstream;

namespace Kontext.Functions.SignIn;

/// <summary>Exchanges the code of a sign-in for an ID token (OpenID Connect Core section 3.1.3). The access token that comes along is of no use here and dropped.</summary>
/// <param name="http">A guarded client.</param>
/// <param name="time">The clock.</param>
internal sealed class CodeExchange(HttpClient http, TimeProvider time)
{
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(10);

    /// <summary>The ID token, not yet validated.</summary>
    public async Task<Result<Secret>> RunAsync(SignInSettings settings, IdentityProviderMetadata provider, Secret code, string redirectUri, Secret codeVerifier, CancellationToken cancellationToken)
    {
        var form = new Dictionary<string, string>
        {
            ["grant_type"] = "authorization_code", ["code"] = code.Reveal(), ["redirect_uri"] = redirectUri, ["code_verifier"] = codeVerifier.Reveal(),
        };
        using var request = new HttpRequestMessage(HttpMethod.Post, provider.TokenEndpoint);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        if (Authenticate(settings, provider, request, form) is { } unusable)
            return unusable;
        request.Content = new FormUrlEncodedContent(form);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TimeLimit);
        try
        {
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            var retryAfter = ProviderResponse.RetryAfterOf(response, time.GetUtcNow());
            return await ProviderResponse.ReadBodyAsync(response, limit.Token) is { } body
                ? Read((int)response.StatusCode, body, retryAfter) : Unusable("is far too large");
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException)
        {
            return Unavailable(broken.GetType().Name, null);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Unavailable("no answer in time", null);
        }
    }

    private static Failure? Authenticate(SignInSettings settings, IdentityProviderMetadata provider, HttpRequestMessage request, Dictionary<string, string> form)
    {
        var methods = provider.ClientAuthentications;
        if (settings.ClientSecret is not { } secret)
        {
            form["client_id"] = settings.ClientId;
        }
        else if (methods.IsEmpty || methods.Contains(ClientAuthMethods.Basic))
        {
            // Both halves are form-encoded first (RFC 6749 section 2.3.1).
            var pair = $"{Uri.EscapeDataString(settings.ClientId)}:{Uri.EscapeDataString(secret.Reveal())}";
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(pair)));
        }
        else if (methods.Contains(ClientAuthMethods.Post))
        {
            (form["client_id"], form["client_secret"]) = (settings.ClientId, secret.Reveal());
        }
        else
        {
            return new Failure(FailureCode.Misconfigured, "The sign-in provider accepts none of the ways we can authenticate there: an administrator has to allow client_secret_basic or client_secret_post.");
        }
        return null;
    }

    private static Result<Secret> Read(int status, byte[] body, TimeSpan? retryAfter)
    {
        if (status is 429 or >= 500)
            return Unavailable($"status {status}", retryAfter);
        JsonDocument document;
        try
        {
            document = JsonText.Parse(body, new JsonDocumentOptions { MaxDepth = 16 });
        }
        catch (JsonException)
        {
            return Unusable($"is not JSON, status {status}");
        }
        using (document)
        {
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                return Unusable($"is not a JSON object, status {status}");
            if (JsonMember.Text(document.RootElement, "error") is { } error)
                return ProviderErrors.Of(error, "token endpoint");
            return status is >= 200 and < 300 && JsonMember.Text(document.RootElement, "id_token") is { Length: > 0 } token
                ? new Secret(token) : Unusable($"holds no ID token, status {status}");
        }
    }

    private static Failure Unavailable(string why, TimeSpan? retryAfter) =>
        new(FailureCode.Unavailable, "The sign-in provider of this organization does not answer right now.", $"token endpoint: {why}") { RetryAfter = retryAfter };

    private static Failure Unusable(string what) => new(FailureCode.UpstreamFailed, "The sign-in provider gave an answer that cannot be used.", $"token answer {what}");
}
