using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Upstream;

/// <summary>Finds and reads an issuer's metadata (RFC 8414, OpenID Connect Discovery).</summary>
internal static class MetadataDocument
{
    /// <summary>Where the document may be, in the order to try.</summary>
    public static IEnumerable<Uri> PlacesOf(Uri issuer)
    {
        var origin = issuer.GetLeftPart(UriPartial.Authority);
        var path = issuer.AbsolutePath.TrimEnd('/');
        yield return new Uri($"{origin}/.well-known/oauth-authorization-server{path}");
        yield return new Uri($"{origin}/.well-known/openid-configuration{path}");
        if (path.Length > 0)
            yield return new Uri($"{origin}{path}/.well-known/openid-configuration");
    }

    /// <summary>Reads it. The issuer in it has to be the one asked (RFC 8414 section 3.3), but for a trailing slash that people forget to type.</summary>
    public static Result<IssuerMetadata> Read(byte[] body, string issuer, Func<Uri, bool> isAllowed)
    {
        JsonObject? document;
        try
        {
            document = JsonText.ParseNode(body, new JsonDocumentOptions { MaxDepth = 16 }) as JsonObject;
        }
        catch (JsonException)
        {
            document = null;
        }
        if (document is null)
            return Wrong("is not a JSON object");
        if (Text(document, "issuer") is not { } named || named.TrimEnd('/') != issuer.TrimEnd('/'))
            return Wrong("names another issuer");
        if (Endpoint(document, "authorization_endpoint", isAllowed) is not { } authorization || Endpoint(document, "token_endpoint", isAllowed) is not { } token)
            return Wrong("lacks an https authorization or token endpoint");
        return new IssuerMetadata
        {
            Issuer = named,
            AuthorizationEndpoint = authorization,
            TokenEndpoint = token,
            RevocationEndpoint = Endpoint(document, "revocation_endpoint", isAllowed),
            UserInfoEndpoint = Endpoint(document, "userinfo_endpoint", isAllowed),
            ClientAuthentications = Texts(document, "token_endpoint_auth_methods_supported"),
            RegistrationEndpoint = Endpoint(document, "registration_endpoint", isAllowed),
            TakesClientDocuments = Says(document, "client_id_metadata_document_supported"),
            ChallengeMethods = Texts(document, "code_challenge_methods_supported"),
            Scopes = Texts(document, "scopes_supported"),
            SendsIssuer = Says(document, "authorization_response_iss_parameter_supported"),
        };
    }

    private static string? Text(JsonObject document, string name) => document[name] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static bool Says(JsonObject document, string name) => document[name] is JsonValue value && value.TryGetValue<bool>(out var yes) && yes;

    private static ImmutableArray<string> Texts(JsonObject document, string name) =>
        document[name] is JsonArray list ? [.. list.OfType<JsonValue>().Select(item => item.TryGetValue<string>(out var text) ? text : null).OfType<string>()] : [];

    private static Uri? Endpoint(JsonObject document, string name, Func<Uri, bool> isAllowed) =>
        Uri.TryCreate(Text(document, name), UriKind.Absolute, out var address) && isAllowed(address) ? address : null;

    private static Failure Wrong(string what) =>
        new(FailureCode.Misconfigured, $"The issuer's metadata {what}. An administrator has to check oauth.issuer of the integration.");
}

/// <summary>Finds the account's name in a provider's answer about it.</summary>
internal static class AccountName
{
    private const int MaxLength = 200;

    /// <summary>The text at the first path that has one; null when none has.</summary>
    public static string? Find(byte[] body, ImmutableArray<string> paths)
    {
        JsonNode? document;
        try
        {
            document = JsonText.ParseNode(body, new JsonDocumentOptions { MaxDepth = 32 });
        }
        catch (JsonException)
        {
            return null;
        }
        foreach (var path in paths)
        {
            var node = document;
            foreach (var step in path.Split('.'))
                node = node is JsonArray list ? int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out var place) && place < list.Count ? list[place] : null : (node as JsonObject)?[step];
            if (node is not JsonValue value)
                continue;
            var text = value.TryGetValue<string>(out var found) ? found : value.TryGetValue<long>(out var number) ? number.ToString(CultureInfo.InvariantCulture) : null;
            if (!string.IsNullOrWhiteSpace(text))
                return text.Length <= MaxLength ? text : text[..MaxLength];
        }
        return null;
    }
}
