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
    private const string Shape = "v";
    private const int ChunkLength = 30_000;

    private readonly DocumentShape shape = new(type);

    /// <summary>The row as stored now; null when there is none.</summary>
    public async Task<Versioned<T>?> FindAsync(string partition, string row, CancellationToken cancellationToken) =>
        await table.GetAsync(partition, row, cancellationToken) is { } found ? Read(found) : null;

    /// <summary>Null when the keys are taken.</summary>
    public async Task<Versioned<T>?> InsertAsync(string partition, string row, T value, CancellationToken cancellationToken)
    {
        var document = JsonSerializer.Serialize(value, type);
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

    /// <summary>Deletes if the version still holds.</summary>
    public Task<Write> DeleteAsync(string partition, string row, string version, CancellationToken cancellationToken) =>
        table.DeleteAsync(partition, row, version, cancellationToken);

    /// <summary>Values of one partition in the order of their row keys.</summary>
    public async Task<(IReadOnlyList<Versioned<T>> Values, string? Continuation)> RangeAsync(string partition, string from, string? to, int limit, string? continuation, CancellationToken cancellationToken)
    {
        var page = await table.RangeAsync(partition, from, to, limit, continuation, cancellationToken);
        return (page.Rows.Select(Read).ToList(), page.Continuation);
    }

    /// <summary>Values of one partition in the order of their row keys until there are <paramref name="limit"/> or no more, however many answers that takes.</summary>
    public async Task<List<Versioned<T>>> TakeAsync(string partition, string from, string? to, int limit, CancellationToken cancellationToken)
    {
        var taken = new List<Versioned<T>>();
        string? continuation = null;
        do
        {
            (var values, continuation) = await RangeAsync(partition, from, to, Math.Min(limit - taken.Count, 1000), continuation, cancellationToken);
            taken.AddRange(values);
        }
        while (continuation is not null && taken.Count < limit);
        return taken;
    }

    /// <summary>The row for a transaction that changes several kinds of rows.</summary>
    public TableRow RowOf(string partition, string row, T value, Versioned<T>? current = null) =>
        ToRow(partition, row, current is null ? JsonSerializer.Serialize(value, type) : Merge(current, value)) with { ETag = current?.Version };

    private string Merge(Versioned<T> current, T next)
    {
        if (current.Origin is not string origin)
            return JsonSerializer.Serialize(next, type);
        var document = JsonSerializer.SerializeToNode(next, type)!.AsObject();
        KeepUnknown(document, JsonNode.Parse(origin)!.AsObject(), type);
        return document.ToJsonString();
    }

    private static void KeepUnknown(JsonObject document, JsonObject origin, JsonTypeInfo type)
    {
        foreach (var (name, value) in origin)
        {
            var known = type.Properties.FirstOrDefault(property => property.Name == name);
            if (known is null)
                document[name] = value?.DeepClone();
            else if (value is JsonObject inner && document[name] is JsonObject nextInner
                && type.Options.GetTypeInfo(known.PropertyType) is { Kind: JsonTypeInfoKind.Object } innerType)
                KeepUnknown(nextInner, inner, innerType);
        }
    }

    private TableRow ToRow(string partition, string row, string document)
    {
        var properties = new Dictionary<string, object>(StringComparer.Ordinal) { [Shape] = shape.Version };
        if (document.Length <= ChunkLength)
            properties["doc"] = document;
        else
        {
            for (var start = 0; start < document.Length; start += ChunkLength)
                properties[ChunkName(start / ChunkLength)] = document.Substring(start, Math.Min(ChunkLength, document.Length - start));
        }
        return new TableRow(partition, row, properties);
    }

    /// <summary>The value of a row of this table that was read by other means.</summary>
    public Versioned<T> Read(TableRow row)
    {
        var document = (string)row.Properties["doc"];
        if (row.Properties.ContainsKey(ChunkName(1)))
        {
            var chunks = new System.Text.StringBuilder(document);
            for (var chunk = 1; row.Properties.TryGetValue(ChunkName(chunk), out var more); chunk++)
                chunks.Append((string)more);
            document = chunks.ToString();
        }
        // Only a row of another version of the program can lack a property.
        var complete = shape.Version.Equals(row.Properties.GetValueOrDefault(Shape)) ? document : shape.Complete(document);
        var value = JsonSerializer.Deserialize(complete, type) ?? throw new InvalidDataException($"Row {row.RowKey} holds no {typeof(T).Name}.");
        return new Versioned<T>(value, row.ETag!) { Origin = document };
    }

    private static string ChunkName(int index) => index == 0 ? "doc" : string.Create(CultureInfo.InvariantCulture, $"doc{index}");
}
