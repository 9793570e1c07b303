using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kontext.Domain.Vault;

/// <summary>What a provider granted, as the vault keeps it for a connection.</summary>
public sealed record StoredGrant
{
    /// <summary>The provider's access token.</summary>
    public required Secret AccessToken { get; init; }

    /// <summary>Its refresh token; null when it gives none.</summary>
    public Secret? RefreshToken { get; init; }

    /// <summary>When the access token ends; null when it does not, or the provider did not say.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Granted scopes.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary>The provider's word for how the access token is used, as it came.</summary>
    public string? TokenType { get; init; }

    /// <summary>The vault version this was refreshed from; null when a person connected. A repair adopts only a version that descends from the one the row names.</summary>
    public string? RefreshedFrom { get; init; }

    /// <summary>Scheme, host and port of the token endpoint that granted it: nowhere else are its tokens renewed or revoked, even if the settings change. Null when not noted.</summary>
    public string? GrantedAt { get; init; }

    /// <summary>May this grant's tokens be sent to the app's endpoints?</summary>
    public bool IsOf(ProviderApp app) => GrantedAt is null || GrantedAt == OriginOf(app);

    /// <summary>What <see cref="GrantedAt"/> is for an app.</summary>
    public static string OriginOf(ProviderApp app) => app.TokenEndpoint.GetLeftPart(UriPartial.Authority);

    /// <summary>The text the vault keeps.</summary>
    public Secret ToSecret() => new(JsonSerializer.Serialize(
        new StoredGrantBody(AccessToken.Reveal(), RefreshToken?.Reveal(), ExpiresAt, [.. Scopes], TokenType, RefreshedFrom, GrantedAt),
        StoredGrantJson.Default.StoredGrantBody));

    /// <summary>Reads what the vault kept; null when it is not a grant.</summary>
    public static StoredGrant? Read(Secret text)
    {
        try
        {
            if (JsonSerializer.Deserialize(text.Reveal(), StoredGrantJson.Default.StoredGrantBody) is not { AccessToken: { } accessToken } body)
                return null;
            return new StoredGrant
            {
                AccessToken = new Secret(accessToken),
                RefreshToken = body.RefreshToken is null ? null : new Secret(body.RefreshToken),
                ExpiresAt = body.ExpiresAt,
                Scopes = [.. body.Scopes ?? []],
                TokenType = body.TokenType,
                RefreshedFrom = body.RefreshedFrom,
                GrantedAt = body.GrantedAt,
            };
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>The stored form of a grant.</summary>
internal sealed record StoredGrantBody(
    string? AccessToken, string? RefreshToken, DateTimeOffset? ExpiresAt, IReadOnlyList<string>? Scopes, string? TokenType, string? RefreshedFrom, string? GrantedAt);

/// <summary>JSON of what connections keep in the vault.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StoredGrantBody))]
[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class StoredGrantJson : JsonSerializerContext;
