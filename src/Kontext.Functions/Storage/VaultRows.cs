using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Storage;

/// <summary>Where a credential's versions are in the table <c>vault</c>: one row each, whichever form their content is kept in, the newest first.</summary>
internal static class VaultRows
{
    /// <summary>The table.</summary>
    public const string Table = "vault";

    /// <summary>How many partitions an organization's credentials are spread over.</summary>
    public const int PartitionCount = 256;

    private const int VersionLength = 24;
    private const int PageSize = 4;
    private const string Newest = "";

    /// <summary>The credential's partition.</summary>
    public static string Partition(OrgId org, CredentialName name) =>
        $"{org}~{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Checked(name))).AsSpan(0, 1))}";

    /// <summary>One of the organization's partitions.</summary>
    public static string Partition(OrgId org, int number) => string.Create(CultureInfo.InvariantCulture, $"{org}~{number:x2}");

    /// <summary>The version stands mirrored in the key, so that the newest comes first and is found by reading one row.</summary>
    public static string RowKey(OrgId org, CredentialName name, string version) => $"{org}~{Checked(name)}~{Mirror(version)}";

    /// <summary>The first key of the organization's rows.</summary>
    public static string Start(OrgId org) => $"{org}~";

    // INVARIANT: the version is what the key says, never what the row says of itself: an old row put in a new one's place must not open.
    /// <summary>The version that a row holds.</summary>
    public static string VersionOf(TableRow row) => Mirror(row.RowKey[(row.RowKey.LastIndexOf('~') + 1)..]);

    /// <summary>The credential that a row belongs to.</summary>
    public static CredentialName NameOf(TableRow row) => new(row.RowKey.Split('~')[1]);

    /// <summary>Is this text a version of ours?</summary>
    public static bool IsVersion(string text) => text.Length == VersionLength && text.All(char.IsAsciiHexDigitLower);

    /// <summary>When a version was made, by the clock of whoever made it.</summary>
    public static DateTimeOffset MadeAt(string version) => new(long.Parse(version.AsSpan(0, 16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture), TimeSpan.Zero);

    /// <summary>Time, then chance, both of fixed width; later than the latest whatever the clocks of the writers say.</summary>
    public static string VersionAfter(string? latest, DateTimeOffset now)
    {
        var ticks = now.UtcTicks;
        if (latest is not null)
            ticks = Math.Max(ticks, MadeAt(latest).UtcTicks + 1);
        return string.Create(CultureInfo.InvariantCulture, $"{ticks:x16}{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}");
    }

    /// <summary>The newest version's row; null when there is none.</summary>
    public static Task<TableRow?> NewestAsync(ITable table, OrgId org, CredentialName name, CancellationToken cancellationToken) =>
        table.FirstAsync(Partition(org, name), RowKey(org, name, Newest), End(org, name), cancellationToken);

    /// <summary>The rows of all versions, the newest first.</summary>
    public static async Task<List<TableRow>> AllAsync(ITable table, OrgId org, CredentialName name, CancellationToken cancellationToken)
    {
        var rows = new List<TableRow>();
        string? continuation = null;
        do
        {
            var page = await table.RangeAsync(Partition(org, name), RowKey(org, name, Newest), End(org, name), PageSize, continuation, cancellationToken);
            rows.AddRange(page.Rows);
            continuation = page.Continuation;
        }
        while (continuation is not null);
        return rows;
    }

    private static string Mirror(string version) => string.Create(version.Length, version, static (mirrored, version) =>
    {
        for (var i = 0; i < mirrored.Length; i++)
            mirrored[i] = char.IsAsciiHexDigitLower(version[i]) ? "0123456789abcdef"[15 - Convert.ToInt32(version[i].ToString(), 16)] : version[i];
    });

    private static string End(OrgId org, CredentialName name) => $"{org}~{Checked(name)}~~";

    // The separator of our keys must not occur in a name, or one name's range would contain another's rows.
    private static string Checked(CredentialName name) =>
        name.Name.Length is > 0 and <= 200 && name.Name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') ? name.Name : throw new ArgumentException("A credential's name has letters, digits, hyphens and underscores.");
}
