using System.Globalization;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Applications;

/// <summary>The fields of an application as forms have them. They are named as the API names them in its errors.</summary>
internal static class ApplicationForm
{
    /// <summary>The kind of a client that signs with a key of its own; the API has the kind confidential and a method for it.</summary>
    public const string Signs = ClientAuthMethods.PrivateKeyJwt;

    /// <summary>Kinds of clients.</summary>
    public static readonly IReadOnlyList<(string Value, string Text)> Kinds =
    [
        ("public", "Public (PKCE, no secret)"), ("confidential", "Confidential (with a secret)"), (Signs, "Confidential (signs with a key of its own)"),
    ];

    /// <summary>How an agent finds its tools.</summary>
    public static readonly IReadOnlyList<(string Value, string Text)> Discoveries = [("list", "Sees all tools it may use"), ("search", "Searches for tools, and can ask for one it lacks")];

    /// <summary>Algorithms a partner may sign with.</summary>
    public static readonly IReadOnlyList<string> Algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];

    /// <summary>The kind of a client that is there already.</summary>
    public static string KindOf(OAuthClientBody oauth) => oauth.TokenEndpointAuthMethod == Signs ? Signs : oauth.Type;

    /// <summary>OAuth settings as sent, in place of those there are; null for a new application.</summary>
    public static Result<OAuthInput> OAuthOf(OAuthParameters form, OAuthClientBody? current)
    {
        JsonElement? jwks = null;
        if (form["type"] == Signs && form["jwks"] is { } text)
        {
            try
            {
                jwks = JsonElement.Parse(text);
            }
            catch (JsonException malformed)
            {
                return Api.Api.Invalid(new Dictionary<string, string> { ["jwks"] = $"This is no JSON: {malformed.Message}" });
            }
        }
        return new OAuthInput
        {
            Type = form["type"] == Signs ? "confidential" : form["type"],
            // Back to a secret: the method there is would stay otherwise.
            TokenEndpointAuthMethod = form["type"] == Signs ? Signs : form["type"] == "confidential" && current?.TokenEndpointAuthMethod == Signs ? "client_secret_basic" : null,
            Jwks = jwks,
            JwksUri = form["type"] == Signs ? form["jwksUri"] : null,
            RedirectUris = Lines.Of(form["redirectUris"]),
            PkceRequired = form["type"] == "public" || form["pkceRequired"] == "yes",
            DeviceGrant = form["deviceGrant"] == "yes",
            DpopBoundAccessTokens = form["dpopBoundAccessTokens"] == "yes",
            Scopes = current is null ? null : form.All("scopes"),
            AllowedResources = current is null ? null : Lines.Of(form["allowedResources"]),
        };
    }

    /// <summary>Trust in a partner's tokens as sent.</summary>
    public static Result<ExternalAuthInput> ExternalAuthOf(OAuthParameters form)
    {
        var claims = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in Lines.Of(form["externalAuth.requiredClaims"]))
        {
            var parts = line.Split('=', 2, StringSplitOptions.TrimEntries);
            if (parts.Length < 2 || !claims.TryAdd(parts[0], parts[1]))
                return Api.Api.Invalid(new Dictionary<string, string> { ["externalAuth.requiredClaims"] = $"Each line is name=value, and each name is there once: {line}" });
        }
        int? age = null;
        if (form["externalAuth.maxTokenAgeSeconds"] is { } text)
        {
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
                return Api.Api.Invalid(new Dictionary<string, string> { ["externalAuth.maxTokenAgeSeconds"] = "Has to be a number of seconds." });
            age = seconds;
        }
        return new ExternalAuthInput
        {
            Enabled = form["externalAuth.enabled"] == "yes",
            Issuer = form["externalAuth.issuer"] ?? "",
            JwksUrl = form["externalAuth.jwksUrl"] ?? "",
            Audience = form["externalAuth.audience"] ?? "",
            AllowedAlgorithms = form.All("externalAuth.allowedAlgorithms"),
            RequiredClaims = claims,
            AllowedReturnUrls = Lines.Of(form["externalAuth.allowedReturnUrls"]),
            MaxTokenAgeSeconds = age,
            PartnerApiKey = form["externalAuth.partnerApiKey"],
        };
    }

    /// <summary>A form that holds such trust; what an application without it begins with.</summary>
    public static FormState Of(ExternalAuthBody? external) => FormState.Of(
        ("externalAuth.enabled", external is { Enabled: false } ? null : "yes"), ("externalAuth.issuer", external?.Issuer), ("externalAuth.jwksUrl", external?.JwksUrl), ("externalAuth.audience", external?.Audience),
        ("externalAuth.allowedAlgorithms", Lines.Text(external?.AllowedAlgorithms ?? ["RS256"])), ("externalAuth.requiredClaims", external is null ? null : Lines.Text(external.RequiredClaims.Select(claim => $"{claim.Key}={claim.Value}"))),
        ("externalAuth.allowedReturnUrls", external is null ? null : Lines.Text(external.AllowedReturnUrls)), ("externalAuth.maxTokenAgeSeconds", (external?.MaxTokenAgeSeconds ?? 600).ToString(CultureInfo.InvariantCulture)));

    /// <summary>A form that holds OAuth settings.</summary>
    public static FormState Of(OAuthClientBody oauth) => FormState.Of(
        ("type", KindOf(oauth)), ("redirectUris", Lines.Text(oauth.RedirectUris)), ("pkceRequired", oauth.PkceRequired ? "yes" : null), ("deviceGrant", oauth.DeviceGrant ? "yes" : null),
        ("dpopBoundAccessTokens", oauth.DpopBoundAccessTokens ? "yes" : null), ("scopes", Lines.Text(oauth.Scopes)), ("allowedResources", Lines.Text(oauth.AllowedResources)),
        ("jwksUri", oauth.JwksUri), ("jwks", oauth.Jwks?.GetRawText()));
}
