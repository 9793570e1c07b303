using System.Globalization;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Functions.Upstream;

namespace Kontext.Functions.OAuth;

/// <summary>What clients discover: server metadata (RFC 8414, OpenID Connect Discovery), keys, and the metadata of our protected resources (RFC 9728).</summary>
internal static class MetadataEndpoints
{
    public static void Map(IEndpointRouteBuilder app)
    {
        var group = app.MapGroup("/.well-known").WithMetadata(new Surface(Authenticate: null, OAuthErrors.Of)).RequireCors(PublicCors.Policy);
        group.MapGet("/oauth-authorization-server", Server);
        group.MapGet("/openid-configuration", Server);
        group.MapGet("/jwks.json", Keys);
        group.MapGet("/oauth-client", Client);
        group.MapGet("/oauth-protected-resource", Gateway);
        group.MapGet("/oauth-protected-resource/mcp", Gateway);
        group.MapGet("/oauth-protected-resource/mcp/{integration}", Integration);
        group.MapGet("/oauth-protected-resource/api/v1", Api);
    }

    private static async Task<IResult> Server(KontextSettings settings, IOrganizationStore organizations, HttpResponse response, CancellationToken cancellationToken)
    {
        // Clients believe what stands here: who says that strangers may come has to let them in.
        var openToStrangers = await organizations.FindBySlugAsync(settings.Organization, cancellationToken) is { } org
            && await organizations.CurrentAsync(org, cancellationToken) is { DynamicRegistration: true };
        Cacheable(response);
        var issuer = settings.Issuer;
        return Results.Json(new ServerMetadataBody
        {
            Issuer = issuer,
            AuthorizationEndpoint = issuer + "/oauth2/auth",
            TokenEndpoint = issuer + "/oauth2/token",
            JwksUri = issuer + "/.well-known/jwks.json",
            RegistrationEndpoint = openToStrangers ? issuer + "/oauth2/register" : null,
            RevocationEndpoint = issuer + "/oauth2/revoke",
            IntrospectionEndpoint = issuer + "/oauth2/introspect",
            DeviceAuthorizationEndpoint = issuer + "/oauth2/device/authorize",
            UserinfoEndpoint = issuer + "/oauth2/userinfo",
            ScopesSupported = Scopes.Supported,
            ResponseTypesSupported = ["code"],
            ResponseModesSupported = ["query"],
            GrantTypesSupported = TokenRequest.GrantTypes,
            TokenEndpointAuthMethodsSupported = ClientAuthMethods.Supported,
            TokenEndpointAuthSigningAlgValuesSupported = ClientAuthMethods.SigningAlgorithms,
            RevocationEndpointAuthMethodsSupported = ClientAuthMethods.Supported,
            RevocationEndpointAuthSigningAlgValuesSupported = ClientAuthMethods.SigningAlgorithms,
            DpopSigningAlgValuesSupported = ProofKey.Algorithms,
            IntrospectionEndpointAuthMethodsSupported = ClientAuthMethods.Confidential,
            IntrospectionEndpointAuthSigningAlgValuesSupported = ClientAuthMethods.SigningAlgorithms,
            CodeChallengeMethodsSupported = ["S256"],
            SubjectTypesSupported = ["public"],
            IdTokenSigningAlgValuesSupported = ["ES256"],
            ClaimsSupported = ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "name", "email", "sid"],
            AuthorizationResponseIssParameterSupported = true,
            RequestUriParameterSupported = false,
            ClientIdMetadataDocumentSupported = openToStrangers,
        }, OAuthJson.Default.ServerMetadataBody);
    }

    private static async Task<IResult> Keys(SigningKeyRing keys, KontextSettings settings, HttpResponse response, CancellationToken cancellationToken)
    {
        var published = await keys.PublishedAsync(cancellationToken);
        // A new key signs only when everything that was cached for this long is gone.
        response.Headers.CacheControl = string.Create(CultureInfo.InvariantCulture, $"public, max-age={(int)settings.SigningKeys.CacheFor.TotalSeconds}");
        return Results.Json(new JwksBody([.. published.Select(key => new JwkBody("EC", "P-256", key.X, key.Y, key.Kid, "sig", key.Algorithm))]), OAuthJson.Default.JwksBody);
    }

    /// <summary>Ourselves as a client of other authorization servers (draft-ietf-oauth-client-id-metadata-document-01 section 4): its address is our client id there.</summary>
    private static IResult Client(ConnectAddresses addresses, KontextSettings settings, HttpResponse response)
    {
        Cacheable(response);
        var document = RegistrationDocument.Describe(addresses.RedirectUri, ClientAuthMethods.None, settings.PublicUrl);
        document["client_id"] = settings.Issuer + "/.well-known/oauth-client";
        return Results.Content(document.ToJsonString(), "application/json");
    }

    private static IResult Gateway(KontextSettings settings, HttpResponse response) => Resource(settings, response, settings.GatewayResource, Scopes.Invoke, "Kontext MCP gateway");

    // Answered alike for every name: who may see which integration is decided after authentication.
    private static IResult Integration(string integration, KontextSettings settings, HttpResponse response) =>
        Resource(settings, response, $"{settings.GatewayResource}/{Uri.EscapeDataString(integration)}", Scopes.Invoke, "Kontext MCP gateway");

    private static IResult Api(KontextSettings settings, HttpResponse response) => Resource(settings, response, settings.ApiResource, Scopes.Management, "Kontext management API");

    private static IResult Resource(KontextSettings settings, HttpResponse response, string resource, string scope, string name)
    {
        Cacheable(response);
        return Results.Json(new ResourceMetadataBody(resource, [settings.Issuer], [scope], ["header"], name, ProofKey.Algorithms), OAuthJson.Default.ResourceMetadataBody);
    }

    private static void Cacheable(HttpResponse response) => response.Headers.CacheControl = "public, max-age=300";
}
