using System.Buffers.Text;
using System.Security.Cryptography;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;
using Kontext.Functions.Upstream;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Kontext.Functions.OAuth;

/// <summary>Verifies client assertions with the client's own keys. The algorithm has to suit the key; a key that comes with the assertion is never looked at (RFC 8725 section 3).</summary>
internal sealed class AssertionSignatures(ClientKeys keys) : IAssertionSignatures
{
    private readonly JsonWebTokenHandler handler = new();

    /// <inheritdoc/>
    public async ValueTask<bool> HoldsAsync(OAuthClient client, ClientAssertion assertion, CancellationToken cancellationToken)
    {
        if (!ClientAuthMethods.SigningAlgorithms.Contains(assertion.Algorithm))
            return false;
        foreach (var key in await keys.FindAsync(client, assertion.KeyId, cancellationToken))
        {
            if (key.Verifies(assertion.Algorithm) && Holds(key, assertion))
                return true;
        }
        return false;
    }

    private bool Holds(ClientKey key, ClientAssertion assertion)
    {
        try
        {
            if (key.Modulus is null)
            {
                using var ecdsa = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = Base64Url.DecodeFromChars(key.X), Y = Base64Url.DecodeFromChars(key.Y) } });
                return Holds(new ECDsaSecurityKey(ecdsa), assertion);
            }
            using var rsa = RSA.Create(new RSAParameters { Modulus = Base64Url.DecodeFromChars(key.Modulus), Exponent = Base64Url.DecodeFromChars(key.Exponent) });
            return Holds(new RsaSecurityKey(rsa), assertion);
        }
        catch (CryptographicException)
        {
            // Coordinates that are no point of the curve: the client registered a key nobody can sign with.
            return false;
        }
    }

    private bool Holds(SecurityKey key, ClientAssertion assertion)
    {
        key.KeyId = assertion.KeyId;
        // A cached provider would outlive the key it was made for.
        key.CryptoProviderFactory = new CryptoProviderFactory { CacheSignatureProviders = false };
        return handler.ValidateToken(assertion.Text.Reveal(), new TokenValidationParameters
        {
            IssuerSigningKey = key,
            RequireSignedTokens = true,
            // Only the signature is asked of the handler: what the claims have to say is for the domain.
            ValidateIssuer = false,
            ValidateAudience = false,
            ValidateLifetime = false,
        }).IsValid;
    }
}
