using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Functions.Local;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Cloud;

/// <summary>Which versions of its secrets are an organization's keys. Key Vault knows no "create unless there": this row decides between instances that do it at once.</summary>
/// <param name="Current">The data key to encrypt with.</param>
/// <param name="Derivation">The key that handles are derived from.</param>
internal sealed record StoredDataKeys(string Current, string Derivation);

/// <summary>JSON of the row.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(StoredDataKeys))]
internal sealed partial class DataKeyJson : JsonSerializerContext;

/// <summary>Data keys as versioned secrets of Key Vault, two secrets per organization. Instances keep them in memory for at most an hour. Keys in files from before there was a vault still open what they sealed.</summary>
internal sealed class KeyVaultDataKeys(ITableSource tables, KeyVaults vaults, LocalKeys? before, TimeProvider time) : IDataKeys, IDisposable
{
    private const string Current = "current";
    private const string Derivation = "derivation";
    private const int Gates = 16;

    private readonly DocumentTable<StoredDataKeys> rows = new(tables.Open("datakeys"), DataKeyJson.Default.StoredDataKeys);
    private readonly DataKeyCache cache = new(time);
    private readonly SemaphoreSlim[] gates = [.. Enumerable.Range(0, Gates).Select(_ => new SemaphoreSlim(1))];

    /// <inheritdoc/>
    public async ValueTask<DataKey> CurrentAsync(OrgId org, CancellationToken cancellationToken) =>
        (await CachedAsync(org, Current, async () => await ReadAsync(org, KeyVaultKeyVersion.DataKey(org), (await KeysAsync(org, cancellationToken)).Value.Current, cancellationToken), cancellationToken))!;

    /// <inheritdoc/>
    public async ValueTask<DataKey> DerivationAsync(OrgId org, CancellationToken cancellationToken) =>
        (await CachedAsync(org, Derivation, async () => await ReadAsync(org, KeyVaultKeyVersion.Derivation(org), (await KeysAsync(org, cancellationToken)).Value.Derivation, cancellationToken), cancellationToken))!;

