using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Backup;

/// <summary>A row as a line: <c>{"table":"users","p":"...","r":"...","v":{"name":"Ann","at":{"time":"..."}}}</c>. The same row always makes the same line.</summary>
internal static class BackupRow
{
    /// <summary>The line, without its end.</summary>
    public static string Write(string table, TableRow row)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("table"u8, table);
            json.WriteString("p"u8, row.PartitionKey);
            json.WriteString("r"u8, row.RowKey);
            json.WriteStartObject("v"u8);
            foreach (var (name, value) in row.Properties.OrderBy(property => property.Key, StringComparer.Ordinal))
                Write(json, name, value);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>The row of a line.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static (string Table, TableRow Row) Read(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            var root = json.RootElement;
            var properties = root.GetProperty("v").EnumerateObject().ToDictionary(property => property.Name, property => Read(property.Value), StringComparer.Ordinal);
            return (Text(root, "table"), new TableRow(Text(root, "p"), Text(root, "r"), properties));
        }
        catch (Exception wrong) when (wrong is JsonException or KeyNotFoundException or FormatException or InvalidOperationException)
        {
            throw new InvalidDataException("A line is not a row.", wrong);
        }
    }

    private static void Write(Utf8JsonWriter json, string name, object value)
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
                Typed(json, name, "int64"u8, number.ToString(CultureInfo.InvariantCulture));
                break;
            case double number:
                Typed(json, name, "double"u8, number.ToString("R", CultureInfo.InvariantCulture));
                break;
            case DateTimeOffset moment:
                Typed(json, name, "time"u8, moment.UtcDateTime.ToString("O", CultureInfo.InvariantCulture));
                break;
            default:
                throw new ArgumentException($"Property {name} has a type that rows do not hold: {value.GetType().Name}.");
        }
    }

    private static void Typed(Utf8JsonWriter json, string name, ReadOnlySpan<byte> type, string value)
    {
        json.WriteStartObject(name);
        json.WriteString(type, value);
        json.WriteEndObject();
    }

    private static object Read(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => value.GetInt32(),
        JsonValueKind.Object => Typed(value.EnumerateObject().First()),
        _ => throw new FormatException("A property has no value."),
    };

    private static object Typed(JsonProperty value) => (value.Name, value.Value.GetString()!) switch
    {
        ("int64", var text) => long.Parse(text, CultureInfo.InvariantCulture),
        ("double", var text) => double.Parse(text, CultureInfo.InvariantCulture),
        ("time", var text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal),
        _ => throw new FormatException($"There is no type {value.Name}."),
    };

    private static string Text(JsonElement root, string name) => root.GetProperty(name).GetString() ?? throw new FormatException($"{name} is missing.");
}
