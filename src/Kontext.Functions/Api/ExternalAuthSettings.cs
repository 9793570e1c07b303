using System.Collections.Immutable;
using System.Net;
using Kontext.Domain;
using Kontext.Domain.Tenancy;
using Kontext.Functions.Upstream;

namespace Kontext.Functions.Api;

/// <summary>Checks and applies trust in a partner's tokens as sent to the API (contract 1.5).</summary>
internal static class ExternalAuthSettings
{
    private const int MaxText = 2048;
    private const int MaxEntries = 50;
    private const int MinKey = 16;
    private const int MaxKey = 512;
    private static readonly string[] Algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];

    /// <summary>The trust with what was sent applied; what was not sent stays.</summary>
    public static Result<ExternalAuth> Apply(Application application, ExternalAuthInput input, KontextSettings settings)
    {
        var current = application.ExternalAuth;
        var errors = new Dictionary<string, string>();
        if (!application.OAuth.Confidential)
            errors["externalAuth"] = "Only confidential applications can trust a partner's tokens.";
        DemandText(errors, "externalAuth.issuer", input.Issuer ?? current?.Issuer);
        DemandText(errors, "externalAuth.audience", input.Audience ?? current?.Audience);
        if (!MayFetch(input.JwksUrl ?? current?.JwksUrl, settings))
            errors["externalAuth.jwksUrl"] = "Has to be an https address on the public internet, without user name and fragment.";
        if (input.MaxTokenAgeSeconds is <= 0)
            errors["externalAuth.maxTokenAgeSeconds"] = "Has to be greater than 0.";
        if (input.AllowedAlgorithms is { } algorithms && (algorithms.Count == 0 || algorithms.Any(name => !Algorithms.Contains(name))))
            errors["externalAuth.allowedAlgorithms"] = "Asymmetric JWS algorithms only: RS, PS or ES with 256, 384 or 512.";
        if (input.RequiredClaims is { } claims && (claims.Count > MaxEntries || claims.Any(claim => claim.Value is null || claim.Key.Length == 0)))
            errors["externalAuth.requiredClaims"] = $"At most {MaxEntries}, each with the text it has to equal.";
        if (input.AllowedReturnUrls is { } returns && (returns.Count > MaxEntries || returns.Any(url => !MayReturn(url))))
            errors["externalAuth.allowedReturnUrls"] = $"At most {MaxEntries}, each an https address, or http on loopback.";
        if (input.PartnerApiKey is { } key && (key.Length is < MinKey or > MaxKey || key.Any(character => character is <= ' ' or > '~')))
            errors["externalAuth.partnerApiKey"] = $"Has to have {MinKey} to {MaxKey} characters that can stand in a header: letters, digits and signs of ASCII.";
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
            PartnerApiKeyHash = input.PartnerApiKey is { } given ? RandomValue.HashOf(given) : current?.PartnerApiKeyHash,
        };
    }

    private static void DemandText(Dictionary<string, string> errors, string field, string? value)
    {
        if (string.IsNullOrWhiteSpace(value))
            errors[field] = "Is required.";
        else if (value.Length > MaxText || !PrintableText.IsPrintable(value))
            errors[field] = $"At most {MaxText} characters. {PrintableText.Rule}";
    }

    // Said early, for the administrator; what a name resolves to is checked when it is connected to.
    private static bool MayFetch(string? address, KontextSettings settings)
    {
        if (address?.Length > MaxText || !Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.UserInfo.Length > 0 || uri.Fragment.Length > 0)
            return false;
        if (uri.IsLoopback)
            return settings.PublicUrl.IsLoopback && (uri.Scheme == Uri.UriSchemeHttps || uri.Scheme == Uri.UriSchemeHttp);
        return uri.Scheme == Uri.UriSchemeHttps && (!IPAddress.TryParse(uri.DnsSafeHost, out var literal) || GuardedFetch.IsAllowed(literal, settings));
    }

    private static bool MayReturn(string? url) => url?.Length <= MaxText && Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.UserInfo.Length == 0
        && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback));
}
