using System.Buffers;
using System.Text;

namespace Kontext.Functions.Storage;

/// <summary>An entity group transaction as multipart/mixed ("Performing entity group transactions").</summary>
/// <param name="ContentType">Names the boundary.</param>
/// <param name="Body">All operations in one change set.</param>
internal sealed record TableTransaction(string ContentType, ReadOnlyMemory<byte> Body)
{
    private const int MaxBodyBytes = 4 * 1024 * 1024;

    /// <summary>Writes the operations down; each row gets the same operation id.</summary>
    /// <exception cref="ArgumentException">The body is larger than the service takes.</exception>
    public static TableTransaction Compose(IReadOnlyList<RowOperation> operations, string operation, string tableAddress)
    {
        // Letters and digits only: Azurite reads no other boundary.
        var id = Guid.NewGuid().ToString("N");
        var body = new ArrayBufferWriter<byte>(4096);
        Append(body, $"--batch_{id}\r\nContent-Type: multipart/mixed; boundary=changeset_{id}\r\n\r\n");
        foreach (var (change, row) in operations)
        {
            var keys = change == RowChange.Insert ? "" : KeysOf(row.PartitionKey, row.RowKey);
            var method = change switch { RowChange.Insert => "POST", RowChange.Delete => "DELETE", _ => "PUT" };
            Append(body, $"--changeset_{id}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n");
            Append(body, $"{method} {tableAddress}{keys} HTTP/1.1\r\nAccept: application/json;odata=nometadata\r\nContent-Type: application/json\r\nDataServiceVersion: 3.0;\r\n");
            if (change == RowChange.Insert)
                Append(body, "Prefer: return-no-content\r\n");
            if (change is RowChange.Replace or RowChange.Delete)
                Append(body, $"If-Match: {row.ETag ?? throw new ArgumentException("A row is replaced or deleted by its version.")}\r\n");
            Append(body, "\r\n");
            if (change != RowChange.Delete)
                body.Write(RowJson.Write(row, operation).Span);
            Append(body, "\r\n");
        }
        Append(body, $"--changeset_{id}--\r\n--batch_{id}--\r\n");
        return body.WrittenCount <= MaxBodyBytes
            ? new TableTransaction($"multipart/mixed; boundary=batch_{id}", body.WrittenMemory)
            : throw new ArgumentException($"A transaction has at most {MaxBodyBytes} bytes.");
    }

    /// <summary>Reads an answer: null when everything was done, else why nothing was. The service names only the operation that failed.</summary>
    public static TableRefusal? ReadRefusal(ReadOnlySpan<byte> body)
    {
        var status = body.IndexOf("HTTP/1.1 "u8);
        if (status < 0)
            throw new InvalidDataException("The table service's answer to a transaction cannot be read.");
        var first = body[status..];
        if (first["HTTP/1.1 ".Length] == (byte)'2')
            return null;
        var json = first.IndexOf((byte)'{');
        var end = first.LastIndexOf((byte)'}');
        return json < 0 || end < json ? new TableRefusal("") : TableRefusal.Read(first[json..(end + 1)]);
    }

    /// <summary>The part of an address that names a row.</summary>
    public static string KeysOf(string partitionKey, string rowKey) => $"(PartitionKey='{Escape(partitionKey)}',RowKey='{Escape(rowKey)}')";

    private static string Escape(string key) => Uri.EscapeDataString(key.Contains('\'', StringComparison.Ordinal) ? key.Replace("'", "''", StringComparison.Ordinal) : key);

    private static void Append(ArrayBufferWriter<byte> body, string text) => Encoding.UTF8.GetBytes(text, body);
}
