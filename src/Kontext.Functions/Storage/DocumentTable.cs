using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Kontext.Domain;

namespace Kontext.Functions.Storage;

/// <summary>Keeps values of one type in a table, each as a JSON document in its row. Properties that a newer version of the program wrote survive a rewrite.</summary>
/// <typeparam name="T">The stored type.</typeparam>
internal sealed class DocumentTable<T>(ITable table, JsonTypeInfo<T> type)
    where T : class
{
    private const string SchemaVersion = "1";
    private const int ChunkLength = 30_000;

    public async Task<Versioned<T>?> FindAsync(string partition, string row, CancellationToken cancellationToken) =>
        await table.GetAsync(partition, row, cancellationToken) is { } found ? Read(found) : null;

    /// <summary>Null when the keys are taken.</summary>
    public async Task<Versioned<T>?> InsertAsync(string partition, string row, T value, CancellationToken cancellationToken)
    {
        var document = Serialize(value);
        var write = await table.InsertAsync(ToRow(partition, row, document), cancellationToken);
        return write.Ok ? new Versioned<T>(value, write.ETag!) { Origin = document } : null;
    }

    /// <summary>Null when somebody else wrote, or the row is gone.</summary>
    public async Task<Versioned<T>?> ReplaceAsync(string partition, string row, Versioned<T> current, T next, CancellationToken cancellationToken)
    {
        var document = Merge(current, next);
        var write = await table.ReplaceAsync(ToRow(partition, row, document) with { ETag = current.Version }, cancellationToken);
        return write.Ok ? new Versioned<T>(next, write.ETag!) { Origin = document } : null;
    }

    public Task<Write> DeleteAsync(string partition, string row, string version, CancellationToken cancellationToken) =>
        table.DeleteAsync(partition, row, version, cancellationToken);

    /// <summary>Values of one partition in the order of their row keys.</summary>
    public async Task<(IReadOnlyList<Versioned<T>> Values, string? Continuation)> RangeAsync(string partition, string from, string? to, int limit, string? continuation, CancellationToken cancellationToken)
    {
        var page = await table.RangeAsync(partition, from, to, limit, continuation, cancellationToken);
        return (page.Rows.Select(Read).ToList(), page.Continuation);
    }

    /// <summary>The row for a transaction that changes several kinds of rows.</summary>
    public TableRow RowOf(string partition, string row, T value, Versioned<T>? current = null) =>
        ToRow(partition, row, current is null ? Serialize(value) : Merge(current, value)) with { ETag = current?.Version };

    private JsonObject Serialize(T value) => JsonSerializer.SerializeToNode(value, type)!.AsObject();

    private JsonObject Merge(Versioned<T> current, T next)
    {
        var document = Serialize(next);
        if (current.Origin is JsonObject origin)
        {
            foreach (var (name, value) in origin)
            {
                if (!document.ContainsKey(name) && type.Properties.All(property => property.Name != name))
                    document[name] = value?.DeepClone();
            }
        }
        return document;
    }

    private static TableRow ToRow(string partition, string row, JsonObject document)
    {
        var text = document.ToJsonString();
        var properties = new Dictionary<string, object>(StringComparer.Ordinal) { ["v"] = SchemaVersion };
        for (var start = 0; start < text.Length; start += ChunkLength)
            properties[ChunkName(start / ChunkLength)] = text.Substring(start, Math.Min(ChunkLength, text.Length - start));
        return new TableRow(partition, row, properties);
    }

    private Versioned<T> Read(TableRow row)
    {
        var text = (string)row.Properties["doc"];
        for (var chunk = 1; row.Properties.TryGetValue(ChunkName(chunk), out var more); chunk++)
            text += (string)more;
        var document = JsonNode.Parse(text)!.AsObject();
        var value = document.Deserialize(type) ?? throw new InvalidDataException($"Row {row.RowKey} holds no {typeof(T).Name}.");
        return new Versioned<T>(value, row.ETag!) { Origin = document };
    }

    private static string ChunkName(int index) => index == 0 ? "doc" : string.Create(CultureInfo.InvariantCulture, $"doc{index}");
}
