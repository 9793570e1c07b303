using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Api;

/// <summary>Checks and applies OAuth settings as sent to the API.</summary>
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
            DeviceGrant = input.DeviceGrant ?? current.DeviceGrant,
            PkceRequired = input.PkceRequired ?? current.PkceRequired,
            DpopBoundAccessTokens = input.DpopBoundAccessTokens ?? current.DpopBoundAccessTokens,
            Scopes = input.Scopes?.ToImmutableArray() ?? current.Scopes,
            AllowedResources = targets?.ToImmutableArray() ?? current.AllowedResources,
            SecretHash = !confidential || signs ? null : secret is null ? current.SecretHash : RandomValue.HashOf(secret.Reveal()),
            RetiringSecret = !confidential || signs || secret is not null ? null : current.RetiringSecret,
        }, secret);
    }
}
