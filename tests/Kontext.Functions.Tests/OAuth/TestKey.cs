using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Domain;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>A client's key pair: signs whatever header and claims a test wants, also such as no honest client would.</summary>
internal sealed class TestKey : IDisposable
{
    private readonly ECDsa ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly RSA rsa = RSA.Create(2048);
    private readonly string kid = RandomValue.ShortId();

    /// <summary>The public parts as a key set.</summary>
    public JsonObject Jwks()
    {
        var point = ecdsa.ExportParameters(includePrivateParameters: false).Q;
        var numbers = rsa.ExportParameters(includePrivateParameters: false);
        return new JsonObject
        {
            ["keys"] = new JsonArray(
                new JsonObject { ["kty"] = "EC", ["crv"] = "P-256", ["kid"] = kid, ["x"] = Base64Url.EncodeToString(point.X), ["y"] = Base64Url.EncodeToString(point.Y) },
                new JsonObject { ["kty"] = "RSA", ["use"] = "sig", ["kid"] = kid + "-rsa", ["n"] = Base64Url.EncodeToString(numbers.Modulus), ["e"] = Base64Url.EncodeToString(numbers.Exponent) }),
        };
    }

    /// <summary>The claims of a good assertion.</summary>
    public static JsonObject Claims(string clientId, string audience, DateTimeOffset expiresAt) => new()
    {
        ["iss"] = clientId,
        ["sub"] = clientId,
        ["aud"] = audience,
        ["exp"] = expiresAt.ToUnixTimeSeconds(),
        ["jti"] = RandomValue.Token(),
    };

    /// <summary>A signed assertion. HS256 is keyed with the public key, as in a key confusion attack.</summary>
    public string Sign(JsonObject claims, string algorithm = "ES256", bool withKeyId = true)
    {
        var header = new JsonObject { ["alg"] = algorithm, ["typ"] = "JWT" };
        if (withKeyId)
            header["kid"] = algorithm is "RS256" or "PS256" ? kid + "-rsa" : kid;
        var signed = Encoding.ASCII.GetBytes($"{Encode(header)}.{Encode(claims)}");
        var signature = algorithm switch
        {
            "ES256" => ecdsa.SignData(signed, HashAlgorithmName.SHA256),
            "RS256" => rsa.SignData(signed, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
            "PS256" => rsa.SignData(signed, HashAlgorithmName.SHA256, RSASignaturePadding.Pss),
            "HS256" => HMACSHA256.HashData(Encoding.ASCII.GetBytes(ecdsa.ExportSubjectPublicKeyInfoPem()), signed),
            _ => [],
        };
        return $"{Encoding.ASCII.GetString(signed)}.{Base64Url.EncodeToString(signature)}";
    }

    public void Dispose()
    {
        ecdsa.Dispose();
        rsa.Dispose();
    }

    private static string Encode(JsonObject part) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(part.ToJsonString()));
}
