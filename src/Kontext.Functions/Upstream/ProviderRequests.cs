using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Upstream;

/// <summary>Writes what providers are asked, in all the forms they really want it.</summary>
internal static class ProviderRequests
{
    /// <summary>What we can read.</summary>
    public static readonly MediaTypeWithQualityHeaderValue Json = new("application/json");

    private static readonly ProductInfoHeaderValue Agent = new("Kontext", "1.0");

    /// <summary>A token request with the client's authentication (RFC 6749 section 2.3).</summary>
    public static HttpRequestMessage Token(ProviderApp app, Uri endpoint, Dictionary<string, string> fields)
    {
        var request = New(HttpMethod.Post, endpoint);
        Authenticate(request, app, app.Authentication, fields);
        request.Content = app.TokenRequestFormat == TokenRequestFormat.Json ? JsonOf(fields) : new FormUrlEncodedContent(fields);
        return request;
    }

    /// <summary>A revocation request (RFC 7009 section 2.1), or what the provider has instead.</summary>
    public static HttpRequestMessage Revocation(ProviderApp app, Uri endpoint, Secret token, string hint)
    {
        var style = app.Revocation ?? RevocationStyle.Standard;
        var request = New(style.Method == RevocationMethod.Delete ? HttpMethod.Delete : HttpMethod.Post, endpoint);
        var fields = new Dictionary<string, string>();
        if (app.Revocation is null)
            fields["token_type_hint"] = hint;
        switch (style.ClientAuthentication)
        {
            case RevocationAuthentication.None:
                break;
            case RevocationAuthentication.Basic:
                Authenticate(request, app, ClientAuthentication.Basic, fields);
                break;
            case RevocationAuthentication.Post:
                Authenticate(request, app, ClientAuthentication.Post, fields);
                break;
            case null:
                Authenticate(request, app, app.Authentication, fields);
                break;
            default:
                throw new InvalidOperationException($"Unknown authentication {style.ClientAuthentication}.");
        }
        switch (style.TokenIn)
        {
            case TokenPlace.Bearer:
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token.Reveal());
                break;
            case TokenPlace.Header:
                request.Headers.TryAddWithoutValidation(style.TokenName, token.Reveal());
                break;
            default:
                fields[style.TokenName] = token.Reveal();
                break;
        }
        if (fields.Count > 0)
            request.Content = style.TokenIn == TokenPlace.Json ? JsonOf(fields) : new FormUrlEncodedContent(fields);
        return request;
    }

    /// <summary>The question whose token it is.</summary>
    public static HttpRequestMessage Account(AccountIdentity account, Secret accessToken)
    {
        var request = New(account.Body is null ? HttpMethod.Get : HttpMethod.Post, account.Url);
        if (account.TokenHeader is { } header)
            request.Headers.TryAddWithoutValidation(header, accessToken.Reveal());
        else
            request.Headers.Authorization = new AuthenticationHeaderValue(account.TokenScheme, accessToken.Reveal());
        foreach (var (name, value) in account.Headers ?? [])
        {
            request.Headers.Remove(name);
            request.Headers.TryAddWithoutValidation(name, value);
        }
        if (account.Body is not null)
            request.Content = new StringContent(account.Body, Encoding.UTF8, "application/json");
        return request;
    }

    private static HttpRequestMessage New(HttpMethod method, Uri endpoint)
    {
        var request = new HttpRequestMessage(method, endpoint);
        request.Headers.Accept.Add(Json);
        request.Headers.UserAgent.Add(Agent);
        return request;
    }

    private static void Authenticate(HttpRequestMessage request, ProviderApp app, ClientAuthentication authentication, Dictionary<string, string> fields)
    {
        switch (authentication)
        {
            case ClientAuthentication.Basic when app.ClientSecret is { } secret:
                // Both halves are form-encoded first (RFC 6749 section 2.3.1).
                var pair = $"{Uri.EscapeDataString(app.ClientId)}:{Uri.EscapeDataString(secret.Reveal())}";
                request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(pair)));
                break;
            case ClientAuthentication.Post when app.ClientSecret is { } secret:
                (fields["client_id"], fields["client_secret"]) = (app.ClientId, secret.Reveal());
                break;
            default:
                fields["client_id"] = app.ClientId;
                break;
        }
    }

    private static StringContent JsonOf(Dictionary<string, string> fields) =>
        new(new JsonObject(fields.Select(field => KeyValuePair.Create(field.Key, (JsonNode?)JsonValue.Create(field.Value)))).ToJsonString(), Encoding.UTF8, "application/json");
}
