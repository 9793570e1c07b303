using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Partner;

/// <summary>Verifies partners' tokens with the keys at their <c>jwksUrl</c>. The algorithm has to be allowed and suit the key; a key or address that comes with the token is never looked at (RFC 8725 section 3).</summary>
internal sealed class PartnerSignatures(PartnerKeys keys) : IPartnerSignatures
{
    /// <inheritdoc/>
    public async ValueTask<Result<bool>> HoldsAsync(ExternalAuth trust, SignedJwt token, CancellationToken cancellationToken)
    {
        if (!trust.AllowedAlgorithms.Contains(token.Algorithm))
            return false;
        if (!(await keys.FindAsync(trust.JwksUrl, token.KeyId, cancellationToken)).TryGet(out var found, out var failure))
            return failure;
        return found.Any(key => key.Verifies(token.Algorithm) && IdToken.Holds(token.Serialized.Reveal(), key));
    }
}
