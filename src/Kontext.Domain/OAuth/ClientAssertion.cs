using System.Buffers.Text;
using System.Collections.Immutable;
using System.Text.Json;

namespace Kontext.Domain.OAuth;

/// <summary>A JWT with which a client says who it is (RFC 7523 section 2.2), as it was sent: nothing in it is proven yet.</summary>
public sealed record ClientAssertion
{
    /// <summary>The value of <c>client_assertion_type</c>.</summary>
    public const string Type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

    private const int MaxLength = 8192;

    /// <summary>The whole of it.</summary>
    public required Secret Text { get; init; }

    /// <summary><c>alg</c> of the header.</summary>
    public required string Algorithm { get; init; }

    /// <summary><c>kid</c> of the header; null when it has none.</summary>
    public string? KeyId { get; init; }

    /// <summary><c>iss</c>.</summary>
    public string? Issuer { get; init; }

    /// <summary><c>sub</c>.</summary>
    public string? Subject { get; init; }

    /// <summary><c>aud</c>, whether it came as one or as a list.</summary>
    public ImmutableArray<string> Audiences { get; init; } = [];

    /// <summary><c>exp</c>.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary><c>nbf</c>.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary><c>jti</c>.</summary>
    public string? TokenId { get; init; }

    /// <summary>Takes it apart; null when it is no signed JWT that we understand.</summary>
    public static ClientAssertion? Read(Secret assertion)
    {
        var parts = assertion.Reveal().Split('.');
        if (assertion.Reveal().Length > MaxLength || parts.Length != 3 || parts.Any(part => !Base64Url.IsValid(part)))
            return null;
        try
        {
            using var header = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[0]));
            using var payload = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]));
            // An extension that has to be understood is not understood (RFC 7515 section 4.1.11).
            if (header.RootElement.TryGetProperty("crit", out _) || TextOf(header.RootElement, "alg") is not { } algorithm)
                return null;
            var claims = payload.RootElement;
            return new ClientAssertion
            {
                Text = assertion,
                Algorithm = algorithm,
                KeyId = TextOf(header.RootElement, "kid"),
                Issuer = TextOf(claims, "iss"),
                Subject = TextOf(claims, "sub"),
                Audiences = AudiencesOf(claims),
                ExpiresAt = TimeOf(claims, "exp"),
                NotBefore = TimeOf(claims, "nbf"),
                TokenId = TextOf(claims, "jti"),
            };
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static ImmutableArray<string> AudiencesOf(JsonElement claims) => claims.TryGetProperty("aud", out var audience) switch
    {
        true when audience.ValueKind == JsonValueKind.String => [audience.GetString()!],
        true when audience.ValueKind == JsonValueKind.Array => [.. audience.EnumerateArray().Select(entry => entry.GetString() ?? "")],
        _ => [],
    };

    private static DateTimeOffset? TimeOf(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var seconds) && seconds is >= 0 and < 253402300799
            ? DateTimeOffset.FromUnixTimeSeconds((long)seconds) : null;

    private static string? TextOf(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
