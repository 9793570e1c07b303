using System.Text.Json.Serialization;
using Kontext.Domain.Integrations;

namespace Kontext.Functions.Api;

/// <summary>An integration in the vocabulary of contract 2.8: a provider that the organization has set up, from the catalog (<c>preset</c>) or not (<c>custom</c>).</summary>
internal sealed record ConfiguredProviderBody(string Id, string Handle, string DisplayName, string Kind, string Type, string AuthMethod, string? PresetKey, string? OauthProvider, string? OauthIssuer, IReadOnlyList<string> OauthScopes)
{
    public bool ClientIdConfigured { get; init; }

    public bool ClientSecretConfigured { get; init; }

    public bool KeyConfigured { get; init; }

    public static ConfiguredProviderBody Of(Integration integration, ProviderCatalog catalog)
    {
        var preset = PresetOf(integration, catalog);
        var kind = preset is null ? "custom" : "preset";
        return new ConfiguredProviderBody(
            integration.Id.ToString(), integration.Name, preset?.Name ?? integration.Name, kind, kind, ConfiguredProviderWords.Of(integration.AuthMode), preset is null ? null : integration.Name,
            integration.OAuth?.Provider, integration.OAuth?.Issuer, integration.OAuth?.Scopes ?? [])
        {
            ClientIdConfigured = integration.OAuth?.ClientId is not null,
            ClientSecretConfigured = integration.OAuth?.ClientSecretVersion is not null,
            KeyConfigured = integration.ServerTokenVersion is not null,
        };
    }

    /// <summary>A preset has its catalog key, or an alias of it, for a handle.</summary>
    private static CatalogProvider? PresetOf(Integration integration, ProviderCatalog catalog) =>
        integration.OAuth?.Provider is { } key && catalog.TryFind(key, out var provider) && catalog.TryFind(integration.Name, out var named) && named.Key == provider.Key ? provider : null;
}

/// <summary>The ways of authentication by the words of contract 2.8; integrations that need no credential are no part of them.</summary>
internal static class ConfiguredProviderWords
{
    public static string Of(AuthMode mode) => mode switch
    {
        AuthMode.Oauth => "user_oauth",
        AuthMode.UserToken => "user_key",
        AuthMode.ServerToken => "org_key",
        AuthMode.None => "none",
        _ => throw new InvalidOperationException($"Unknown authentication mode {mode}."),
    };

    /// <summary>The word of contract 1.6; null when it is none of them.</summary>
    public static string? ModeOf(string? method) => method switch { "user_oauth" => "oauth", "user_key" => "user_token", "org_key" => "server_token", _ => null };
}

/// <summary>A provider to be set up (contract 2.8).</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record NewConfiguredProvider
{
    public string? Type { get; init; }

    public string? PresetKey { get; init; }

    public IReadOnlyList<string>? Scopes { get; init; }

    public string? ClientId { get; init; }

    public string? ClientSecret { get; init; }

    public string? DisplayName { get; init; }

    public string? AuthMethod { get; init; }

    public ConfiguredProviderOAuth? Oauth { get; init; }

    /// <summary>The organization's key, for <c>org_key</c>.</summary>
    public string? Key { get; init; }
}

/// <summary>OAuth settings of a custom provider.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record ConfiguredProviderOAuth(string? Issuer, string? Provider, IReadOnlyList<string>? Scopes, string? ClientId, string? ClientSecret);

/// <summary>Changes of a provider; absent fields stay as they are.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record ConfiguredProviderChange(IReadOnlyList<string>? Scopes, string? ClientId, string? ClientSecret, string? DisplayName, string? Issuer, string? Provider, string? Key);

/// <summary>One provider.</summary>
internal sealed record ConfiguredProviderEnvelope(ConfiguredProviderBody Provider);

/// <summary>A page of providers.</summary>
internal sealed record ConfiguredProviderListBody(IReadOnlyList<ConfiguredProviderBody> Items, string? NextCursor);

/// <summary>A provider attached to an application.</summary>
/// <param name="ProviderId">Which.</param>
/// <param name="McpEnabled">The gateway offers its tools; otherwise the application gets its credentials by token exchange alone.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record AttachedProviderBody(string ProviderId, bool? McpEnabled);

/// <summary>The providers an application is to have.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record AttachedProvidersInput(int? ExpectedRevision, IReadOnlyList<AttachedProviderBody>? Items);

/// <summary>The providers an application has.</summary>
internal sealed record AttachedProvidersBody(IReadOnlyList<AttachedProviderBody> Items, int Revision);
