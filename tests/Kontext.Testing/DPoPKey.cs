using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Domain;

namespace Kontext.Testing;

/// <summary>A client's key pair for DPoP: makes the proofs RFC 9449 describes, and whatever else a test wants to send in their place.</summary>
public sealed class DPoPKey : IDisposable
{
    private readonly ECDsa? ecdsa;
    private readonly RSA? rsa;
    private readonly HashAlgorithmName hash;

    /// <summary>Makes a key pair.</summary>
    /// <param name="algorithm">What it signs with.</param>
    public DPoPKey(string algorithm = "ES256")
    {
        Algorithm = algorithm;
        (ecdsa, hash) = algorithm switch
        {
            "ES256" => (ECDsa.Create(ECCurve.NamedCurves.nistP256), HashAlgorithmName.SHA256),
            "ES384" => (ECDsa.Create(ECCurve.NamedCurves.nistP384), HashAlgorithmName.SHA384),
            "ES512" => (ECDsa.Create(ECCurve.NamedCurves.nistP521), HashAlgorithmName.SHA512),
            _ => (null, algorithm is "RS384" ? HashAlgorithmName.SHA384 : HashAlgorithmName.SHA256),
        };
        rsa = ecdsa is null ? RSA.Create(2048) : null;
        Jwk = ecdsa is null ? RsaJwk() : EcJwk();
    }

    /// <summary>The algorithm it signs with.</summary>
    public string Algorithm { get; }

    /// <summary>The public key.</summary>
    public JsonObject Jwk { get; }

    /// <summary>The public key's thumbprint, by the letter of RFC 7638 section 3.</summary>
    public string Thumbprint
    {
        get
        {
            var members = (ecdsa is null ? (string[])["e", "kty", "n"] : ["crv", "kty", "x", "y"]).Select(name => $"\"{name}\":\"{(string?)Jwk[name]}\"");
            return Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes("{" + string.Join(',', members) + "}")));
        }
    }

    /// <summary>A member that only its owner may see.</summary>
    public string PrivateMember => Base64Url.EncodeToString(ecdsa is null ? rsa!.ExportParameters(true).D : ecdsa.ExportParameters(true).D);

    /// <summary>A proof for one request.</summary>
    /// <param name="method">The request's method.</param>
    /// <param name="url">The request's address.</param>
    /// <param name="accessToken">The access token it carries.</param>
    /// <param name="nonce">The server's nonce.</param>
    /// <param name="change">What to spoil in header and claims.</param>
    public string Proof(string method, string url, string? accessToken = null, string? nonce = null, Action<JsonObject, JsonObject>? change = null)
    {
        var header = new JsonObject { ["typ"] = "dpop+jwt", ["alg"] = Algorithm, ["jwk"] = Jwk.DeepClone() };
        var claims = new JsonObject { ["jti"] = RandomValue.ShortId(), ["htm"] = method, ["htu"] = url, ["iat"] = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() };
        if (accessToken is not null)
            claims["ath"] = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(accessToken)));
        if (nonce is not null)
            claims["nonce"] = nonce;
        change?.Invoke(header, claims);
        return Sign(header.ToJsonString(), claims.ToJsonString());
    }

    /// <summary>A signed JWT of any two texts.</summary>
    public string Sign(string header, string claims)
    {
        var text = $"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header))}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims))}";
        var bytes = Encoding.ASCII.GetBytes(text);
        var signature = ecdsa?.SignData(bytes, hash) ?? rsa!.SignData(bytes, hash, Algorithm.StartsWith('P') ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1);
        return $"{text}.{Base64Url.EncodeToString(signature)}";
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ecdsa?.Dispose();
        rsa?.Dispose();
    }

    private JsonObject EcJwk()
    {
        var point = ecdsa!.ExportParameters(includePrivateParameters: false).Q;
        var curve = Algorithm switch { "ES384" => "P-384", "ES512" => "P-521", _ => "P-256" };
        return new JsonObject { ["kty"] = "EC", ["crv"] = curve, ["x"] = Base64Url.EncodeToString(point.X), ["y"] = Base64Url.EncodeToString(point.Y) };
    }

    private JsonObject RsaJwk()
    {
        var numbers = rsa!.ExportParameters(includePrivateParameters: false);
        return new JsonObject { ["kty"] = "RSA", ["n"] = Base64Url.EncodeToString(numbers.Modulus), ["e"] = Base64Url.EncodeToString(numbers.Exponent) };
    }
}
