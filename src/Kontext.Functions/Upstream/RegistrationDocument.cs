using System.Text.Json;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Upstream;

/// <summary>Writes our registration request and reads the answer (RFC 7591 section 3).</summary>
internal static class RegistrationDocument
{
    private const int MaxLength = 4096;

    /// <summary>What we are, as authorization servers are told: registered there, or read from our own document.</summary>
    public static JsonObject Describe(Uri redirectUri, string authentication, Uri publicUrl) => new()
    {
        ["client_name"] = "Kontext",
        ["client_uri"] = publicUrl.GetLeftPart(UriPartial.Authority),
        ["redirect_uris"] = new JsonArray(redirectUri.AbsoluteUri),
        ["grant_types"] = new JsonArray("authorization_code", "refresh_token"),
        ["response_types"] = new JsonArray("code"),
        ["token_endpoint_auth_method"] = authentication,
        // Only native clients may use loopback redirect URIs (OpenID Connect Registration section 2).
        ["application_type"] = publicUrl.IsLoopback ? "native" : "web",
    };

    /// <summary>The request.</summary>
    public static JsonObject Write(ClientRegistration registration, Uri publicUrl)
    {
        var document = Describe(registration.RedirectUri, WordOf(registration.Authentication), publicUrl);
        if (!registration.Scopes.IsEmpty)
            document["scope"] = string.Join(' ', registration.Scopes);
        return document;
    }

    /// <summary>The client, or why there is none.</summary>
    public static Result<RegisteredClient> Read(string name, Uri endpoint, ProviderResponse answer, ClientAuthentication asked)
    {
        var fields = Parse(answer.Body);
        if (answer.Status is 429 or >= 500)
            return new Failure(FailureCode.Unavailable, $"The authorization server of {name} has trouble registering Kontext (status {answer.Status}). Try again later.") { RetryAfter = answer.RetryAfter };
        if (!answer.IsSuccess)
            return Refused($"refused to register Kontext (status {answer.Status}{(ErrorOf(fields) is { } error ? $", {error}" : "")})");
        if (Text(fields, "client_id") is not { } clientId || clientId.Any(char.IsControl))
            return Refused("answered a registration without a client_id");
        var secret = Text(fields, "client_secret");
        var authentication = Text(fields, "token_endpoint_auth_method") switch
        {
            "client_secret_basic" => ClientAuthentication.Basic,
            "client_secret_post" => ClientAuthentication.Post,
            "none" => ClientAuthentication.None,
            null => secret is null ? ClientAuthentication.None : asked == ClientAuthentication.Post ? asked : ClientAuthentication.Basic,
            _ => (ClientAuthentication?)null,
        };
        if (authentication is not { } method || (method != ClientAuthentication.None && secret is null))
            return Refused("registered Kontext with an authentication method that cannot be used");
        // Zero means that it does not end (RFC 7591 section 3.2.1).
        var expires = fields!["client_secret_expires_at"] is JsonValue value && value.TryGetValue<long>(out var seconds) && seconds is > 0 and < 253402300800
            ? DateTimeOffset.FromUnixTimeSeconds(seconds) : (DateTimeOffset?)null;
        return new RegisteredClient(clientId, method == ClientAuthentication.None ? null : new Secret(secret!), method, method == ClientAuthentication.None ? null : expires);

        Failure Refused(string what) => new(FailureCode.Misconfigured,
            $"The authorization server of {name} {what} at {endpoint}. Register an OAuth app there, and set oauth.clientId and oauth.clientSecret on the integration.");
    }

    private static string WordOf(ClientAuthentication authentication) => authentication switch
    {
        ClientAuthentication.Basic => "client_secret_basic",
        ClientAuthentication.Post => "client_secret_post",
        ClientAuthentication.None => "none",
        _ => throw new InvalidOperationException($"Unknown authentication {authentication}."),
    };

    private static JsonObject? Parse(byte[] body)
    {
        try
        {
            return JsonText.ParseNode(body, new JsonDocumentOptions { MaxDepth = 16, AllowDuplicateProperties = false }) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string? Text(JsonObject? fields, string name) =>
        fields?[name] is JsonValue value && value.TryGetValue<string>(out var text) && text.Length is > 0 and <= MaxLength ? text : null;

    private static string? ErrorOf(JsonObject? fields) => Text(fields, "error") is { } error
        ? new string([.. error.Take(64).Where(character => char.IsAsciiLetterOrDigit(character) || character is '_' or '-' or '.')]) : null;
}
