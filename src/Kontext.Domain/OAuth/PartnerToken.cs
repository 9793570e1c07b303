using System.Text.Json;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>A JWT with which a partner says who one of its users is (contract 5.4).</summary>
/// <param name="Jwt">As it was sent: nothing in it is proven yet.</param>
public sealed record PartnerToken(SignedJwt Jwt)
{
    private static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(1);

    /// <summary>Why the application's trust does not cover it, for the partner; null when, but for the signature, it does.</summary>
    public string? Refusal(ExternalAuth trust, DateTimeOffset now)
    {
        if (!trust.AllowedAlgorithms.Contains(Jwt.Algorithm))
            return "is not signed with an allowed algorithm";
        if (Jwt.Text("iss") != trust.Issuer)
            return "names another issuer";
        if (!Jwt.Texts("aud").Contains(trust.Audience))
            return "is meant for another audience";
        if (Jwt.Time("exp") is not { } expiresAt || now >= expiresAt + ClockSkew)
            return "has expired, or has no exp";
        if (Jwt.Time("nbf") > now + ClockSkew)
            return "is not valid yet";
        if (Jwt.Time("iat") is not { } issuedAt || issuedAt > now + ClockSkew)
            return "has no iat, or was issued in the future";
        if (now - issuedAt > TimeSpan.FromSeconds(trust.MaxTokenAgeSeconds))
            return $"is older than {trust.MaxTokenAgeSeconds} seconds";
        if (trust.RequiredClaims.FirstOrDefault(required => !HasClaim(required.Key, required.Value)) is { Key: { } missing })
            return $"lacks the required value of the claim {missing}";
        return ExternalUsers.IsSubject(Jwt.Text("sub")) ? null : $"has no sub of 1 to {ExternalUsers.MaxSubjectLength} visible characters";
    }

    /// <summary>Whom it is about. Only after <see cref="Refusal"/> found nothing.</summary>
    public ExternalPerson Person() =>
        new(Jwt.Text("sub")!, Shown("name"), Shown("email"), Jwt.Time("exp")!.Value);

    private bool HasClaim(string name, string value) => Jwt.Claims.TryGetProperty(name, out var claim) && claim.ValueKind switch
    {
        JsonValueKind.True or JsonValueKind.False or JsonValueKind.Number => claim.GetRawText() == value,
        _ => Jwt.Text(name) == value,
    };

    private string? Shown(string name) => Jwt.Text(name)?.Trim() is { Length: > 0 and <= 200 } text && PrintableText.IsPrintable(text) ? text : null;
}

/// <summary>Verifies the signatures of partners' tokens.</summary>
public interface IPartnerSignatures
{
    /// <summary>True when a key the partner publishes signed it; a failure when its keys cannot be fetched.</summary>
    ValueTask<Result<bool>> HoldsAsync(ExternalAuth trust, SignedJwt token, CancellationToken cancellationToken);
}

/// <summary>Reads partners' tokens and believes those that an application's trust covers.</summary>
public sealed class PartnerTokens(IPartnerSignatures signatures, TimeProvider time)
{
    /// <summary>Whom the token is about; <see cref="FailureCode.InvalidToken"/> when it cannot be believed.</summary>
    public async Task<Result<ExternalPerson>> ReadAsync(Application application, Secret presented, CancellationToken cancellationToken)
    {
        if (application is not { OAuth.Confidential: true, ExternalAuth: { Enabled: true } trust })
            return new Failure(FailureCode.Forbidden, "externalAuth is not enabled for this application.");
        if (SignedJwt.Read(presented) is not { } jwt)
            return Wrong("is not a signed JWT");
        var token = new PartnerToken(jwt);
        if (token.Refusal(trust, time.GetUtcNow()) is { } refusal)
            return Wrong(refusal);
        if (!(await signatures.HoldsAsync(trust, jwt, cancellationToken)).TryGet(out var holds, out var failure))
            return failure;
        return holds ? token.Person() : Wrong("is not signed by a key at jwksUrl");
    }

    private static Failure Wrong(string what) => new(FailureCode.InvalidToken, $"The partner's token {what}.");
}
