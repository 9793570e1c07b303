using Kontext.Domain;
using Kontext.Domain.OAuth;

namespace Kontext.Functions.OAuth;

/// <summary>Takes DPoP proofs from requests (RFC 9449 sections 4.3, 5 and 7) and gives out nonces (section 8).</summary>
internal sealed class ProofOfPossession(DPoPProofs proofs, ISpentProofs spent, RecentProofs recent, Resources resources)
{
    /// <summary>The header a proof comes in, and the name of the authorization scheme.</summary>
    public const string Header = "DPoP";

    /// <summary>The header a nonce goes out in.</summary>
    public const string NonceHeader = "DPoP-Nonce";

    private static readonly Failure Replayed = new(FailureCode.InvalidDPoPProof, "The DPoP proof was used before: make a new one, with a new jti, for every request.", "proof replayed");

    /// <summary>The proof that came with a token request; null when none did. Nothing is spent yet, so that a client with the wrong nonce may try again with the same code and assertion.</summary>
    public async ValueTask<Result<DPoPProof?>> ReadAsync(HttpContext context, CancellationToken cancellationToken)
    {
        if (context.Request.Headers[Header].Count == 0)
            return Result.Of<DPoPProof?>(null);
        return (await CheckAsync(context, accessToken: null, cancellationToken)).TryGet(out var proof, out var failure) ? proof : failure;
    }

    /// <summary>The client with the key it proved; refused when the proof was used before, or when it has to prove a key and did not (RFC 9449 section 5.2).</summary>
    public async ValueTask<Result<TokenClient>> BindAsync(TokenClient client, DPoPProof? proof, CancellationToken cancellationToken)
    {
        if (proof is null)
            return client.NeedsProof
                ? new Failure(FailureCode.InvalidDPoPProof, "This client only uses tokens bound to a key (dpop_bound_access_tokens): send a DPoP proof.")
                : client;
        return await spent.IsSpentAsync(client.Org, proof, cancellationToken) ? Replayed : client with { KeyThumbprint = proof.Key.Thumbprint };
    }

    /// <summary>Spends the proof for all instances; the failure when another request was faster.</summary>
    public async ValueTask<Failure?> SpendAsync(TokenClient client, DPoPProof proof) =>
        await spent.TrySpendAsync(client.Org, proof, CancellationToken.None) ? null : Replayed;

    /// <summary>Why the request does not prove the key of the access token it carries with the scheme DPoP; null when it does.</summary>
    public async ValueTask<Failure?> RefusalAsync(HttpContext context, string accessToken, AccessTokenClaims claims, Caller caller, CancellationToken cancellationToken)
    {
        if (claims.KeyThumbprint is null)
            return new Failure(FailureCode.InvalidToken, "The access token is not bound to a key: send it as Authorization: Bearer, or get one with a DPoP proof.");
        if (!(await CheckAsync(context, accessToken, cancellationToken)).TryGet(out var proof, out var failure))
            return failure;
        return KeyBinding.Refusal(claims, caller, proof.Key.Thumbprint) ?? (recent.TryAdd(proof) ? null : Replayed);
    }

    private async ValueTask<Result<DPoPProof>> CheckAsync(HttpContext context, string? accessToken, CancellationToken cancellationToken)
    {
        var header = context.Request.Headers[Header];
        if (header.Count != 1)
            return new Failure(FailureCode.InvalidDPoPProof, "Send exactly one DPoP header with the proof.");
        var request = new ProvenRequest(context.Request.Method, resources.Issuer + context.Request.Path.ToUriComponent(), accessToken);
        var result = await proofs.CheckAsync(header.ToString(), request, cancellationToken);
        if (proofs.NonceRequired || (!result.TryGet(out _, out var failure) && failure.Code == FailureCode.UseDPoPNonce))
            context.Response.Headers[NonceHeader] = await proofs.NextNonceAsync(cancellationToken);
        return result;
    }
}
