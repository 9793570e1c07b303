using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Kontext.Domain.OAuth;

/// <summary>Nonces for DPoP proofs (RFC 9449 section 8): a keyed hash of the time, so that every instance knows every other's and nothing is stored. A nonce is good for one to two steps.</summary>
public sealed class DPoPNonces(Vault.ISealer sealer, TimeProvider time)
{
    /// <summary>How often a new nonce is given out.</summary>
    public static readonly TimeSpan Step = TimeSpan.FromMinutes(2);

    // The issuer's own key, no tenant's: at this point nobody knows yet whose client it is.
    private static readonly OrgId Issuer = new(Guid.Empty);

    private volatile Known? known;

    /// <summary>The nonce to give out now.</summary>
    public async ValueTask<string> CurrentAsync(CancellationToken cancellationToken) => (await KnownAsync(cancellationToken)).Current;

    /// <summary>Was it given out in this step or the one before?</summary>
    public async ValueTask<bool> IsValidAsync(string nonce, CancellationToken cancellationToken)
    {
        var now = await KnownAsync(cancellationToken);
        return IsSame(nonce, now.Current) | IsSame(nonce, now.Previous);
    }

    private async ValueTask<Known> KnownAsync(CancellationToken cancellationToken)
    {
        var step = time.GetUtcNow().ToUnixTimeSeconds() / (long)Step.TotalSeconds;
        if (known is { } kept && kept.Step == step)
            return kept;
        return known = new Known(step, await NonceOfAsync(step, cancellationToken), await NonceOfAsync(step - 1, cancellationToken));
    }

    private async ValueTask<string> NonceOfAsync(long step, CancellationToken cancellationToken) =>
        Base64Url.EncodeToString((await sealer.DeriveAsync(Issuer, "dpop-nonce", step.ToString(CultureInfo.InvariantCulture), cancellationToken)).AsSpan(0, 16));

    private static bool IsSame(string one, string other) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(one), Encoding.UTF8.GetBytes(other));

    private sealed record Known(long Step, string Current, string Previous);
}
