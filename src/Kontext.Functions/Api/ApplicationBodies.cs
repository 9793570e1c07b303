using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Api;

/// <summary>An application on the wire (contract 1.3).</summary>
internal sealed record ApplicationBody(string Id, string Name, string? Description, string ClientId, string CreatedAt, string UpdatedAt, bool Archived, string Registration, string? OwnerUserId, SessionCountsBody Sessions, ExternalAuthBody? ExternalAuth)
{
    /// <summary><c>list</c>, or <c>search</c> for the three tools of contract 4.3.</summary>
    public required string ToolDiscovery { get; init; }

    public bool Suspended { get; init; }

    public static ApplicationBody Of(Application application, SessionCountsBody sessions) => new(
        application.Id.ToString(), application.Name, application.Description, application.ClientId,
        Wire.Time(application.CreatedAt), Wire.Time(application.UpdatedAt), application.Archived,
        RegistrationWord(application),
        application.Owner?.ToString(), sessions,
        application.ExternalAuth is { } external ? ExternalAuthBody.Of(external) : null)
    {
        ToolDiscovery = application.ToolDiscovery == Domain.Tenancy.ToolDiscovery.Search ? "search" : "list",
        Suspended = application.Suspended,
    };

    /// <summary>Reads how tools are discovered; false for a word that means nothing. Absent, it stays as it is.</summary>
    public static bool TryReadDiscovery(string? word, ToolDiscovery current, out ToolDiscovery discovery)
    {
        discovery = word == "search" ? Domain.Tenancy.ToolDiscovery.Search : word == "list" ? Domain.Tenancy.ToolDiscovery.List : current;
        return word is null or "search" or "list";
    }

    private static string RegistrationWord(Application application) => application.Registration switch
    {
        Domain.Tenancy.Registration.Managed => "managed",
        Domain.Tenancy.Registration.Dynamic => "dynamic",
        Domain.Tenancy.Registration.MetadataDocument => "metadata_document",
        _ => "builtin",
    };
}

/// <summary>How many sessions an application has (contract 1.3): live is active and idle, total is all ever.</summary>
internal sealed record SessionCountsBody(int Active, int Idle, int Live, int Total)
{
    /// <summary>True when only the newest were counted: there are at least so many.</summary>
    public bool? AtLeast { get; init; }
}

/// <summary>Trust in a partner's tokens, without its key (contract 1.5).</summary>
internal sealed record ExternalAuthBody(bool Enabled, string Issuer, string JwksUrl, string Audience, IReadOnlyList<string> AllowedAlgorithms, IReadOnlyDictionary<string, string> RequiredClaims, IReadOnlyList<string> AllowedReturnUrls, int MaxTokenAgeSeconds, bool PartnerApiKeyConfigured)
{
    public static ExternalAuthBody Of(ExternalAuth external) => new(external.Enabled, external.Issuer, external.JwksUrl, external.Audience, external.AllowedAlgorithms, external.RequiredClaims, external.AllowedReturnUrls, external.MaxTokenAgeSeconds, external.PartnerApiKeyHash is not null);
}

/// <summary>OAuth settings on the wire (contract 1.4). The secret is there only when it was just made.</summary>
internal sealed record OAuthClientBody(string Type, string ClientId, string? ClientSecret, IReadOnlyList<string> RedirectUris, bool PkceRequired, IReadOnlyList<string> Scopes, IReadOnlyList<string> AllowedResources, string GatewayUrl)
{
    public string? TokenEndpointAuthMethod { get; init; }

    public bool DeviceGrant { get; init; }

    public JsonElement? Jwks { get; init; }

    public string? JwksUri { get; init; }

    public bool DpopBoundAccessTokens { get; init; }

    public static OAuthClientBody Of(Application application, KontextSettings settings, string? secret = null) => new(
        application.OAuth.Confidential ? "confidential" : "public", application.ClientId, secret,
        application.OAuth.RedirectUris, application.OAuth.PkceRequired, application.OAuth.Scopes, application.OAuth.AllowedResources, settings.GatewayResource)
    {
        TokenEndpointAuthMethod = application.OAuth.AuthMethod,
        DeviceGrant = application.MayUseDeviceGrant,
        Jwks = application.OAuth.Jwks is { } jwks ? JsonElement.Parse(jwks) : null,
        JwksUri = application.OAuth.JwksUri,
        DpopBoundAccessTokens = application.OAuth.DpopBoundAccessTokens,
    };
}

/// <summary>One application.</summary>
internal sealed record ApplicationEnvelope(ApplicationBody Application);

/// <summary>A created application with its OAuth settings.</summary>
internal sealed record CreatedApplicationBody(ApplicationBody Application, OAuthClientBody Oauth);

/// <summary>A page of applications.</summary>
internal sealed record ApplicationListBody(IReadOnlyList<ApplicationBody> Items, string? NextCursor);

/// <summary>OAuth settings; after a rotation the secret stands beside them as well (contract 8: both forms are read).</summary>
internal sealed record OAuthEnvelope(OAuthClientBody Oauth, string? ClientSecret = null)
{
    public string? PreviousSecretExpiresAt { get; init; }
}

/// <summary>Attached integrations.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record AttachedBody(ImmutableArray<string> IntegrationIds);

/// <summary>OAuth settings as sent (contract 1.4); <c>resourceIndicators</c> is an alias.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record OAuthInput
{
    public string? Type { get; init; }

    public IReadOnlyList<string>? RedirectUris { get; init; }

    public bool? PkceRequired { get; init; }

    public bool? DeviceGrant { get; init; }

    public IReadOnlyList<string>? Scopes { get; init; }

    public IReadOnlyList<string>? AllowedResources { get; init; }

    public IReadOnlyList<string>? ResourceIndicators { get; init; }

    public string? TokenEndpointAuthMethod { get; init; }

    public JsonElement? Jwks { get; init; }

    public string? JwksUri { get; init; }

    public bool? DpopBoundAccessTokens { get; init; }
}

/// <summary>A new application.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record NewApplication
{
    public string? Name { get; init; }

    public string? Description { get; init; }

    public OAuthInput? Oauth { get; init; }

    public string? ToolDiscovery { get; init; }
}

/// <summary>Trust in a partner's tokens as sent (contract 1.5).</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record ExternalAuthInput
{
    public bool? Enabled { get; init; }

    public string? Issuer { get; init; }

    public string? JwksUrl { get; init; }

    public string? Audience { get; init; }

    public IReadOnlyList<string>? AllowedAlgorithms { get; init; }

    public IReadOnlyDictionary<string, string>? RequiredClaims { get; init; }

    public IReadOnlyList<string>? AllowedReturnUrls { get; init; }

    public int? MaxTokenAgeSeconds { get; init; }

    public string? PartnerApiKey { get; init; }
}

/// <summary>Changes of an application; absent fields stay as they are.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record ApplicationChange
{
    public string? Name { get; init; }

    public string? Description { get; init; }

    public ExternalAuthInput? ExternalAuth { get; init; }

    public string? ToolDiscovery { get; init; }
}
