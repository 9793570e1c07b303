using System.Collections.Immutable;

namespace Kontext.Domain.OAuth;

/// <summary>A token request, one record per grant (contract 3.4).</summary>
public abstract record TokenRequest
{
    /// <summary>The grant of agents without a browser.</summary>
    public const string DeviceGrant = "urn:ietf:params:oauth:grant-type:device_code";
    private const string ExchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange";

    private TokenRequest()
    {
    }

    /// <summary>The grant types served, as the metadata lists them.</summary>
    public static readonly ImmutableArray<string> GrantTypes = ["authorization_code", "refresh_token", "client_credentials", DeviceGrant, ExchangeGrant];

    /// <summary>authorization_code (OAuth 2.1 section 4.1.3).</summary>
    public sealed record AuthorizationCode(Secret Code, string? RedirectUri, string? CodeVerifier, IReadOnlyList<string> Resources) : TokenRequest;

    /// <summary>refresh_token (OAuth 2.1 section 4.3).</summary>
    public sealed record Refresh(Secret Token, ImmutableArray<string> Scopes, IReadOnlyList<string> Resources) : TokenRequest;

    /// <summary>client_credentials (OAuth 2.1 section 4.2).</summary>
    public sealed record ClientCredentials(ImmutableArray<string> Scopes, string? Audience) : TokenRequest;

    /// <summary>device_code (RFC 8628 section 3.4).</summary>
    public sealed record DeviceCode(Secret Code, IReadOnlyList<string> Resources) : TokenRequest;

    /// <summary>token exchange (RFC 8693 section 2.1; contract 3.4.4).</summary>
    public sealed record Exchange(string SubjectTokenType, Secret? SubjectToken, IReadOnlyList<string> Targets, ImmutableArray<string> Scopes) : TokenRequest
    {
        /// <summary><c>actor_token</c>: an access token of the client that acts; null when none was sent.</summary>
        public Secret? ActorToken { get; init; }

        /// <summary><c>requested_token_type</c>; null when any will do.</summary>
        public string? RequestedTokenType { get; init; }
    }

    /// <summary>Reads the form.</summary>
    public static Result<TokenRequest> Parse(OAuthParameters form)
    {
        if (form.Repeated is { } repeated)
            return repeated;
        switch (form["grant_type"])
        {
            case "authorization_code":
                if (form["code"] is not { } code)
                    return Missing("code");
                return new AuthorizationCode(new Secret(code), form["redirect_uri"], form["code_verifier"], form.All("resource"));
            case "refresh_token":
                if (form["refresh_token"] is not { } token)
                    return Missing("refresh_token");
                return new Refresh(new Secret(token), Scopes.Parse(form["scope"]), form.All("resource"));
            case "client_credentials":
                return new ClientCredentials(Scopes.Parse(form["scope"]), form["audience"] ?? form["resource"]);
            case DeviceGrant:
                if (form["device_code"] is not { } deviceCode)
                    return Missing("device_code");
                return new DeviceCode(new Secret(deviceCode), form.All("resource"));
            case ExchangeGrant:
                return ParseExchange(form);
            case null:
                return Missing("grant_type");
            default:
                return new Failure(FailureCode.UnsupportedGrantType, $"grant_type has to be one of {string.Join(", ", GrantTypes)}.");
        }
    }

    private static Result<TokenRequest> ParseExchange(OAuthParameters form)
    {
        if (form["subject_token_type"] is not { } type)
            return Missing("subject_token_type");
        var itself = type == SubjectTokenTypes.ConfidentialClient;
        if (form["subject_token"] is null && !itself)
            return Missing("subject_token");
        if (form["subject_token"] is not null && itself)
            return new Failure(FailureCode.InvalidRequest, $"{SubjectTokenTypes.ConfidentialClient} means the client itself: send no subject_token.");
        // RFC 8693 section 2.1: each of the two only with the other.
        if ((form["actor_token"] is null) != (form["actor_token_type"] is null))
            return new Failure(FailureCode.InvalidRequest, "actor_token and actor_token_type belong together.");
        if (form["actor_token_type"] is not (null or SubjectTokenTypes.AccessToken))
            return new Failure(FailureCode.InvalidRequest, $"actor_token_type has to be {SubjectTokenTypes.AccessToken}.");
        if (form["requested_token_type"] is not (null or SubjectTokenTypes.AccessToken or SubjectTokenTypes.Jwt))
            return new Failure(FailureCode.InvalidRequest, $"requested_token_type has to be {SubjectTokenTypes.AccessToken}.");
        var targets = form.All("resource").Concat(form.All("audience")).Distinct(StringComparer.Ordinal).ToList();
        if (targets.Count == 0)
            return new Failure(FailureCode.InvalidRequest, "Name a resource: an integration by its name, or mcp-gateway.");
        return new Exchange(type, form["subject_token"] is { } token ? new Secret(token.Trim()) : null, targets, Scopes.Parse(form["scope"]))
        {
            ActorToken = form["actor_token"] is { } actor ? new Secret(actor.Trim()) : null,
            RequestedTokenType = form["requested_token_type"],
        };
    }

    private static Failure Missing(string name) => new(FailureCode.InvalidRequest, $"The parameter {name} is missing.");
}

/// <summary>Subject token types (RFC 8693 section 3; contract 3.4.4).</summary>
public static class SubjectTokenTypes
{
    /// <summary>An access token of ours.</summary>
    public const string AccessToken = "urn:ietf:params:oauth:token-type:access_token";

    /// <summary>A JWT: as what is asked for, our access tokens are such; as a subject, a partner's own token about one of its users (contract 1.5).</summary>
    public const string Jwt = "urn:ietf:params:oauth:token-type:jwt";

    /// <summary>A partner's own user id, vouched for by a confidential application (contract 3.4.4 b).</summary>
    public const string UserId = "urn:kontext:user-id";

    /// <summary>The confidential client itself; no subject token (contract 3.4.4 c).</summary>
    public const string ConfidentialClient = "urn:kontext:confidential-client";
}

/// <summary>A successful answer of the token endpoint (OAuth 2.1 section 3.2.3, RFC 8693 section 2.2.1).</summary>
public sealed record TokenResponse
{
    /// <summary><c>token_type</c> of a token that whoever has it can use, and of brokered credentials, which are no tokens of ours to bind.</summary>
    public const string Bearer = "Bearer";

    /// <summary><c>token_type</c> of a token bound to a key (RFC 9449 section 5).</summary>
    public const string DPoP = "DPoP";

    /// <summary>The token or brokered credential.</summary>
    public required Secret AccessToken { get; init; }

    /// <summary><see cref="Bearer"/> or <see cref="DPoP"/>.</summary>
    public string TokenType { get; init; } = Bearer;

    /// <summary>Life left; null for credentials that do not expire (contract 3.4.4).</summary>
    public TimeSpan? ExpiresIn { get; init; }

    /// <summary>Null when none is issued.</summary>
    public Secret? RefreshToken { get; init; }

    /// <summary>Null unless <c>openid</c> was granted.</summary>
    public Secret? IdToken { get; init; }

    /// <summary>Granted scopes, or the provider's for a brokered credential.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary>Only for token exchange.</summary>
    public string? IssuedTokenType { get; init; }
}
