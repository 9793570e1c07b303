using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace Kontext.Functions.Storage;

/// <summary>A row as it was read, with the id of the operation that wrote it; null when something else than Kontext did.</summary>
internal readonly record struct StoredRow(TableRow Row, string? Operation);

/// <summary>Writes and reads rows as the Table service's JSON ("Payload format for Table service operations", minimal metadata).</summary>
internal static class RowJson
{
    /// <summary>The property that holds the id of the operation that wrote the row. It is not among <see cref="TableRow.Properties"/>.</summary>
    public const string Operation = "op";

    private const string TypeSuffix = "@odata.type";

    /// <summary>The entity to send.</summary>
    public static ReadOnlyMemory<byte> Write(TableRow row, string operation)
    {
        var expected = 512;
        foreach (var (_, value) in row.Properties)
            expected += value is string text ? text.Length + text.Length / 4 : 32;
        var buffer = new ArrayBufferWriter<byte>(expected);
        using var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true });
        json.WriteStartObject();
        json.WriteString("PartitionKey"u8, row.PartitionKey);
        json.WriteString("RowKey"u8, row.RowKey);
        json.WriteString("op"u8, operation);
        foreach (var (name, value) in row.Properties)
            WriteProperty(json, name, value);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    /// <summary>One entity.</summary>
    public static StoredRow ReadOne(ReadOnlySpan<byte> body)
    {
        var json = new Utf8JsonReader(body);
        json.Read();
        return Read(ref json);
    }

    /// <summary>The entities of a query's answer.</summary>
    public static List<TableRow> ReadMany(ReadOnlySpan<byte> body)
    {
        var json = new Utf8JsonReader(body);
        var rows = new List<TableRow>();
        json.Read();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var isValue = json.ValueTextEquals("value"u8);
            json.Read();
            if (!isValue)
            {
                json.Skip();
                continue;
            }
            while (json.Read() && json.TokenType == JsonTokenType.StartObject)
                rows.Add(Read(ref json).Row);
        }
        return rows;
    }

    private static void WriteProperty(Utf8JsonWriter json, string name, object value)
    {
        switch (value)
        {
            case string text:
                json.WriteString(name, text);
                break;
            case bool flag:
                json.WriteBoolean(name, flag);
                break;
            case int number:
                json.WriteNumber(name, number);
                break;
            case long number:
                json.WriteString(name + TypeSuffix, "Edm.Int64"u8);
                json.WriteString(name, number.ToString(CultureInfo.InvariantCulture));
                break;
            case double number:
                json.WriteString(name + TypeSuffix, "Edm.Double"u8);
                if (double.IsFinite(number))
                    json.WriteNumber(name, number);
                else
                    json.WriteString(name, double.IsNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
                break;
            case DateTimeOffset moment:
                json.WriteString(name + TypeSuffix, "Edm.DateTime"u8);
                json.WriteString(name, moment.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture));
                break;
            default:
                throw new ArgumentException($"Property {name} has a type that rows do not hold: {value.GetType().Name}.");
        }
    }

    private static StoredRow Read(ref Utf8JsonReader json)
    {
        string? partition = null, row = null, etag = null, operation = null, typedName = null, typeName = null;
        var properties = new Dictionary<string, object>(StringComparer.Ordinal);
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var name = json.GetString()!;
            json.Read();
            switch (name)
            {
                case "PartitionKey":
                    partition = json.GetString();
                    break;
                case "RowKey":
                    row = json.GetString();
                    break;
                case "odata.etag":
                    etag = json.GetString();
                    break;
                case Operation:
                    operation = json.GetString();
                    break;
                case "Timestamp":
                case var _ when name.StartsWith("odata.", StringComparison.Ordinal):
                    json.Skip();
                    break;
                case var _ when name.EndsWith(TypeSuffix, StringComparison.Ordinal):
                    (typedName, typeName) = (name[..^TypeSuffix.Length], json.GetString());
                    // The annotation may follow its property.
                    if (properties.TryGetValue(typedName, out var untyped))
                        properties[typedName] = WithType(untyped, typeName);
                    break;
                default:
                    if (ReadValue(ref json) is { } value)
                        properties[name] = name == typedName ? WithType(value, typeName) : value;
                    break;
            }
        }
        return new StoredRow(new TableRow(partition!, row!, properties) { ETag = etag }, operation);
    }

    // Null is how the service says that there is no such property.
    private static object? ReadValue(ref Utf8JsonReader json) => json.TokenType switch
    {
        JsonTokenType.String => json.GetString(),
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        JsonTokenType.Number => json.TryGetInt32(out var number) ? (object)number : json.GetDouble(),
        _ => null,
    };

    private static object WithType(object value, string? type) => (type, value) switch
    {
        ("Edm.Int64", string text) => long.Parse(text, CultureInfo.InvariantCulture),
        ("Edm.Int64", int number) => (long)number,
        ("Edm.Double", string text) => double.Parse(text, CultureInfo.InvariantCulture),
        ("Edm.Double", int number) => (double)number,
        ("Edm.DateTime", string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal),
        _ => value,
    };
}
