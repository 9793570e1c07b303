using System.Buffers.Text;
using System.Security.Cryptography;
using Kontext.Domain.Audit;
using Microsoft.IdentityModel.Tokens;

namespace Kontext.Functions.OAuth;

/// <summary>Signs audit checkpoints with the issuer's current key, whose public half is in the JWKS. What is signed is JSON, so it can never pass for a token.</summary>
internal sealed class AuditSigner(SigningKeyRing keys) : IAuditSigner
{
    /// <inheritdoc/>
    public async ValueTask<AuditSignature> SignAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var credentials = await keys.CurrentAsync(cancellationToken);
        var signature = ((ECDsaSecurityKey)credentials.Key).ECDsa.SignData(bytes.Span, HashAlgorithmName.SHA256);
        return new AuditSignature(credentials.Key.KeyId, Base64Url.EncodeToString(signature));
    }
}
