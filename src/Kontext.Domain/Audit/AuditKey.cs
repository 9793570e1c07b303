using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;

namespace Kontext.Domain.Audit;

/// <summary>The public half of a key that signs checkpoints and exports, as a JSON Web Key (RFC 7517): P-256, for ES256.</summary>
public sealed record AuditKey(string Kty, string Crv, string X, string Y, string Kid, string Use, string Alg)
{
    private const int CoordinateBytes = 32;

    /// <summary>The key of this id at the point.</summary>
    public static AuditKey Of(string kid, string x, string y) => new("EC", "P-256", x, y, kid, "sig", "ES256");

    /// <summary>Reads a JWK Set; keys of other kinds than ours are passed over (RFC 7517 section 5).</summary>
    public static Result<Dictionary<string, AuditKey>> ReadSet(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var keys = new Dictionary<string, AuditKey>(StringComparer.Ordinal);
            foreach (var jwk in document.RootElement.GetProperty("keys").EnumerateArray())
            {
                if (Text(jwk, "kty") == "EC" && Text(jwk, "crv") == "P-256" && Text(jwk, "kid") is { } kid && Text(jwk, "x") is { } x && Text(jwk, "y") is { } y)
                    keys[kid] = Of(kid, x, y);
            }
            return keys;
        }
        catch (Exception malformed) when (malformed is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return new Failure(FailureCode.InvalidRequest, "It is not a JWK Set.", malformed.Message);
        }
    }

    /// <summary>Did this key sign the text? The signature is the two numbers side by side (RFC 7518 section 3.4).</summary>
    public bool Verifies(string text, string signature)
    {
        try
        {
            var point = new ECPoint { X = Base64Url.DecodeFromChars(X), Y = Base64Url.DecodeFromChars(Y) };
            if (point.X.Length != CoordinateBytes || point.Y.Length != CoordinateBytes)
                return false;
            using var key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = point });
            return key.VerifyData(AuditCheckpoint.BytesOf(text), Base64Url.DecodeFromChars(signature), HashAlgorithmName.SHA256);
        }
        catch (Exception malformed) when (malformed is FormatException or CryptographicException)
        {
            return false;
        }
    }

    private static string? Text(JsonElement jwk, string name) => jwk.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
