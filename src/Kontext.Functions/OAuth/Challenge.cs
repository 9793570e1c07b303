using Kontext.Domain;
using Kontext.Domain.OAuth;
using Microsoft.Extensions.Primitives;

namespace Kontext.Functions.OAuth;

/// <summary>What a protected resource asks for when it refuses a token: Bearer (RFC 6750 section 3) and, beside it, DPoP (RFC 9449 section 7.1). The error goes with the scheme that was tried.</summary>
internal static class Challenge
{
    private static readonly string Algorithms = $"algs=\"{string.Join(' ', ProofKey.Algorithms)}\"";

    /// <summary>The challenges; <paramref name="parameters"/> are the resource's own and stand in both.</summary>
    public static StringValues Of(HttpContext context, Failure failure, string? parameters = null)
    {
        var authorization = context.Request.Headers.Authorization;
        var triedProof = authorization.ToString().StartsWith("DPoP ", StringComparison.OrdinalIgnoreCase);
        var error = ErrorOf(failure.Code, authorization.Count > 0) is { } code ? $"error=\"{code}\"" : null;
        return new StringValues([With("Bearer", parameters, triedProof ? null : error), With("DPoP", parameters, triedProof ? error : null, Algorithms)]);
    }

    // Whoever sent no token learns what to send, and is told of no error (RFC 6750 section 3.1).
    private static string? ErrorOf(FailureCode code, bool sentToken) => code switch
    {
        FailureCode.InsufficientScope or FailureCode.InvalidScope or FailureCode.UnauthorizedClient or FailureCode.AccessDenied => "insufficient_scope",
        _ when !sentToken => null,
        FailureCode.InvalidDPoPProof => "invalid_dpop_proof",
        FailureCode.UseDPoPNonce => "use_dpop_nonce",
        _ => "invalid_token",
    };

    private static string With(string scheme, params IEnumerable<string?> parameters)
    {
        var present = string.Join(", ", parameters.Where(parameter => parameter is not null));
        return present.Length == 0 ? scheme : $"{scheme} {present}";
    }
}
