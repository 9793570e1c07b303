using System.Buffers.Text;
using System.Security.Cryptography;
using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Functions.Storage;

namespace Kontext.Functions.OAuth;

/// <summary>Keeps the signing keys: the ring in one row, every public half ever used in a row of its own, the private halves in the vault.</summary>
internal sealed class SigningKeyStore(ITableSource tables, ICredentialVault vault, EpochFeed epochs, TimeProvider time)
{
    /// <summary>Whose keys they are in the vault: the issuer's own, no tenant's.</summary>
    public static readonly OrgId Issuer = new(Guid.Empty);

    private const string Partition = "issuer";
    private const string RingRow = "ring";
    private const string KeyRow = "key~";

    private readonly DocumentTable<StoredKeyRing> rings = new(tables.Open("signingkeys"), SigningKeyJson.Default.StoredKeyRing);
    private readonly DocumentTable<StoredSigningKey> keys = new(tables.Open("signingkeys"), SigningKeyJson.Default.StoredSigningKey);

    /// <summary>The ring as stored now, for a conditional write. Made with a first key when there is none: of several instances starting at once one wins, the others take what it wrote.</summary>
    public async Task<Versioned<StoredKeyRing>> RingAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await rings.FindAsync(Partition, RingRow, cancellationToken) is { } there)
                return there;
            // A key without a ring is what an instance left that ended right after making it, or what an earlier version of the program used.
            var first = (await EverUsedAsync(cancellationToken)).MaxBy(key => key.ActiveFrom) ?? await CreateAsync(time.GetUtcNow(), cancellationToken);
            if (await rings.InsertAsync(Partition, RingRow, new StoredKeyRing([first]), CancellationToken.None) is { } made)
                return made;
            if (await rings.FindAsync(Partition, RingRow, cancellationToken) is { } won && won.Value.Keys.All(key => key.Kid != first.Kid))
                await DiscardAsync(first, CancellationToken.None);
        }
    }

    /// <summary>Writes if nobody wrote since, and tells every instance; false when somebody did.</summary>
    public async Task<bool> ReplaceAsync(Versioned<StoredKeyRing> current, StoredKeyRing next)
    {
        if (await rings.ReplaceAsync(Partition, RingRow, current, next, CancellationToken.None) is null)
            return false;
        await epochs.BumpAsync(Issuer);
        return true;
    }

    /// <summary>Every key there ever was, oldest first; public halves only.</summary>
    public async Task<IReadOnlyList<StoredSigningKey>> EverUsedAsync(CancellationToken cancellationToken) =>
        [.. (await keys.TakeAsync(Partition, KeyRow, KeyRow + "~", int.MaxValue, cancellationToken)).Select(key => key.Value).OrderBy(key => key.CreatedAt)];

    /// <summary>Makes a key: private half into the vault, public half into a row of its own. It is in no ring yet.</summary>
    public async Task<StoredSigningKey> CreateAsync(DateTimeOffset activeFrom, CancellationToken cancellationToken)
    {
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var point = ecdsa.ExportParameters(includePrivateParameters: false).Q;
        var kid = RandomValue.ShortId();
        var version = await vault.PutAsync(Issuer, CredentialName.SigningKey(kid), new Secret(Convert.ToBase64String(ecdsa.ExportPkcs8PrivateKey())), cancellationToken);
        var key = new StoredSigningKey(kid, Base64Url.EncodeToString(point.X), Base64Url.EncodeToString(point.Y), version, time.GetUtcNow(), activeFrom, null);
        await keys.InsertAsync(Partition, KeyRow + kid, key, cancellationToken);
        return key;
    }

    /// <summary>The private half.</summary>
    /// <exception cref="InvalidOperationException">It is not in the vault.</exception>
    public async Task<ECDsa> OpenAsync(StoredSigningKey key, CancellationToken cancellationToken)
    {
        var privateKey = await vault.GetAsync(Issuer, CredentialName.SigningKey(key.Kid), key.VaultVersion, cancellationToken)
            ?? throw new InvalidOperationException($"The private part of signing key {key.Kid} is not in the vault. Restore the vault, or revoke the key.");
        var ecdsa = ECDsa.Create();
        ecdsa.ImportPkcs8PrivateKey(Convert.FromBase64String(privateKey.Reveal()), out _);
        return ecdsa;
    }

    /// <summary>Is the private half in the vault?</summary>
    public async Task<bool> HoldsAsync(StoredSigningKey key, CancellationToken cancellationToken) =>
        await vault.GetAsync(Issuer, CredentialName.SigningKey(key.Kid), key.VaultVersion, cancellationToken) is not null;

    /// <summary>Notes that a key was compromised. To be done before the ring drops it, so that a change that is cut off never makes it look merely old.</summary>
    public Task MarkRevokedAsync(StoredSigningKey revoked, DateTimeOffset now) =>
        ChangeAsync(revoked.Kid, row => row with { ActiveFrom = revoked.ActiveFrom, RevokedAt = row.RevokedAt ?? now });

    /// <summary>Deletes the private half of a key that no ring holds any more, and notes that. The public one stays.</summary>
    public async Task RetireAsync(StoredSigningKey retired, DateTimeOffset now)
    {
        await vault.DeleteAsync(Issuer, CredentialName.SigningKey(retired.Kid), CancellationToken.None);
        await ChangeAsync(retired.Kid, row => row with { ActiveFrom = retired.ActiveFrom, RetiredAt = row.RetiredAt ?? now });
    }

    /// <summary>Deletes a key that never signed and was never published.</summary>
    public async Task DiscardAsync(StoredSigningKey unused, CancellationToken cancellationToken)
    {
        if (await keys.FindAsync(Partition, KeyRow + unused.Kid, cancellationToken) is { } row)
            await keys.DeleteAsync(Partition, KeyRow + unused.Kid, row.Version, cancellationToken);
        await vault.DeleteAsync(Issuer, CredentialName.SigningKey(unused.Kid), cancellationToken);
    }

    private async Task ChangeAsync(string kid, Func<StoredSigningKey, StoredSigningKey> change)
    {
        while (await FindRowAsync(kid) is { } row && change(row.Stored.Value) is var changed && changed != row.Stored.Value)
        {
            if (await keys.ReplaceAsync(Partition, row.Name, row.Stored, changed, CancellationToken.None) is not null)
                return;
        }
    }

    // The first key of earlier versions of the program is in a row named by its number.
    private async Task<(string Name, Versioned<StoredSigningKey> Stored)?> FindRowAsync(string kid)
    {
        foreach (var name in (string[])[KeyRow + kid, KeyRow + "000001"])
        {
            if (await keys.FindAsync(Partition, name, CancellationToken.None) is { } row && row.Value.Kid == kid)
                return (name, row);
        }
        return null;
    }
}
