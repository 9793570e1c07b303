using System.Buffers.Text;
using System.Security.Cryptography;
using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Functions.Storage;
using Microsoft.IdentityModel.Tokens;

namespace Kontext.Functions.OAuth;

/// <summary>A signing key as stored: the public half and where the private one is.</summary>
internal sealed record StoredSigningKey(string Kid, string X, string Y, string VaultVersion, DateTimeOffset CreatedAt, DateTimeOffset ActiveFrom, DateTimeOffset? RetiredAt);

/// <summary>The issuer's signing keys: ES256, private halves in the vault, public ones in a small table that every instance reads.</summary>
internal sealed class SigningKeyRing(ITableSource tables, ICredentialVault vault, TimeProvider time) : IDisposable
{
    /// <summary>Whose keys they are in the vault: the issuer's own, no tenant's.</summary>
    public static readonly OrgId Issuer = new(Guid.Empty);

    private const string Partition = "issuer";
    private static readonly TimeSpan RereadAfter = TimeSpan.FromMinutes(1);

    private readonly DocumentTable<StoredSigningKey> keys = new(tables.Open("signingkeys"), SigningKeyJson.Default.StoredSigningKey);
    private readonly SemaphoreSlim gate = new(1);
    private volatile Ring? ring;

    /// <summary>The key to sign with now.</summary>
    public async ValueTask<SigningCredentials> CurrentAsync(CancellationToken cancellationToken) => (await RingAsync(cancellationToken)).Signing;

    /// <summary>The public key of this id; null when it is not one of ours.</summary>
    public async ValueTask<SecurityKey?> FindAsync(string kid, CancellationToken cancellationToken) =>
        (await RingAsync(cancellationToken)).Verifying.GetValueOrDefault(kid);

    /// <summary>Every key that tokens may be signed with, for the JWKS.</summary>
    public async ValueTask<IReadOnlyList<StoredSigningKey>> PublishedAsync(CancellationToken cancellationToken) => (await RingAsync(cancellationToken)).Published;

    /// <summary>Every key there ever was, retired ones too: what they signed is still checked (audit checkpoints). Rows are never deleted.</summary>
    public async ValueTask<IReadOnlyList<StoredSigningKey>> EverAsync(CancellationToken cancellationToken)
    {
        var ever = new List<StoredSigningKey>();
        string? continuation = null;
        do
        {
            var page = await keys.RangeAsync(Partition, "key~", "key~~", 100, continuation, cancellationToken);
            ever.AddRange(page.Values.Select(key => key.Value));
            continuation = page.Continuation;
        }
        while (continuation is not null);
        return ever;
    }

    /// <inheritdoc/>
    public void Dispose() => gate.Dispose();

    private async ValueTask<Ring> RingAsync(CancellationToken cancellationToken)
    {
        if (ring is { } known && time.GetUtcNow() - known.ReadAt < RereadAfter)
            return known;
        await gate.WaitAsync(cancellationToken);
        try
        {
            if (ring is { } read && time.GetUtcNow() - read.ReadAt < RereadAfter)
                return read;
            return ring = await ReadAsync(cancellationToken);
        }
        finally
        {
            gate.Release();
        }
    }

    private async Task<Ring> ReadAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var stored = (await EverAsync(cancellationToken)).Where(key => key.RetiredAt is null || now < key.RetiredAt).ToList();
        if (stored.Count == 0)
        {
            await CreateAsync(now, cancellationToken);
            stored = (await EverAsync(cancellationToken)).ToList();
        }
        var signing = stored.Where(key => key.ActiveFrom <= now).MaxBy(key => key.ActiveFrom) ?? stored[0];
        if (ring is { } known && known.Signing.Key.KeyId == signing.Kid && known.Published.Count == stored.Count)
            return known with { ReadAt = now };
        var privateKey = await vault.GetAsync(Issuer, CredentialName.SigningKey(signing.Kid), signing.VaultVersion, cancellationToken)
            ?? throw new InvalidOperationException($"The private part of signing key {signing.Kid} is not in the vault. Restore the vault, or retire the key.");
        var ecdsa = ECDsa.Create();
        ecdsa.ImportPkcs8PrivateKey(Convert.FromBase64String(privateKey.Reveal()), out _);
        return new Ring(
            now,
            new SigningCredentials(new ECDsaSecurityKey(ecdsa) { KeyId = signing.Kid }, SecurityAlgorithms.EcdsaSha256),
            stored.ToDictionary(key => key.Kid, SecurityKey (key) => PublicKey(key)),
            stored);
    }

    // The first key takes the first place: of several instances starting at once one wins, the others read what it wrote.
    private async Task CreateAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var point = ecdsa.ExportParameters(includePrivateParameters: false).Q;
        var kid = RandomValue.ShortId();
        var version = await vault.PutAsync(Issuer, CredentialName.SigningKey(kid), new Secret(Convert.ToBase64String(ecdsa.ExportPkcs8PrivateKey())), cancellationToken);
        var first = new StoredSigningKey(kid, Base64Url.EncodeToString(point.X), Base64Url.EncodeToString(point.Y), version, now, now, null);
        if (await keys.InsertAsync(Partition, "key~000001", first, cancellationToken) is null)
            await vault.DeleteAsync(Issuer, CredentialName.SigningKey(kid), cancellationToken);
    }

    private static ECDsaSecurityKey PublicKey(StoredSigningKey key) => new(ECDsa.Create(new ECParameters
    {
        Curve = ECCurve.NamedCurves.nistP256,
        Q = new ECPoint { X = Base64Url.DecodeFromChars(key.X), Y = Base64Url.DecodeFromChars(key.Y) },
    }))
    { KeyId = key.Kid };

    private sealed record Ring(DateTimeOffset ReadAt, SigningCredentials Signing, IReadOnlyDictionary<string, SecurityKey> Verifying, IReadOnlyList<StoredSigningKey> Published);
}

/// <summary>JSON of stored signing keys.</summary>
[System.Text.Json.Serialization.JsonSerializable(typeof(StoredSigningKey))]
[System.Text.Json.Serialization.JsonSourceGenerationOptions(PropertyNamingPolicy = System.Text.Json.Serialization.JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class SigningKeyJson : System.Text.Json.Serialization.JsonSerializerContext;
