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
    private static readonly SearchValues<char> Forbidden = SearchValues.Create(
        ['/', '\\', '#', '?', .. Enumerable.Range(0, 0xa0).Select(code => (char)code).Where(char.IsControl)]);

    /// <summary>Throws when a row could not be stored on Azure.</summary>
    public static long Check(TableRow row)
    {
        CheckKeys(row.PartitionKey, row.RowKey);
        // One place is taken by the id of the operation, which every stored row carries.
        if (row.Properties.Count >= MaxProperties)
            throw new ArgumentException($"A row has at most {MaxProperties - 1} properties, not {row.Properties.Count}.");
        long bytes = 4 + 2L * (row.PartitionKey.Length + row.RowKey.Length) + 8 + 2L * RowJson.Operation.Length + 4 + 2 * 16;
        foreach (var (name, value) in row.Properties)
        {
            if (name is RowJson.Operation or "PartitionKey" or "RowKey" or "Timestamp" || name.StartsWith("odata.", StringComparison.Ordinal))
                throw new ArgumentException($"{name} is not free as the name of a property.");
            var size = value is string text ? 2L * text.Length + 4 : 8;
            if (size > MaxPropertyBytes)
                throw new RowTooLargeException($"Property {name} has {size} bytes in UTF-16; {MaxPropertyBytes} are allowed.");
            bytes += 8 + 2L * name.Length + size;
        }
        return bytes <= MaxRowBytes ? bytes : throw new RowTooLargeException($"The row has {bytes} bytes in UTF-16; {MaxRowBytes} are allowed.");
    }

    /// <summary>Throws when a transaction could not be carried out on Azure.</summary>
    public static void CheckTransaction(IReadOnlyList<RowOperation> operations)
    {
        if (operations.Count is 0 or > MaxOperations)
            throw new ArgumentException($"A transaction has 1 to {MaxOperations} operations, not {operations.Count}.");
        if (operations.Sum(operation => Check(operation.Row)) > MaxTransactionBytes)
            throw new RowTooLargeException($"A transaction has at most {MaxTransactionBytes} bytes.");
        if (operations.Any(operation => operation.Row.PartitionKey != operations[0].Row.PartitionKey))
            throw new ArgumentException("A transaction stays in one partition.");
        if (operations.DistinctBy(operation => operation.Row.RowKey).Count() != operations.Count)
            throw new ArgumentException("A transaction touches each row once.");
    }

    /// <summary>Throws when no row on Azure could have these keys.</summary>
    public static void CheckKeys(string partitionKey, string rowKey)
    {
        CheckKey(partitionKey);
        CheckKey(rowKey);
    }

    private static void CheckKey(string key)
    {
        if (key.Length == 0 || 2 * key.Length > MaxKeyBytes || key.AsSpan().ContainsAny(Forbidden))
            throw new ArgumentException("A key has 1 to 512 characters, none of / \\ # ? or a control character.");
    }
}
