using System.Security.Cryptography;
using System.Text;

namespace Kontext.Functions.Backup;

/// <summary>Counts rows and adds up their hashes, table by table. The order in which they come does not matter: storage services sort differently.</summary>
internal sealed class BackupTally
{
    private readonly SortedDictionary<string, (long Rows, byte[] Sum)> tables = new(StringComparer.Ordinal);

    /// <summary>Takes a row in.</summary>
    public void Add(string table, string line)
    {
        var (rows, sum) = tables.TryGetValue(table, out var so) ? so : (0, new byte[SHA256.HashSizeInBytes]);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(line), hash);
        var carry = 0;
        for (var index = 0; index < sum.Length; index++)
        {
            carry += sum[index] + hash[index];
            sum[index] = (byte)carry;
            carry >>= 8;
        }
        tables[table] = (rows + 1, sum);
    }

    /// <summary>What came so far.</summary>
    public SortedDictionary<string, BackupTable> Tables =>
        new(tables.ToDictionary(table => table.Key, table => new BackupTable(table.Value.Rows, Convert.ToHexStringLower(table.Value.Sum))), StringComparer.Ordinal);
}
