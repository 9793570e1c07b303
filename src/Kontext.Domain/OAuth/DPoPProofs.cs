using System.Security.Cryptography;
using System.Text;

namespace Kontext.Domain.OAuth;

/// <summary>The request a DPoP proof has to be made for.</summary>
/// <param name="Method">Its method.</param>
/// <param name="Url">Its address below our public URL; the Host header is never asked.</param>
/// <param name="AccessToken">The access token it carries; null at the token endpoint.</param>
public sealed record ProvenRequest(string Method, string Url, string? AccessToken);

/// <summary>Checks that a DPoP proof was made for this request, just now (RFC 9449 section 4.3, checks 8 to 12). That it was not used before is for the surfaces, which remember differently.</summary>
/// <param name="nonces">Makes and recognizes nonces.</param>
/// <param name="nonceRequired">Every proof has to carry a nonce of ours.</param>
/// <param name="time">The clock.</param>
public sealed class DPoPProofs(DPoPNonces nonces, bool nonceRequired, TimeProvider time)
{
    /// <summary>How far <c>iat</c> may be from our clock, on either side.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(60);

    /// <summary>How long an accepted proof has to be remembered: until its <c>iat</c>, which may lie ahead, leaves the window.</summary>
    public static readonly TimeSpan Memory = 2 * Window;

    /// <summary>Every proof has to carry a nonce of ours.</summary>
    public bool NonceRequired => nonceRequired;

    /// <summary>The nonce clients should use next (RFC 9449 section 8.2).</summary>
    public ValueTask<string> NextNonceAsync(CancellationToken cancellationToken) => nonces.CurrentAsync(cancellationToken);

    /// <summary>The proof, when it proves the request; <see cref="FailureCode.InvalidDPoPProof"/> or <see cref="FailureCode.UseDPoPNonce"/> otherwise.</summary>
    public async ValueTask<Result<DPoPProof>> CheckAsync(string text, ProvenRequest request, CancellationToken cancellationToken)
    {
        if (!DPoPProof.Read(text).TryGet(out var proof, out var failure))
            return failure;
        if (proof.Method != request.Method)
            return Refused("htm is not this request's method");
        if (!IsSameTarget(proof.Url, request.Url))
            return Refused("htu is not this request's address");
        if ((time.GetUtcNow() - proof.CreatedAt).Duration() > Window)
            return Refused($"iat is more than {Window.TotalSeconds:0} seconds from this server's time");
        if (request.AccessToken is { } token && !IsHashOf(proof.AccessTokenHash, token))
            return Refused("ath is not the hash of the access token");
        if (proof.Nonce is null ? nonceRequired : !await nonces.IsValidAsync(proof.Nonce, cancellationToken))
            return new Failure(FailureCode.UseDPoPNonce, "Make the DPoP proof with the nonce from the DPoP-Nonce header.");
        return proof;
    }

    /// <summary>Do both name the same resource, query and fragment aside? Scheme, host, default port and percent-encoding are normalized (RFC 9449 section 4.3, RFC 3986 section 6.2).</summary>
    public static bool IsSameTarget(string proven, string actual) =>
        Uri.TryCreate(proven, UriKind.Absolute, out var given) && Uri.TryCreate(actual, UriKind.Absolute, out var here)
        && given.UserInfo.Length == 0
        && given.Scheme == here.Scheme && given.IdnHost == here.IdnHost && given.Port == here.Port
        && Uri.UnescapeDataString(given.AbsolutePath) == Uri.UnescapeDataString(here.AbsolutePath);

    private static bool IsHashOf(string? hash, string token) =>
        hash is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(hash), Encoding.UTF8.GetBytes(DPoPProof.HashOf(token)));

    private static Failure Refused(string why) => new(FailureCode.InvalidDPoPProof, $"The DPoP proof does not prove this request: {why}.");
}

/// <summary>Remembers, for all instances, for which proofs the token endpoint gave something.</summary>
public interface ISpentProofs
{
    /// <summary>Was it used before? Writes nothing, so that a request that leads nowhere costs no storage.</summary>
    Task<bool> IsSpentAsync(OrgId org, DPoPProof proof, CancellationToken cancellationToken);

    /// <summary>True the first time, on whichever instance; false for a replay. Remembered for <see cref="DPoPProofs.Memory"/> at least.</summary>
    Task<bool> TrySpendAsync(OrgId org, DPoPProof proof, CancellationToken cancellationToken);
}