    /// <inheritdoc/>
    public async ValueTask<DataKey?> FindAsync(OrgId org, string version, CancellationToken cancellationToken)
    {
        if (KeyVaultKeyVersion.TryParse(version) is not { } place)
            return before is null ? null : await before.FindAsync(org, version, cancellationToken);
        if (vaults.Find(place.Vault) is not { } vault)
            return null;
        return await CachedAsync(org, version, () => ReadAsync(vault, KeyVaultKeyVersion.DataKey(org), place, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<string> CurrentVersionAsync(OrgId org, CancellationToken cancellationToken)
    {
        var version = (await KeysAsync(org, cancellationToken)).Value.Current;
        using var remembered = cache.Find(org, Current);
        if (remembered is not null && remembered.Version != version)
            cache.Drop(org, Current);
        return version;
    }

    /// <inheritdoc/>
    public async ValueTask<string> RotateAsync(OrgId org, CancellationToken cancellationToken)
    {
        var current = await KeysAsync(org, cancellationToken);
        var vault = vaults.Of(KeyVaultKeyVersion.Parse(current.Value.Current).Vault);
        var made = await MakeAsync(vault, KeyVaultKeyVersion.DataKey(org), org, DataKeyBytes.New(), CancellationToken.None);
        var written = await rows.ReplaceAsync(Key.Of(org), Key.Of(org), current, current.Value with { Current = made }, CancellationToken.None);
        cache.Drop(org, Current);
        if (written is not null)
            return made;
        // Somebody rotated in the meantime: one new key is enough.
        await vault.DisableAsync(KeyVaultKeyVersion.DataKey(org), KeyVaultKeyVersion.Parse(made).SecretVersion, CancellationToken.None);
        return (await KeysAsync(org, CancellationToken.None)).Value.Current;
    }

    /// <summary>Is one of the organization's keys in a vault of this name that does not give it out, or is not in the settings?</summary>
    public async Task<bool> AreLostAsync(OrgId org, string vault, CancellationToken cancellationToken)
    {
        if (await rows.FindAsync(Key.Of(org), Key.Of(org), cancellationToken) is not { } row)
            return false;
        foreach (var (secret, place) in PlacesOf(org, row.Value).Where(key => key.Place.Vault == vault))
        {
            if (vaults.Find(vault) is not { } there || await there.GetAsync(secret, place.SecretVersion, cancellationToken) is null)
                return true;
        }
        return false;
    }

    /// <summary>Makes new keys in place of those that are lost with a vault. What was encrypted and derived with them is lost with them.</summary>
    public async Task ReplaceLostAsync(OrgId org, CancellationToken cancellationToken)
    {
        await rows.DeleteAsync(Key.Of(org), Key.Of(org), "*", cancellationToken);
        cache.Drop(org, Current);
        cache.Drop(org, Derivation);
        await KeysAsync(org, cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        cache.Dispose();
        foreach (var gate in gates)
            gate.Dispose();
    }

    /// <summary>The organization's keys; made when there are none.</summary>
    private async Task<Versioned<StoredDataKeys>> KeysAsync(OrgId org, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await rows.FindAsync(Key.Of(org), Key.Of(org), cancellationToken) is { } there)
                return there;
            var vault = vaults.Choose(org.ToString());
            var current = await MakeAsync(vault, KeyVaultKeyVersion.DataKey(org), org, DataKeyBytes.New(), cancellationToken);
            // Handles derived so far have to come out the same.
            using var old = before?.FindDerivation(org);
            var derivation = await MakeAsync(vault, KeyVaultKeyVersion.Derivation(org), org, old?.Bytes.ToArray() ?? DataKeyBytes.New(), cancellationToken);
            if (await rows.InsertAsync(Key.Of(org), Key.Of(org), new StoredDataKeys(current, derivation), CancellationToken.None) is { } made)
                return made;
        }
    }

    private static IEnumerable<(string Secret, KeyVaultKeyVersion Place)> PlacesOf(OrgId org, StoredDataKeys stored) =>
        [(KeyVaultKeyVersion.DataKey(org), KeyVaultKeyVersion.Parse(stored.Current)), (KeyVaultKeyVersion.Derivation(org), KeyVaultKeyVersion.Parse(stored.Derivation))];

    private async Task<DataKey?> CachedAsync(OrgId org, string name, Func<Task<DataKey?>> read, CancellationToken cancellationToken)
    {
        if (cache.Find(org, name) is { } kept)
            return kept;
        // One asks for all that wait: an hour's end must not become a burst.
        var gate = gates[org.Value.ToByteArray()[15] % Gates];
        await gate.WaitAsync(cancellationToken);
        try
        {
            if (cache.Find(org, name) is { } meanwhile)
                return meanwhile;
            if (await read() is not { } key)
                return null;
            cache.Keep(org, name, key);
            // What it is about to encrypt will be opened too.
            if (name == Current)
                cache.Keep(org, key.Version, key);
            return key;
        }
        finally
        {
            gate.Release();
        }
    }

    private async Task<DataKey?> ReadAsync(OrgId org, string secret, string version, CancellationToken cancellationToken)
    {
        var place = KeyVaultKeyVersion.Parse(version);
        return await ReadAsync(vaults.Of(place.Vault), secret, place, cancellationToken) ?? throw new StorageUnavailableException(
            $"Version {place.SecretVersion} of secret {secret} is not to be had from key vault {place.Vault}. If it was deleted or disabled, recover or enable it: without it, nothing of organization {org} opens.");
    }

    private static async Task<DataKey?> ReadAsync(KeyVault vault, string secret, KeyVaultKeyVersion place, CancellationToken cancellationToken)
    {
        if (await vault.GetAsync(secret, place.SecretVersion, cancellationToken) is not { } text)
            return null;
        var bytes = DataKeyBytes.Read(text) ?? throw new InvalidDataException($"Secret {secret} in key vault {vault.Name} is no key of {DataKey.Length} bytes.");
        var key = new DataKey(place.ToString(), bytes);
        CryptographicOperations.ZeroMemory(bytes);
        return key;
    }

    private static async Task<string> MakeAsync(KeyVault vault, string secret, OrgId org, byte[] bytes, CancellationToken cancellationToken)
    {
        var text = DataKeyBytes.Write(bytes);
        CryptographicOperations.ZeroMemory(bytes);
        return new KeyVaultKeyVersion(vault.Name, await vault.SetAsync(secret, text, KeyVaultTags.Of(org), cancellationToken)).ToString();
    }
}
