using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Kontext.Domain.Integrations;

/// <summary>The providers Kontext knows by itself.</summary>
public sealed class ProviderCatalog
{
    private readonly ImmutableSortedDictionary<string, CatalogProvider> providers;
    private readonly ImmutableDictionary<string, CatalogProvider> aliases;

    /// <summary>A catalog of these entries. A key or alias that occurs twice is an error.</summary>
    public ProviderCatalog(IEnumerable<CatalogProvider> all)
    {
        providers = all.ToImmutableSortedDictionary(provider => provider.Key, provider => provider, StringComparer.Ordinal);
        aliases = providers.Values.SelectMany(provider => provider.Aliases.Select(alias => KeyValuePair.Create(alias, provider))).ToImmutableDictionary(StringComparer.Ordinal);
    }

    /// <summary>All of them, in the order of their keys.</summary>
    public IEnumerable<CatalogProvider> All => providers.Values;

    /// <summary>Reads the catalog that is built into the program.</summary>
    public static ProviderCatalog Load()
    {
        var assembly = typeof(ProviderCatalog).Assembly;
        return new ProviderCatalog(assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith("providers/", StringComparison.Ordinal))
            .Select(name =>
            {
                using var file = assembly.GetManifestResourceStream(name)!;
                return Read(file) ?? throw new InvalidDataException($"{name} is empty.");
            }));
    }

    /// <summary>Looks a provider up by its key or an alias; case does not matter.</summary>
    public bool TryFind(string key, [NotNullWhen(true)] out CatalogProvider? provider)
    {
        var lower = key.ToLowerInvariant();
        return providers.TryGetValue(lower, out provider) || aliases.TryGetValue(lower, out provider);
    }

    /// <summary>Reads one entry; null for a file that holds no object.</summary>
    public static CatalogProvider? Read(Stream file)
    {
        if (JsonNode.Parse(file) is not JsonObject document)
            return null;
        // For editors only.
        document.Remove("$schema");
        // Deserializing forgets the defaults of members that are not in the file, so those of a blank entry are put there first.
        foreach (var (name, value) in JsonSerializer.SerializeToNode(Blank, ProviderCatalogJson.Default.CatalogProvider)!.AsObject())
        {
            if (name is not ("key" or "name" or "description" or "documentation"))
                document.TryAdd(name, value?.DeepClone());
        }
        return document.Deserialize(ProviderCatalogJson.Default.CatalogProvider);
    }

    private static readonly CatalogProvider Blank = new() { Key = "", Name = "", Description = "", Documentation = new Uri("https://example.com/") };
}

/// <summary>JSON of the catalog's files. A member nobody knows is an error, so that a misspelt one is not silently ignored.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(CatalogProvider))]
internal sealed partial class ProviderCatalogJson : JsonSerializerContext;
