using System.Buffers.Text;
using System.Security.Cryptography;
using Kontext.Functions.Storage;
using Microsoft.IdentityModel.Tokens;

namespace Kontext.Functions.OAuth;

/// <summary>A public key of ours and the one algorithm it verifies.</summary>
internal sealed record VerificationKey(SecurityKey Key, string Algorithm);

/// <summary>The issuer's signing keys as this instance knows them: at most a second behind every other instance, so that a revoked key is refused everywhere at once
/// and none signs with a key that the others do not know.</summary>
internal sealed class SigningKeyRing(SigningKeyStore store, FreshCache cache, TimeProvider time)
{
    private static readonly FreshKey RingKey = new(FreshKind.SigningKeys, SigningKeyStore.Issuer);
    private static readonly TimeSpan RereadAfter = TimeSpan.FromSeconds(3);

    // The cache of providers gives out one that another thread disposes (IdentityModel issue 1203): of requests that come at once to a fresh instance, it refused some valid tokens.
    private static readonly CryptoProviderFactory Uncached = new() { CacheSignatureProviders = false };

    private volatile Ring? last;
    private long rereadAt = time.GetTimestamp();

    /// <summary>The key to sign with now.</summary>
    public async ValueTask<SigningCredentials> CurrentAsync(CancellationToken cancellationToken)
    {
        var ring = await RingAsync(cancellationToken);
        return ring.Signing[ring.Stored.Current(time.GetUtcNow()).Kid];
    }

    /// <summary>The public key of this id; null when it is not one of ours, or nothing it signed is accepted any more.</summary>
    public async ValueTask<VerificationKey?> FindAsync(string kid, CancellationToken cancellationToken)
    {
        if (Find(await RingAsync(cancellationToken), kid) is { } known)
            return known;
        // Another instance may have made the key a moment ago. Whoever sends invented ids costs us one read in a few seconds.
        var last = Volatile.Read(ref rereadAt);
        if (time.GetElapsedTime(last) < RereadAfter || Interlocked.CompareExchange(ref rereadAt, time.GetTimestamp(), last) != last)
            return null;
        cache.Remove(RingKey);
        return Find(await RingAsync(cancellationToken), kid);
    }

    /// <summary>Every key whose tokens are accepted, now or soon, for the key set.</summary>
    public async ValueTask<IReadOnlyList<StoredSigningKey>> PublishedAsync(CancellationToken cancellationToken) =>
        [.. (await RingAsync(cancellationToken)).Stored.Published(time.GetUtcNow())];

    /// <summary>Every key there ever was, retired and revoked ones too: what they signed is still checked (audit checkpoints).</summary>
    public async ValueTask<IReadOnlyList<StoredSigningKey>> EverAsync(CancellationToken cancellationToken) => await store.EverUsedAsync(cancellationToken);

    private VerificationKey? Find(Ring ring, string kid) =>
        ring.Verifying.TryGetValue(kid, out var key) && ring.Stored.StateOf(key.Stored, time.GetUtcNow()) != SigningKeyState.Retired ? key.Key : null;

    private async ValueTask<Ring> RingAsync(CancellationToken cancellationToken) =>
        (await cache.GetAsync(RingKey, this, static (ring, token) => ring.LoadAsync(token)!, cancellationToken))!;

    private async Task<Ring> LoadAsync(CancellationToken cancellationToken)
    {
        var stored = (await store.RingAsync(cancellationToken)).Value;
        var (now, before) = (time.GetUtcNow(), last);
        var signing = new Dictionary<string, SigningCredentials>();
        // The next key is opened ahead, so that the vault need not answer at the very moment it takes over.
        foreach (var key in stored.Keys.Where(key => stored.StateOf(key, now) is SigningKeyState.Current or SigningKeyState.Next))
        {
            signing[key.Kid] = before?.Signing.GetValueOrDefault(key.Kid)
                ?? new SigningCredentials(new ECDsaSecurityKey(await store.OpenAsync(key, cancellationToken)) { KeyId = key.Kid, CryptoProviderFactory = Uncached }, key.Algorithm);
        }
        return last = new Ring(stored, signing, stored.Keys.ToDictionary(
            key => key.Kid, key => (key, before?.Verifying.GetValueOrDefault(key.Kid).Key ?? new VerificationKey(PublicKey(key), key.Algorithm))));
    }

    private static ECDsaSecurityKey PublicKey(StoredSigningKey key) => new(ECDsa.Create(new ECParameters
    {
        Curve = ECCurve.NamedCurves.nistP256,
        Q = new ECPoint { X = Base64Url.DecodeFromChars(key.X), Y = Base64Url.DecodeFromChars(key.Y) },
    }))
    { KeyId = key.Kid, CryptoProviderFactory = Uncached };

    private sealed record Ring(StoredKeyRing Stored, IReadOnlyDictionary<string, SigningCredentials> Signing, IReadOnlyDictionary<string, (StoredSigningKey Stored, VerificationKey Key)> Verifying);
}
