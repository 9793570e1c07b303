using System.Buffers.Text;
using System.Text.Json;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>A JWT with which a partner says who one of its users is (contract 5.4), as it was sent: nothing in it is proven yet.</summary>
public sealed record PartnerToken
{
    private const int MaxLength = 16 * 1024;
    private static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(1);

    /// <summary>The whole of it.</summary>
    public required Secret Text { get; init; }

    /// <summary><c>alg</c> of the header.</summary>
    public required string Algorithm { get; init; }

    /// <summary><c>kid</c> of the header; null when it has none.</summary>
    public string? KeyId { get; init; }

    /// <summary>The claims.</summary>
    public required JsonElement Claims { get; init; }

    /// <summary>Takes it apart; null when it is no signed JWT that we understand.</summary>
    public static PartnerToken? Read(Secret token)
    {
        var parts = token.Reveal().Split('.');
        if (token.Reveal().Length > MaxLength || parts.Length != 3 || parts.Any(part => !Base64Url.IsValid(part)) || parts[2].Length == 0)
            return null;
        // Two members of one name could be read differently by whoever signed.
        var strict = new JsonDocumentOptions { MaxDepth = 16, AllowDuplicateProperties = false };
        try
        {
            using var header = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[0]), strict);
            using var payload = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]), strict);
            // An extension that has to be understood is not understood (RFC 7515 section 4.1.11).
            if (header.RootElement.TryGetProperty("crit", out _) || TextOf(header.RootElement, "alg") is not { } algorithm || payload.RootElement.ValueKind != JsonValueKind.Object)
                return null;
            return new PartnerToken { Text = token, Algorithm = algorithm, KeyId = TextOf(header.RootElement, "kid"), Claims = payload.RootElement.Clone() };
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Why the application's trust does not cover it, for the partner; null when, but for the signature, it does.</summary>
    public string? Refusal(ExternalAuth trust, DateTimeOffset now)
    {
        if (!trust.AllowedAlgorithms.Contains(Algorithm))
            return "is not signed with an allowed algorithm";
        if (TextOf(Claims, "iss") != trust.Issuer)
            return "names another issuer";
        if (!IsMeantFor(trust.Audience))
            return "is meant for another audience";
        if (TimeOf(Claims, "exp") is not { } expiresAt || now >= expiresAt + ClockSkew)
            return "has expired, or has no exp";
        if (TimeOf(Claims, "nbf") > now + ClockSkew)
            return "is not valid yet";
        if (TimeOf(Claims, "iat") is not { } issuedAt || issuedAt > now + ClockSkew)
            return "has no iat, or was issued in the future";
        if (now - issuedAt > TimeSpan.FromSeconds(trust.MaxTokenAgeSeconds))
            return $"is older than {trust.MaxTokenAgeSeconds} seconds";
        if (trust.RequiredClaims.FirstOrDefault(required => !HasClaim(required.Key, required.Value)) is { Key: { } missing })
            return $"lacks the required value of the claim {missing}";
        return ExternalUsers.IsSubject(TextOf(Claims, "sub")) ? null : $"has no sub of 1 to {ExternalUsers.MaxSubjectLength} visible characters";
    }

    /// <summary>Whom it is about. Only after <see cref="Refusal"/> found nothing.</summary>
    public ExternalPerson Person() =>
        new(TextOf(Claims, "sub")!, Shown("name"), Shown("email"), TimeOf(Claims, "exp")!.Value);

    private bool IsMeantFor(string audience) => Claims.TryGetProperty("aud", out var named) && named.ValueKind switch
    {
        JsonValueKind.Array => named.EnumerateArray().Any(entry => TextOf(entry) == audience),
        _ => TextOf(named) == audience,
    };

    private bool HasClaim(string name, string value) => Claims.TryGetProperty(name, out var claim) && claim.ValueKind switch
    {
        JsonValueKind.True or JsonValueKind.False or JsonValueKind.Number => claim.GetRawText() == value,
        _ => TextOf(claim) == value,
    };

    private string? Shown(string name) => TextOf(Claims, name)?.Trim() is { Length: > 0 and <= 200 } text && PrintableText.IsPrintable(text) ? text : null;

    private static DateTimeOffset? TimeOf(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var seconds) && seconds is >= 0 and < 253402300799
            ? DateTimeOffset.FromUnixTimeSeconds((long)seconds) : null;

    private static string? TextOf(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? TextOf(value) : null;

    private static string? TextOf(JsonElement value)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            // Text that is no Unicode shows only when it is read.
            return null;
        }
    }
}

/// <summary>Verifies the signatures of partners' tokens.</summary>
public interface IPartnerSignatures
{
    /// <summary>True when a key the partner publishes signed it; a failure when its keys cannot be fetched.</summary>
    ValueTask<Result<bool>> HoldsAsync(ExternalAuth trust, PartnerToken token, CancellationToken cancellationToken);
}

/// <summary>Reads partners' tokens and believes those that an application's trust covers.</summary>
public sealed class PartnerTokens(IPartnerSignatures signatures, TimeProvider time)
{
    /// <summary>Whom the token is about; <see cref="FailureCode.InvalidToken"/> when it cannot be believed.</summary>
    public async Task<Result<ExternalPerson>> ReadAsync(Application application, Secret presented, CancellationToken cancellationToken)
    {
        if (application is not { OAuth.Confidential: true, ExternalAuth: { Enabled: true } trust })
            return new Failure(FailureCode.Forbidden, "externalAuth is not enabled for this application.");
        if (PartnerToken.Read(presented) is not { } token)
            return Wrong("is not a signed JWT");
        if (token.Refusal(trust, time.GetUtcNow()) is { } refusal)
            return Wrong(refusal);
        if (!(await signatures.HoldsAsync(trust, token, cancellationToken)).TryGet(out var holds, out var failure))
            return failure;
        return holds ? token.Person() : Wrong("is not signed by a key at jwksUrl");
    }

    private static Failure Wrong(string what) => new(FailureCode.InvalidToken, $"The partner's token {what}.");
}
