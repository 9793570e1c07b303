using System.Buffers.Text;
using System.Collections.Immutable;
using System.Text.Json;

namespace Kontext.Domain.OAuth;

/// <summary>Where a client's public keys are: in its registration, or at an address of its own (RFC 7591 section 2).</summary>
/// <param name="Jwks">The key set as JSON; null when there is an address instead.</param>
/// <param name="JwksUri">The address of the key set; null when it is here.</param>
public sealed record ClientKeySource(string? Jwks, string? JwksUri)
{
    private const int MaxLength = 16 * 1024;

    /// <summary>Takes what a client registered: exactly one of the two, with public keys we can use.</summary>
    public static Result<ClientKeySource> Read(JsonElement? jwks, string? jwksUri)
    {
        var present = jwks is { ValueKind: not (JsonValueKind.Null or JsonValueKind.Undefined) };
        if (present == (jwksUri is not null))
            return new Failure(FailureCode.InvalidRequest, "private_key_jwt needs either jwks or jwks_uri.");
        if (jwksUri is not null)
            return ClientIdUrl.IsValid(jwksUri) ? new ClientKeySource(null, jwksUri) : new Failure(FailureCode.InvalidRequest, "jwks_uri has to be an https address.");
        if (!ClientKeySet.Read(jwks!.Value).TryGet(out _, out var failure))
            return failure;
        var text = jwks.Value.GetRawText();
        return text.Length <= MaxLength ? new ClientKeySource(text, null) : new Failure(FailureCode.InvalidRequest, $"jwks is longer than {MaxLength} characters.");
    }
}

/// <summary>A client's public key: RSA (modulus and exponent) or P-256 (x and y), in base64url.</summary>
public sealed record ClientKey
{
    /// <summary><c>kid</c>; null when it has none.</summary>
    public string? KeyId { get; init; }

    /// <summary><c>alg</c>; null when any that suits the key will do.</summary>
    public string? Algorithm { get; init; }

    /// <summary><c>n</c>; null for P-256.</summary>
    public string? Modulus { get; init; }

    /// <summary><c>e</c>; null for P-256.</summary>
    public string? Exponent { get; init; }

    /// <summary><c>x</c>; null for RSA.</summary>
    public string? X { get; init; }

    /// <summary><c>y</c>; null for RSA.</summary>
    public string? Y { get; init; }

    /// <summary>May it verify signatures of this algorithm? The key decides, not the token (RFC 8725 section 3.1).</summary>
    public bool Verifies(string algorithm) =>
        (Algorithm is null || Algorithm == algorithm) && (Modulus is not null ? algorithm is "RS256" or "PS256" : algorithm is "ES256");
}

/// <summary>Reads the key sets of clients (RFC 7517).</summary>
public static class ClientKeySet
{
    private const int MaxKeys = 10;
    private const int MinModulusBytes = 256;
    private const int MaxModulusBytes = 1024;
    private static readonly string[] SecretMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

    /// <summary>The keys we can verify with; a set that holds a secret, or none of ours, is refused.</summary>
    public static Result<ImmutableArray<ClientKey>> Read(JsonElement jwks)
    {
        try
        {
            return ReadKeys(jwks);
        }
        catch (InvalidOperationException)
        {
            // Text that is no Unicode shows only when it is read.
            return new Failure(FailureCode.InvalidRequest, "jwks holds text that cannot be read.");
        }
    }

    private static Result<ImmutableArray<ClientKey>> ReadKeys(JsonElement jwks)
    {
        if (jwks.ValueKind != JsonValueKind.Object || !jwks.TryGetProperty("keys", out var list) || list.ValueKind != JsonValueKind.Array || list.GetArrayLength() > MaxKeys)
            return new Failure(FailureCode.InvalidRequest, $"jwks has to be a JSON Web Key Set of at most {MaxKeys} keys.");
        var keys = ImmutableArray.CreateBuilder<ClientKey>();
        foreach (var entry in list.EnumerateArray())
        {
            if (entry.ValueKind != JsonValueKind.Object)
                return new Failure(FailureCode.InvalidRequest, "jwks has to be a JSON Web Key Set.");
            if (SecretMembers.Any(member => entry.TryGetProperty(member, out _)))
                return new Failure(FailureCode.InvalidRequest, "jwks holds a private or shared key: publish public keys only.");
            if (Read(entry, Text(entry, "kty")) is { } key && Text(entry, "use") is null or "sig")
                keys.Add(key);
        }
        return keys.Count > 0 ? keys.ToImmutable() : new Failure(FailureCode.InvalidRequest, "jwks holds no key that can be used: RSA of 2048 bits or more, or EC on P-256.");
    }

    private static ClientKey? Read(JsonElement entry, string? type)
    {
        var key = new ClientKey { KeyId = Text(entry, "kid"), Algorithm = Text(entry, "alg") };
        if (type == "RSA" && Text(entry, "n") is { } modulus && Text(entry, "e") is { } exponent
            && BytesIn(modulus) is >= MinModulusBytes and <= MaxModulusBytes && BytesIn(exponent) is > 0 and <= 8)
            return key with { Modulus = modulus, Exponent = exponent };
        if (type == "EC" && Text(entry, "crv") == "P-256" && Text(entry, "x") is { } x && Text(entry, "y") is { } y && BytesIn(x) == 32 && BytesIn(y) == 32)
            return key with { X = x, Y = y };
        return null;
    }

    private static int BytesIn(string encoded) => Base64Url.IsValid(encoded, out var length) ? length : 0;

    private static string? Text(JsonElement entry, string name) =>
        entry.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
