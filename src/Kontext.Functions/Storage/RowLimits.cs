using System.Buffers;

namespace Kontext.Functions.Storage;

/// <summary>What Azure Table Storage refuses and Azurite lets through, refused in every implementation alike.
/// Source: "Understanding the Table service data model" and "Performing entity group transactions", Azure Storage REST reference.</summary>
internal static class RowLimits
{
    private const int MaxKeyBytes = 1024;
    private const int MaxProperties = 252;
    private const int MaxPropertyBytes = 64 * 1024;
    private const int MaxRowBytes = 1024 * 1024;
    private const int MaxTransactionBytes = 4 * 1024 * 1024;
    private const int MaxOperations = 100;
    private static readonly SearchValues<char> Forbidden = SearchValues.Create("/\\#?");

    /// <summary>Throws when a row could not be stored on Azure.</summary>
    public static long Check(TableRow row)
    {
        CheckKey(row.PartitionKey);
        CheckKey(row.RowKey);
        if (row.Properties.Count > MaxProperties)
            throw new ArgumentException($"A row has at most {MaxProperties} properties, not {row.Properties.Count}.");
        long bytes = 4 + 2L * (row.PartitionKey.Length + row.RowKey.Length);
        foreach (var (name, value) in row.Properties)
        {
            var size = value is string text ? 2L * text.Length + 4 : 8;
            if (size > MaxPropertyBytes)
                throw new ArgumentException($"Property {name} has {size} bytes in UTF-16; {MaxPropertyBytes} are allowed.");
            bytes += 8 + 2L * name.Length + size;
        }
        return bytes <= MaxRowBytes ? bytes : throw new ArgumentException($"The row has {bytes} bytes in UTF-16; {MaxRowBytes} are allowed.");
    }

    /// <summary>Throws when a transaction could not be carried out on Azure.</summary>
    public static void CheckTransaction(IReadOnlyList<RowOperation> operations)
    {
        if (operations.Count is 0 or > MaxOperations)
            throw new ArgumentException($"A transaction has 1 to {MaxOperations} operations, not {operations.Count}.");
        if (operations.Sum(operation => Check(operation.Row)) > MaxTransactionBytes)
            throw new ArgumentException($"A transaction has at most {MaxTransactionBytes} bytes.");
        if (operations.Any(operation => operation.Row.PartitionKey != operations[0].Row.PartitionKey))
            throw new ArgumentException("A transaction stays in one partition.");
        if (operations.DistinctBy(operation => operation.Row.RowKey).Count() != operations.Count)
            throw new ArgumentException("A transaction touches each row once.");
    }

    private static void CheckKey(string key)
    {
        if (key.Length == 0 || 2 * key.Length > MaxKeyBytes || key.AsSpan().ContainsAny(Forbidden) || key.Any(char.IsControl))
            throw new ArgumentException("A key has 1 to 512 characters, none of / \\ # ? or a control character.");
    }
}
