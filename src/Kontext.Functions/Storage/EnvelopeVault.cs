using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Storage;

/// <summary>Keeps credentials as rows encrypted under the organization's data key (architecture section 3). Each is bound to organization, name and version: copied to another place, it does not open.</summary>
internal sealed class EnvelopeVault(ITableSource tables, IDataKeys keys, TimeProvider time) : ICredentialVault
{
    private const int MaxBytes = 256 * 1024;
    private const int VersionLength = 24;
    private const int ChunkLength = 30_000;
    private const string Newest = "";
    private readonly ITable table = tables.Open("vault");

    /// <inheritdoc/>
    public async Task<string> PutAsync(OrgId org, CredentialName name, Secret value, CancellationToken cancellationToken)
    {
        if (Encoding.UTF8.GetByteCount(value.Reveal()) > MaxBytes)
            throw new ArgumentException($"A credential has at most {MaxBytes} bytes.", nameof(value));
        using var key = await keys.CurrentAsync(org, cancellationToken);
        while (true)
        {
            var latest = await FindLatestAsync(org, name, cancellationToken) is { } row ? VersionOf(row) : null;
            var version = VersionAfter(latest);
            var text = Base64Url.EncodeToString(EnvelopeVaultCipher.Seal(key, AssociatedData(org, name, version, key.Version), value));
            var properties = new Dictionary<string, object>(StringComparer.Ordinal) { ["v"] = "1", ["key"] = key.Version };
            for (var start = 0; start < text.Length; start += ChunkLength)
                properties[ChunkName(start / ChunkLength)] = text.Substring(start, Math.Min(ChunkLength, text.Length - start));
            if ((await table.InsertAsync(new TableRow(Partition(org, name), RowKey(org, name, version), properties), cancellationToken)).Ok)
                return version;
        }
    }

    /// <inheritdoc/>
    public async Task<Secret?> GetAsync(OrgId org, CredentialName name, string version, CancellationToken cancellationToken)
    {
        if (!IsVersion(version))
            return null;
        return await table.GetAsync(Partition(org, name), RowKey(org, name, version), cancellationToken) is { } row
            ? await OpenAsync(org, name, version, row, cancellationToken)
            : null;
    }

    /// <inheritdoc/>
    public async Task<(string Version, Secret Value)?> GetLatestAsync(OrgId org, CredentialName name, CancellationToken cancellationToken)
    {
        if (await FindLatestAsync(org, name, cancellationToken) is not { } row)
            return null;
        var version = VersionOf(row);
        return (version, await OpenAsync(org, name, version, row, cancellationToken));
    }

    /// <inheritdoc/>
    public Task TrimAsync(OrgId org, CredentialName name, string keepFrom, CancellationToken cancellationToken)
    {
        if (!IsVersion(keepFrom))
            throw new ArgumentException("Not a version of this vault.", nameof(keepFrom));
        return DeleteAsync(org, name, from: RowKey(org, name, keepFrom), keep: RowKey(org, name, keepFrom), cancellationToken);
    }

    /// <inheritdoc/>
    public Task DeleteAsync(OrgId org, CredentialName name, CancellationToken cancellationToken) =>
        DeleteAsync(org, name, from: RowKey(org, name, Newest), keep: null, cancellationToken);

    private async Task DeleteAsync(OrgId org, CredentialName name, string from, string? keep, CancellationToken cancellationToken)
    {
        const int pageSize = 4;
        string? continuation = null;
        do
        {
            var page = await table.RangeAsync(Partition(org, name), from, End(org, name), pageSize, continuation, cancellationToken);
            foreach (var row in page.Rows.Where(row => row.RowKey != keep))
                await table.DeleteAsync(row.PartitionKey, row.RowKey, "*", cancellationToken);
            continuation = page.Continuation;
        }
        while (continuation is not null);
    }

    private Task<TableRow?> FindLatestAsync(OrgId org, CredentialName name, CancellationToken cancellationToken) =>
        table.FirstAsync(Partition(org, name), RowKey(org, name, Newest), End(org, name), cancellationToken);

    private async Task<Secret> OpenAsync(OrgId org, CredentialName name, string version, TableRow row, CancellationToken cancellationToken)
    {
        var keyVersion = (string)row.Properties["key"];
        using var key = await keys.FindAsync(org, keyVersion, cancellationToken)
            ?? throw new InvalidDataException($"Data key {keyVersion} of organization {org} is not there.");
        var text = new StringBuilder();
        for (var chunk = 0; row.Properties.TryGetValue(ChunkName(chunk), out var more); chunk++)
            text.Append((string)more);
        var stored = text.ToString();
        var opened = Base64Url.IsValid(stored) ? EnvelopeVaultCipher.Open(key, AssociatedData(org, name, version, keyVersion), Base64Url.DecodeFromChars(stored)) : null;
        return opened ?? throw new InvalidDataException($"Version {version} of credential {name.Name} does not open: its row was changed or belongs elsewhere.");
    }

    /// <summary>Time, then chance, both of fixed width; later than the latest whatever the clocks of the writers say.</summary>
    private string VersionAfter(string? latest)
    {
        var ticks = time.GetUtcNow().UtcTicks;
        if (latest is not null)
            ticks = Math.Max(ticks, long.Parse(latest.AsSpan(0, 16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) + 1);
        return string.Create(CultureInfo.InvariantCulture, $"{ticks:x16}{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}");
    }

    // INVARIANT: the version is what the key says, never what the row says of itself: an old row put in a new one's place must not open.
    private static string VersionOf(TableRow row) => Mirror(row.RowKey[(row.RowKey.LastIndexOf('~') + 1)..]);

    private static bool IsVersion(string text) => text.Length == VersionLength && text.All(char.IsAsciiHexDigitLower);

    private static string Partition(OrgId org, CredentialName name) =>
        $"{org}~{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Checked(name))).AsSpan(0, 1))}";

    /// <summary>The version stands mirrored in the key, so that the newest comes first and is found by reading one row.</summary>
    private static string RowKey(OrgId org, CredentialName name, string version) =>
        $"{org}~{Checked(name)}~{Mirror(version)}";

    private static string Mirror(string version) => string.Create(version.Length, version, static (mirrored, version) =>
    {
        for (var i = 0; i < mirrored.Length; i++)
            mirrored[i] = char.IsAsciiHexDigitLower(version[i]) ? "0123456789abcdef"[15 - Convert.ToInt32(version[i].ToString(), 16)] : version[i];
    });

    private static string End(OrgId org, CredentialName name) => $"{org}~{Checked(name)}~~";

    // The separator of our keys must not occur in a name, or one name's range would contain another's rows.
    private static string Checked(CredentialName name) =>
        name.Name.Length is > 0 and <= 200 && name.Name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') ? name.Name : throw new ArgumentException("A credential's name has letters, digits, hyphens and underscores.");

    private static byte[] AssociatedData(OrgId org, CredentialName name, string version, string keyVersion) =>
        EnvelopeVaultCipher.AssociatedData("vault", org.ToString(), name.Name, version, keyVersion);

    private static string ChunkName(int index) => string.Create(CultureInfo.InvariantCulture, $"data{index}");
}
