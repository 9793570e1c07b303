using System.Buffers.Text;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Kontext.Domain.OAuth;

/// <summary>The public key in a DPoP proof (RFC 9449 section 4.2): whoever can sign with its private half may use the tokens bound to it.</summary>
public sealed class ProofKey
{
    private const int MinModulusBytes = 256;
    private const int MaxModulusBytes = 512;
    private const int MaxExponentBytes = 4;
    private static readonly string[] SecretMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

    private readonly string algorithm;
    private readonly ECParameters? point;
    private readonly RSAParameters? modulus;

    private ProofKey(string algorithm, string canonical, ECParameters? point, RSAParameters? modulus)
    {
        (this.algorithm, this.point, this.modulus) = (algorithm, point, modulus);
        Thumbprint = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(canonical)));
    }

    /// <summary>Signature algorithms of proofs, as metadata lists them: asymmetric, and available on every platform .NET runs on.</summary>
    public static ImmutableArray<string> Algorithms { get; } = ["ES256", "ES384", "ES512", "PS256", "RS256"];

    /// <summary>The SHA-256 thumbprint (RFC 7638), which tokens name as <c>cnf.jkt</c>.</summary>
    public string Thumbprint { get; }

    /// <summary>Has the text the form of a thumbprint?</summary>
    public static bool IsThumbprint(string text) => text.Length == 43 && IsBase64Url(text);

    /// <summary>The key of a JWK that suits the algorithm; null when it is private, shared, malformed, too weak or of another kind.</summary>
    public static ProofKey? Read(JsonElement jwk, string algorithm)
    {
        if (jwk.ValueKind != JsonValueKind.Object || SecretMembers.Any(member => jwk.TryGetProperty(member, out _)))
            return null;
        if (Text(jwk, "alg") is { } named && named != algorithm)
            return null;
        return algorithm switch
        {
            "ES256" => ReadPoint(jwk, algorithm, "P-256", ECCurve.NamedCurves.nistP256, 32),
            "ES384" => ReadPoint(jwk, algorithm, "P-384", ECCurve.NamedCurves.nistP384, 48),
            "ES512" => ReadPoint(jwk, algorithm, "P-521", ECCurve.NamedCurves.nistP521, 66),
            "PS256" or "RS256" => ReadModulus(jwk, algorithm),
            _ => null,
        };
    }

    /// <summary>Did the key's owner sign this?</summary>
    public bool Verifies(ReadOnlySpan<byte> text, ReadOnlySpan<byte> signature)
    {
        try
        {
            if (point is { } publicPoint)
            {
                using var ecdsa = ECDsa.Create(publicPoint);
                return ecdsa.VerifyData(text, signature, algorithm switch
                {
                    "ES384" => HashAlgorithmName.SHA384,
                    "ES512" => HashAlgorithmName.SHA512,
                    _ => HashAlgorithmName.SHA256,
                });
            }
            using var rsa = RSA.Create(modulus!.Value);
            return rsa.VerifyData(text, signature, HashAlgorithmName.SHA256, algorithm == "PS256" ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1);
        }
        catch (CryptographicException)
        {
            // Numbers that are no key: a point beside the curve, an even modulus.
            return false;
        }
    }

    /// <summary>Base64url without padding or white space: the one form in which a value can be written (RFC 7515 section 2).</summary>
    internal static bool IsBase64Url(string text) => Base64Url.IsValid(text) && text.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_');

    private static ProofKey? ReadPoint(JsonElement jwk, string algorithm, string curve, ECCurve named, int length) =>
        Text(jwk, "kty") == "EC" && Text(jwk, "crv") == curve && Bytes(jwk, "x") is { } x && x.Length == length && Bytes(jwk, "y") is { } y && y.Length == length
            ? new ProofKey(algorithm, $$"""{"crv":"{{curve}}","kty":"EC","x":"{{Text(jwk, "x")}}","y":"{{Text(jwk, "y")}}"}""", new ECParameters { Curve = named, Q = new ECPoint { X = x, Y = y } }, null)
            : null;

    private static ProofKey? ReadModulus(JsonElement jwk, string algorithm) =>
        Text(jwk, "kty") == "RSA" && Bytes(jwk, "n") is { Length: >= MinModulusBytes and <= MaxModulusBytes } n && Bytes(jwk, "e") is { Length: > 0 and <= MaxExponentBytes } e
            ? new ProofKey(algorithm, $$"""{"e":"{{Text(jwk, "e")}}","kty":"RSA","n":"{{Text(jwk, "n")}}"}""", null, new RSAParameters { Modulus = n, Exponent = e })
            : null;

    private static byte[]? Bytes(JsonElement jwk, string name) => Text(jwk, name) is { } text && IsBase64Url(text) ? Base64Url.DecodeFromChars(text) : null;

    private static string? Text(JsonElement jwk, string name) =>
        jwk.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
