using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>The rules that hold tokens, codes and sessions to the key they were made for (RFC 9449 sections 5, 6, 7.2 and 10). A key goes by its thumbprint; null means that none was proven.</summary>
public static class KeyBinding
{
    /// <summary>Why the caller may not use an access token with the key it proved; null when it may.</summary>
    public static Failure? Refusal(AccessTokenClaims token, Caller caller, string? proven)
    {
        if (token.KeyThumbprint is not { } bound)
            return caller is AgentCaller { Application.OAuth.DpopBoundAccessTokens: true }
                ? new Failure(FailureCode.InvalidToken, "This application only uses tokens bound to a key (dpop_bound_access_tokens). Get one with a DPoP proof.")
                : null;
        if (proven is null)
            return new Failure(FailureCode.InvalidToken, "The access token is bound to a key: send it as Authorization: DPoP, with a proof of that key.", "bound token without proof");
        return bound == proven ? null : new Failure(FailureCode.InvalidToken, "The access token is bound to another key than the DPoP proof's.", "bound token with another key");
    }

    /// <summary>Why a client may not redeem what was bound to a key when it was granted, with the key it proved now; null when it may.</summary>
    public static Failure? RefusalToRedeem(string? bound, string? proven, string what)
    {
        if (bound is null || bound == proven)
            return null;
        return proven is null
            ? new Failure(FailureCode.InvalidDPoPProof, $"The {what} is bound to a key: send a DPoP proof of that key.", $"bound {what} without proof")
            : new Failure(FailureCode.InvalidGrant, $"The {what} is bound to another key than the DPoP proof's.", $"bound {what} with another key");
    }

    /// <summary>The key a session is held to from now on: a public client's, because a confidential client's refresh tokens are bound to its authentication already (RFC 9449 section 5).</summary>
    public static string? OfSession(TokenClient.Agent client) => client.Application.OAuth.Confidential ? null : client.KeyThumbprint;
}
