using System.Runtime.CompilerServices;
using System.Text.Json;
using Kontext.Domain.Gateway;

namespace Kontext.Domain.Gateway.Search;

/// <summary>Where in a tool's description a word stands. Each place has a weight of its own.</summary>
public enum ToolField
{
    /// <summary>The tool's name.</summary>
    Name,

    /// <summary>The integration's name.</summary>
    Integration,

    /// <summary>Title and description.</summary>
    Description,

    /// <summary>Names of the parameters.</summary>
    Parameters,
}

/// <summary>The words of one tool, by place and number.</summary>
public sealed class ToolText
{
    private const int MaxDescription = 4000;
    private static readonly ConditionalWeakTable<UpstreamTool, ToolText> Known = [];

    private ToolText(List<string>[] fields)
    {
        Lengths = [.. fields.Select(field => (float)field.Count)];
        foreach (var (field, stems) in fields.Index())
        {
            foreach (var stem in stems)
            {
                if (!Counts.TryGetValue(stem, out var counts))
                    Counts[stem] = counts = new float[fields.Length];
                counts[field]++;
            }
        }
    }

    /// <summary>How often each stem occurs in each place.</summary>
    public Dictionary<string, float[]> Counts { get; } = new(StringComparer.Ordinal);

    /// <summary>How many words each place has.</summary>
    public float[] Lengths { get; }

    /// <summary>The words of a tool. They are kept as long as its list is.</summary>
    public static ToolText Of(string integration, UpstreamTool tool) =>
        Known.GetValue(tool, known => Of(integration, known.Name, known.Description, ParametersOf(known.InputSchema)));

    /// <summary>The words of a tool that is not listed by a server at the moment.</summary>
    public static ToolText Of(string integration, string name, string? description, IEnumerable<string> parameters) => new(
    [
        SearchWords.StemsOf(name),
        SearchWords.StemsOf(integration),
        SearchWords.StemsOf(description is { Length: > MaxDescription } ? description[..MaxDescription] : description ?? ""),
        [.. parameters.SelectMany(SearchWords.StemsOf)],
    ]);

    private static List<string> ParametersOf(ReadOnlyMemory<byte> schema)
    {
        if (schema.IsEmpty)
            return [];
        using var document = JsonDocument.Parse(schema);
        return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("properties", out var properties) && properties.ValueKind == JsonValueKind.Object
            ? [.. properties.EnumerateObject().Select(property => property.Name)]
            : [];
    }
}
