using System.Text.Json;
using System.Text.Json.Serialization;
using Kontext.Domain.OAuth;
using Kontext.Domain.Policies;

namespace Kontext.Functions.OAuth;

/// <summary>A successful token response (OAuth 2.1 section 3.2.3, RFC 8693 section 2.2.1).</summary>
internal sealed record TokenBody(string AccessToken, string? IssuedTokenType, string TokenType, long? ExpiresIn, string? RefreshToken, string? IdToken, string? Scope);

/// <summary>An OAuth error (RFC 6749 section 5.2) with what contract 3.4.5 adds.</summary>
internal sealed record ErrorBody(string Error, string ErrorDescription)
{
    public string? Code { get; init; }

    public string? FailureReason { get; init; }

    public string? IntegrationId { get; init; }

    public string? IntegrationName { get; init; }

    public string? ConnectUrl { get; init; }

    public string? ApprovalUrl { get; init; }

    public PolicyEvaluationBody? PolicyEvaluation { get; init; }
}

/// <summary>What each layer said, in seed 002's words.</summary>
internal sealed record PolicyEvaluationBody(string OrgPolicy, string UserConsent, string AgentPermissions, string? DeniedBy, string? Reason)
{
    public static PolicyEvaluationBody Of(PolicyDecision decision) => new(
        Word(decision, PolicyLayer.Organization),
        Word(decision, PolicyLayer.User),
        Word(decision, PolicyLayer.Application),
        decision.Denial?.Rule?.ToString(),
        decision.Denial?.Reason);

    private static string Word(PolicyDecision decision, PolicyLayer layer) =>
        decision.Layers.FirstOrDefault(said => said.Layer == layer) switch { { Allowed: true } => "allow", { Asks: true } => "ask", _ => "deny" };
}

/// <summary>Authorization server metadata (RFC 8414 section 2, OpenID Connect Discovery section 3).</summary>
internal sealed record ServerMetadataBody
{
    public required string Issuer { get; init; }

    public required string AuthorizationEndpoint { get; init; }

    public required string TokenEndpoint { get; init; }

    public required string JwksUri { get; init; }

    public required string? RegistrationEndpoint { get; init; }

    public required string RevocationEndpoint { get; init; }

    public required string IntrospectionEndpoint { get; init; }

    public required string DeviceAuthorizationEndpoint { get; init; }

    public required string UserinfoEndpoint { get; init; }

    public required IReadOnlyList<string> ScopesSupported { get; init; }

    public required IReadOnlyList<string> ResponseTypesSupported { get; init; }

    public required IReadOnlyList<string> ResponseModesSupported { get; init; }

    public required IReadOnlyList<string> GrantTypesSupported { get; init; }

    public required IReadOnlyList<string> TokenEndpointAuthMethodsSupported { get; init; }

    public required IReadOnlyList<string> TokenEndpointAuthSigningAlgValuesSupported { get; init; }

    public required IReadOnlyList<string> RevocationEndpointAuthMethodsSupported { get; init; }

    public required IReadOnlyList<string> RevocationEndpointAuthSigningAlgValuesSupported { get; init; }

    public required IReadOnlyList<string> DpopSigningAlgValuesSupported { get; init; }

    public required IReadOnlyList<string> IntrospectionEndpointAuthMethodsSupported { get; init; }

    public required IReadOnlyList<string> IntrospectionEndpointAuthSigningAlgValuesSupported { get; init; }

    public required IReadOnlyList<string> CodeChallengeMethodsSupported { get; init; }

    public required IReadOnlyList<string> SubjectTypesSupported { get; init; }

    public required IReadOnlyList<string> IdTokenSigningAlgValuesSupported { get; init; }

    public required IReadOnlyList<string> ClaimsSupported { get; init; }

    public required bool AuthorizationResponseIssParameterSupported { get; init; }

    public required bool RequestUriParameterSupported { get; init; }

    public required bool ClientIdMetadataDocumentSupported { get; init; }
}

/// <summary>Protected resource metadata (RFC 9728 section 2).</summary>
internal sealed record ResourceMetadataBody(string Resource, IReadOnlyList<string> AuthorizationServers, IReadOnlyList<string> ScopesSupported, IReadOnlyList<string> BearerMethodsSupported, string ResourceName, IReadOnlyList<string> DpopSigningAlgValuesSupported);

