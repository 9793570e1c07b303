using System.Buffers.Text;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Kontext.Domain;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Kontext.Functions.SignIn;

/// <summary>What an ID token has to agree with.</summary>
/// <param name="Issuer">The provider.</param>
/// <param name="ClientId">Us.</param>
/// <param name="Nonce">What this sign-in was started with.</param>
internal sealed record IdTokenExpectation(string Issuer, string ClientId, string Nonce);

/// <summary>Reads and validates ID tokens (OpenID Connect Core section 3.1.3.7, RFC 8725).</summary>
internal static class IdToken
{
    private const int MaxLength = 64 * 1024;
    private static readonly TimeSpan Skew = TimeSpan.FromSeconds(60);
    private static readonly string[] Algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];
    private static readonly string[] KeysOfItsOwn = ["jwk", "jku", "x5c", "x5u"];
    private static readonly JsonWebTokenHandler Handler = new();

    /// <summary>What the header says about algorithm and key; nothing else in it is ever followed. Fails for every algorithm that is not a signature by a public key.</summary>
    public static Result<(string Algorithm, string? KeyId)> ReadHeader(string token)
    {
        if (Part(token, 0) is not { } header)
            return Wrong("is not a signed token");
        using (header)
        {
            var fields = header.RootElement;
            if (JsonMember.Text(fields, "alg") is not { } algorithm || !Algorithms.Contains(algorithm, StringComparer.Ordinal))
                return Wrong("is not signed with an accepted algorithm");
            // A key the token brings along or points to proves nothing (RFC 8725 section 3.10).
            if (KeysOfItsOwn.Any(name => fields.TryGetProperty(name, out _)))
                return Wrong("brings a key of its own");
            if (fields.TryGetProperty("crit", out _))
                return Wrong("has a header that must be understood and is not");
            if (JsonMember.Text(fields, "typ") is { } type && !type.Equals("JWT", StringComparison.OrdinalIgnoreCase))
                return Wrong("is a token of another type");
            return (algorithm, JsonMember.Text(fields, "kid"));
        }
    }

    /// <summary>Validates the signature and the claims that every ID token has; gives its claims.</summary>
    public static Result<JsonElement> Validate(string token, ImmutableArray<IdentityProviderKey> keys, IdTokenExpectation expected, DateTimeOffset now)
    {
        if (!ReadHeader(token).TryGet(out var header, out var failure))
            return failure;
        if (!keys.Any(key => key.Verifies(header.Algorithm) && Holds(token, key)))
            return Wrong("is not signed by the provider");
        if (Part(token, 1) is not { } payload)
            return Wrong("has no claims");
        using (payload)
            return Check(payload.RootElement, expected, now) is { } wrong ? wrong : payload.RootElement.Clone();
    }

    private static Failure? Check(JsonElement claims, IdTokenExpectation expected, DateTimeOffset now)
    {
        if (JsonMember.Text(claims, "iss") != expected.Issuer)
            return Wrong("names another issuer");
        var audiences = JsonMember.Texts(claims, "aud");
        if (!audiences.Contains(expected.ClientId))
            return Wrong("is meant for another client");
        // With several audiences, or when it is there at all, azp has to be us (steps 4 and 5).
        var party = JsonMember.Text(claims, "azp");
        if (party is null ? audiences.Length > 1 : party != expected.ClientId)
            return Wrong("was issued to another client");
        if (JsonMember.Time(claims, "exp") is not { } expires || now >= expires + Skew)
            return Wrong("has expired");
        if (JsonMember.Time(claims, "iat") is not { } issued || issued > now + Skew || (JsonMember.Time(claims, "nbf") is { } notBefore && notBefore > now + Skew))
            return Wrong("is not valid yet");
        if (JsonMember.Text(claims, "nonce") is not { } nonce || !CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(nonce), Encoding.UTF8.GetBytes(expected.Nonce)))
            return Wrong("belongs to another sign-in");
        if (JsonMember.Text(claims, "sub") is not { Length: > 0 and <= 255 } subject || !PrintableText.IsPrintable(subject))
            return Wrong("names nobody");
        return null;
    }

    /// <summary>Did the key sign the token? What it says is not looked at.</summary>
    internal static bool Holds(string token, IdentityProviderKey key)
    {
        try
        {
            return key.Use(form =>
            {
                // A cached provider would outlive the key it was made for.
                form.CryptoProviderFactory = new CryptoProviderFactory { CacheSignatureProviders = false };
                form.KeyId = key.KeyId;
                // Only the signature is asked of the handler: the claims are checked above, against a clock that can be set.
                return Handler.ValidateToken(token, new TokenValidationParameters
                {
                    IssuerSigningKey = form, RequireSignedTokens = true, ValidateIssuer = false, ValidateAudience = false, ValidateLifetime = false,
                }).IsValid;
            });
        }
        catch (CryptographicException)
        {
            // Numbers that are no key: the provider published something nobody can sign with.
            return false;
        }
    }

    private static JsonDocument? Part(string token, int index)
    {
        var parts = token.Length <= MaxLength ? token.Split('.') : [];
        if (parts.Length != 3 || !parts.All(part => Base64Url.IsValid(part)))
            return null;
        try
        {
            var document = JsonText.Parse(Base64Url.DecodeFromChars(parts[index]), new JsonDocumentOptions { MaxDepth = 16, AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                return document;
            document.Dispose();
            return null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static Failure Wrong(string what) =>
        new(FailureCode.InvalidToken, "The answer of the sign-in provider cannot be trusted. Start again; if it happens again, tell an administrator.", $"the ID token {what}");
}
