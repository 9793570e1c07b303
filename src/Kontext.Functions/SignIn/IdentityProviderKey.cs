using System.Buffers.Text;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;

namespace Kontext.Functions.SignIn;

/// <summary>A public signing key of a sign-in provider (RFC 7517, RFC 7518 section 6).</summary>
/// <param name="KeyId"><c>kid</c>; null when it has none.</param>
/// <param name="Algorithm"><c>alg</c>; null when any that suits the key will do.</param>
/// <param name="Rsa">Modulus and exponent; null for elliptic curves.</param>
/// <param name="Curve"><c>crv</c>; null for RSA.</param>
/// <param name="Point">The point; null for RSA.</param>
internal sealed record IdentityProviderKey(string? KeyId, string? Algorithm, RSAParameters? Rsa, string? Curve, ECParameters? Point)
{
    private const int MaxKeys = 100;
    private const int MinModulusBytes = 256;
    private const int MaxModulusBytes = 1024;

    /// <summary>The keys of a set that can verify signatures; what is for encryption, symmetric or of an unknown kind is left out.</summary>
    public static ImmutableArray<IdentityProviderKey> ReadSet(JsonElement jwks) =>
        jwks.TryGetProperty("keys", out var keys) && keys.ValueKind == JsonValueKind.Array
            ? [.. keys.EnumerateArray().Take(MaxKeys).Select(Read).OfType<IdentityProviderKey>()] : [];

    /// <summary>May it verify signatures of this algorithm? The key decides, not the token (RFC 8725 section 3.1).</summary>
    public bool Verifies(string algorithm) => (Algorithm is null || Algorithm == algorithm) && (Curve, algorithm) switch
    {
        (null, "RS256" or "RS384" or "RS512" or "PS256" or "PS384" or "PS512") => true,
        ("P-256", "ES256") or ("P-384", "ES384") or ("P-521", "ES512") => true,
        _ => false,
    };

    /// <summary>Calls back with the key in the library's form, which lives no longer than the call.</summary>
    /// <exception cref="CryptographicException">The numbers are no key.</exception>
    public bool Use(Func<SecurityKey, bool> verify)
    {
        if (Rsa is { } numbers)
        {
            using var rsa = RSA.Create(numbers);
            return verify(new RsaSecurityKey(rsa));
        }
        using var ecdsa = ECDsa.Create(Point!.Value);
        return verify(new ECDsaSecurityKey(ecdsa));
    }

    private static IdentityProviderKey? Read(JsonElement key)
    {
        if (key.ValueKind != JsonValueKind.Object || JsonMember.Text(key, "use") is not (null or "sig"))
            return null;
        if (JsonMember.Text(key, "kty") == "RSA")
        {
            return Number(key, "n") is { Length: >= MinModulusBytes and <= MaxModulusBytes } modulus && Number(key, "e") is { Length: > 0 and <= 8 } exponent
                ? new IdentityProviderKey(JsonMember.Text(key, "kid"), JsonMember.Text(key, "alg"), new RSAParameters { Modulus = modulus, Exponent = exponent }, null, null) : null;
        }
        if (JsonMember.Text(key, "kty") != "EC" || CurveOf(JsonMember.Text(key, "crv")) is not { } curve || Number(key, "x") is not { } x || Number(key, "y") is not { } y)
            return null;
        return new IdentityProviderKey(JsonMember.Text(key, "kid"), JsonMember.Text(key, "alg"), null, JsonMember.Text(key, "crv"), new ECParameters { Curve = curve, Q = new ECPoint { X = x, Y = y } });
    }

    private static ECCurve? CurveOf(string? name) => name switch
    {
        "P-256" => ECCurve.NamedCurves.nistP256,
        "P-384" => ECCurve.NamedCurves.nistP384,
        "P-521" => ECCurve.NamedCurves.nistP521,
        _ => null,
    };

    private static byte[]? Number(JsonElement key, string name) => JsonMember.Text(key, name) is { } text && Base64Url.IsValid(text) ? Base64Url.DecodeFromChars(text) : null;
}