/// <summary>A public signing key (RFC 7517).</summary>
internal sealed record JwkBody(string Kty, string Crv, string X, string Y, string Kid, string Use, string Alg);

/// <summary>The key set (RFC 7517 section 5).</summary>
internal sealed record JwksBody(IReadOnlyList<JwkBody> Keys);

/// <summary>Client metadata as a client registers it (RFC 7591 section 2). What we do not use is ignored.</summary>
internal sealed record RegistrationBody
{
    public IReadOnlyList<string>? RedirectUris { get; init; }

    public string? ClientName { get; init; }

    public string? TokenEndpointAuthMethod { get; init; }

    public IReadOnlyList<string>? GrantTypes { get; init; }

    public IReadOnlyList<string>? ResponseTypes { get; init; }

    public string? Scope { get; init; }

    public JsonElement? Jwks { get; init; }

    public string? JwksUri { get; init; }

    public bool? DpopBoundAccessTokens { get; init; }

    public string? ApplicationType { get; init; }
}

/// <summary>What a registered client gets back (RFC 7591 section 3.2.1, RFC 7592 section 3).</summary>
internal sealed record RegisteredBody
{
    public required string ClientId { get; init; }

    public required long ClientIdIssuedAt { get; init; }

    public string? ClientSecret { get; init; }

    public long? ClientSecretExpiresAt { get; init; }

    public required string ClientName { get; init; }

    public required IReadOnlyList<string> RedirectUris { get; init; }

    public required string TokenEndpointAuthMethod { get; init; }

    public required IReadOnlyList<string> GrantTypes { get; init; }

    public required IReadOnlyList<string> ResponseTypes { get; init; }

    public string? Scope { get; init; }

    public JsonElement? Jwks { get; init; }

    public string? JwksUri { get; init; }

    public bool? DpopBoundAccessTokens { get; init; }

    public string? ApplicationType { get; init; }

    public string? RegistrationAccessToken { get; init; }

    public required string RegistrationClientUri { get; init; }
}

/// <summary>Claims about the person behind a token (OpenID Connect Core section 5.3.2).</summary>
internal sealed record UserInfoBody(string Sub, string? Name, string? Email);

/// <summary>A device authorization response (RFC 8628 section 3.2).</summary>
internal sealed record DeviceAuthorizationBody(string DeviceCode, string UserCode, string VerificationUri, string VerificationUriComplete, long ExpiresIn, long Interval);

/// <summary>An introspection response (RFC 7662 section 2.2); of a token that is not active it says nothing else.</summary>
internal sealed record IntrospectionBody
{
    public required bool Active { get; init; }

    public string? Scope { get; init; }

    public string? ClientId { get; init; }

    public string? TokenType { get; init; }

    public long? Exp { get; init; }

    public long? Iat { get; init; }

    public string? Sub { get; init; }

    public IReadOnlyList<string>? Aud { get; init; }

    public string? Iss { get; init; }

    public string? Jti { get; init; }

    public string? Sid { get; init; }

    public ConfirmationBody? Cnf { get; init; }

    public ActorBody? Act { get; init; }
}

/// <summary>The key a token is bound to (RFC 9449 section 6.2).</summary>
internal sealed record ConfirmationBody(string Jkt);

/// <summary>Who acts, and who did before (RFC 8693 section 4.1).</summary>
internal sealed record ActorBody(string Sub, ActorBody? Act)
{
    public static ActorBody? Of(ActorClaim? actor) => actor is null ? null : new ActorBody(actor.ClientId, Of(actor.Prior));
}

/// <summary>JSON of the OAuth surface: snake_case, absent instead of null.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = 16)]
[JsonSerializable(typeof(TokenBody))]
[JsonSerializable(typeof(ErrorBody))]
[JsonSerializable(typeof(ServerMetadataBody))]
[JsonSerializable(typeof(ResourceMetadataBody))]
[JsonSerializable(typeof(JwksBody))]
[JsonSerializable(typeof(RegistrationBody))]
[JsonSerializable(typeof(RegisteredBody))]
[JsonSerializable(typeof(UserInfoBody))]
[JsonSerializable(typeof(DeviceAuthorizationBody))]
[JsonSerializable(typeof(IntrospectionBody))]
internal sealed partial class OAuthJson : JsonSerializerContext;
