using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Api;

/// <summary>Checks and applies OAuth settings and partner trust as sent to the API.</summary>
internal static class OAuthSettings
{
    /// <summary>The settings with what was sent applied; a new secret when the client became confidential.</summary>
    public static Result<(OAuthClient Client, Secret? NewSecret)> Apply(OAuthClient current, OAuthInput input, Resources resources)
    {
        var errors = new Dictionary<string, string>();
        if (input.Type is not (null or "public" or "confidential"))
            errors["type"] = "Has to be public or confidential.";
        if (input.RedirectUris is { } uris && (uris.Count > 50 || uris.Any(uri => uri is null || !RedirectUri.IsRegistrable(uri))))
            errors["redirectUris"] = "At most 50, each https, http on loopback, or a private-use scheme in reverse-domain form, without fragment.";
        if (input.Scopes is { } scopes && scopes.Any(scope => scope is null || !Scopes.IsKnown(scope)))
            errors["scopes"] = $"Known are {string.Join(", ", Scopes.Supported)}.";
        var targets = input.AllowedResources ?? input.ResourceIndicators;
        if (targets is not null && targets.Any(target => target is null || resources.Canonical(target) is null))
            errors["allowedResources"] = $"Each has to be {Resources.GatewayName}, {resources.Gateway} or {resources.Api}.";
        var authentication = ClientAuthenticationSettings.Apply(current, input, errors);
        var confidential = authentication.Confidential;
        if (!confidential && input.PkceRequired == false)
            errors["pkceRequired"] = "A public client always needs PKCE.";
        if (errors.Count > 0)
            return Api.Invalid(errors);

        var signs = authentication.AuthMethod == ClientAuthMethods.PrivateKeyJwt;
        var secret = confidential && !signs && current.SecretHash is null ? new Secret(RandomValue.Token()) : null;
        return (authentication with
        {
            RedirectUris = input.RedirectUris?.ToImmutableArray() ?? current.RedirectUris,
            PkceRequired = input.PkceRequired ?? current.PkceRequired,
            DpopBoundAccessTokens = input.DpopBoundAccessTokens ?? current.DpopBoundAccessTokens,
            Scopes = input.Scopes?.ToImmutableArray() ?? current.Scopes,
            AllowedResources = targets?.ToImmutableArray() ?? current.AllowedResources,
            SecretHash = !confidential || signs ? null : secret is null ? current.SecretHash : RandomValue.HashOf(secret.Reveal()),
            RetiringSecret = !confidential || signs || secret is not null ? null : current.RetiringSecret,
        }, secret);
    }

    /// <summary>Partner trust with what was sent applied (contract 1.5).</summary>
    public static Result<ExternalAuth> Apply(Application application, ExternalAuthInput input)
    {
        var current = application.ExternalAuth;
        var errors = new Dictionary<string, string>();
        if (!application.OAuth.Confidential)
            errors["externalAuth"] = "Only confidential applications can trust a partner's tokens.";
        Demand(errors, "externalAuth.issuer", input.Issuer ?? current?.Issuer, url: false);
        Demand(errors, "externalAuth.jwksUrl", input.JwksUrl ?? current?.JwksUrl, url: true);
        Demand(errors, "externalAuth.audience", input.Audience ?? current?.Audience, url: false);
        if (input.MaxTokenAgeSeconds is <= 0)
            errors["externalAuth.maxTokenAgeSeconds"] = "Has to be greater than 0.";
        if (input.AllowedAlgorithms is { } algorithms && (algorithms.Count == 0 || algorithms.Any(name => name is not ("RS256" or "RS384" or "RS512" or "PS256" or "PS384" or "PS512" or "ES256" or "ES384" or "ES512"))))
            errors["externalAuth.allowedAlgorithms"] = "Asymmetric JWS algorithms only: RS, PS or ES with 256, 384 or 512.";
        if (input.RequiredClaims is { } claims && claims.Any(claim => claim.Value is null))
            errors["externalAuth.requiredClaims"] = "Each claim needs the text it has to equal.";
        if (input.AllowedReturnUrls is { } returns && returns.Any(url => !Uri.TryCreate(url, UriKind.Absolute, out var uri) || !(uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback))))
            errors["externalAuth.allowedReturnUrls"] = "Each has to be an https address, or http on loopback.";
        if (input.PartnerApiKey is { Length: < 16 })
            errors["externalAuth.partnerApiKey"] = "Has to have at least 16 characters.";
        if (errors.Count > 0)
            return Api.Invalid(errors);
        return new ExternalAuth
        {
            Enabled = input.Enabled ?? current?.Enabled ?? false,
            Issuer = (input.Issuer ?? current?.Issuer)!,
            JwksUrl = (input.JwksUrl ?? current?.JwksUrl)!,
            Audience = (input.Audience ?? current?.Audience)!,
            AllowedAlgorithms = input.AllowedAlgorithms?.ToImmutableArray() ?? current?.AllowedAlgorithms ?? ["RS256"],
            RequiredClaims = input.RequiredClaims?.ToImmutableDictionary() ?? current?.RequiredClaims ?? ImmutableDictionary<string, string>.Empty,
            AllowedReturnUrls = input.AllowedReturnUrls?.ToImmutableArray() ?? current?.AllowedReturnUrls ?? [],
            MaxTokenAgeSeconds = input.MaxTokenAgeSeconds ?? current?.MaxTokenAgeSeconds ?? 600,
            PartnerApiKeyHash = input.PartnerApiKey is { } key ? RandomValue.HashOf(key) : current?.PartnerApiKeyHash,
        };
    }

    private static void Demand(Dictionary<string, string> errors, string field, string? value, bool url)
    {
        if (string.IsNullOrWhiteSpace(value))
            errors[field] = "Is required.";
        else if (url && !(Uri.TryCreate(value, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback))))
            errors[field] = "Has to be an https address.";
    }
}
