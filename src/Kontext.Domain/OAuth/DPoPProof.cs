using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Kontext.Domain.OAuth;

/// <summary>A DPoP proof whose signature holds (RFC 9449 section 4.2): somebody who has the key made it for one request.</summary>
public sealed record DPoPProof
{
    private const int MaxLength = 8192;
    private const int MaxTokenIdLength = 512;
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    /// <summary><c>jwk</c> of the header.</summary>
    public required ProofKey Key { get; init; }

    /// <summary><c>jti</c>.</summary>
    public required string TokenId { get; init; }

    /// <summary><c>htm</c>.</summary>
    public required string Method { get; init; }

    /// <summary><c>htu</c>.</summary>
    public required string Url { get; init; }

    /// <summary><c>iat</c>.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary><c>ath</c>; null when it has none.</summary>
    public string? AccessTokenHash { get; init; }

    /// <summary><c>nonce</c>; null when it has none.</summary>
    public string? Nonce { get; init; }

    /// <summary>The <c>ath</c> of an access token (RFC 9449 section 4.2).</summary>
    public static string HashOf(string accessToken) => Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(accessToken)));

    /// <summary>Takes a proof apart and verifies its signature with its own key (RFC 9449 section 4.3, checks 2 to 7). What it says is for the caller to compare.</summary>
    public static Result<DPoPProof> Read(string text)
    {
        var parts = text.Split('.');
        if (text.Length > MaxLength || parts.Length != 3 || parts.Any(part => part.Length == 0 || !ProofKey.IsBase64Url(part)))
            return Refused("it is not a signed JWT");
        try
        {
            using var header = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[0]), Strict);
            using var payload = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]), Strict);
            if (header.RootElement.ValueKind != JsonValueKind.Object || payload.RootElement.ValueKind != JsonValueKind.Object)
                return Refused("its header and payload have to be JSON objects");
            return KeyOf(header.RootElement).TryGet(out var key, out var failure)
                ? key.Verifies(Encoding.ASCII.GetBytes(text[..text.LastIndexOf('.')]), Base64Url.DecodeFromChars(parts[2]))
                    ? Claims(payload.RootElement, key)
                    : Refused("its signature does not belong to the key in jwk")
                : failure;
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            return Refused("its header or payload is not valid JSON");
        }
    }

    private static Result<ProofKey> KeyOf(JsonElement header)
    {
        // A media type is compared without regard to case (RFC 7515 section 4.1.9).
        if (!string.Equals(Text(header, "typ"), "dpop+jwt", StringComparison.OrdinalIgnoreCase))
            return Refused("typ has to be dpop+jwt");
        if (header.TryGetProperty("crit", out _))
            return Refused("crit names an extension that is not understood here");
        if (Text(header, "alg") is not { } algorithm || !ProofKey.Algorithms.Contains(algorithm))
            return Refused($"alg has to be one of {string.Join(", ", ProofKey.Algorithms)}");
        if (!header.TryGetProperty("jwk", out var jwk))
            return Refused("jwk is missing");
        return ProofKey.Read(jwk, algorithm) is { } key ? key : Refused("jwk has to be a public key that suits alg: EC on the algorithm's curve, or RSA of 2048 to 4096 bits");
    }

    private static Result<DPoPProof> Claims(JsonElement payload, ProofKey key)
    {
        if (Text(payload, "jti") is not { Length: > 0 and <= MaxTokenIdLength } tokenId)
            return Refused($"jti has to be a text of 1 to {MaxTokenIdLength} characters");
        if (Text(payload, "htm") is not { } method)
            return Refused("htm is missing");
        if (Text(payload, "htu") is not { } url)
            return Refused("htu is missing");
        if (!payload.TryGetProperty("iat", out var iat) || iat.ValueKind != JsonValueKind.Number || !iat.TryGetDouble(out var seconds) || seconds is not (>= 0 and < 253402300799))
            return Refused("iat has to be a number of seconds");
        if (payload.TryGetProperty("nonce", out var nonce) && nonce.ValueKind != JsonValueKind.String)
            return Refused("nonce has to be a text");
        return new DPoPProof
        {
            Key = key,
            TokenId = tokenId,
            Method = method,
            Url = url,
            CreatedAt = DateTimeOffset.FromUnixTimeSeconds((long)seconds),
            AccessTokenHash = Text(payload, "ath"),
            Nonce = Text(payload, "nonce"),
        };
    }

    private static Failure Refused(string why) => new(FailureCode.InvalidDPoPProof, $"The DPoP proof cannot be used: {why}.");

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
