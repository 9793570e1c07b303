using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Kontext.Domain;

namespace Kontext.Functions.Storage;

/// <summary>Which properties a stored type has, all the way down: the schema version of its rows, and what a row of an older version lacks.
/// The serializer's generated code gives an init-only property that is missing its type's zero, not its initializer's value.</summary>
internal sealed class DocumentShape
{
    private readonly JsonTypeInfo root;
    private readonly Dictionary<Type, JsonObject> defaults = [];

    public DocumentShape(JsonTypeInfo root)
    {
        this.root = root;
        var names = new StringBuilder();
        Describe(root, names);
        Version = "1." + RandomValue.HashOf(names.ToString())[..8];
    }

    /// <summary>The same for the same properties; different as soon as one was added or removed.</summary>
    public string Version { get; }

    /// <summary>A document with the initial values of the optional properties it lacks.</summary>
    public string Complete(string document)
    {
        var node = JsonNode.Parse(document);
        Complete(node, root);
        return node!.ToJsonString();
    }

    private void Describe(JsonTypeInfo type, StringBuilder names)
    {
        if (type.Kind == JsonTypeInfoKind.Enumerable)
            Describe(type.Options.GetTypeInfo(type.ElementType!), names);
        if (type.Kind != JsonTypeInfoKind.Object || defaults.ContainsKey(type.Type))
            return;
        defaults[type.Type] = DefaultsOf(type);
        foreach (var property in type.Properties)
        {
            names.Append(property.Name).Append('\n');
            Describe(type.Options.GetTypeInfo(property.PropertyType), names);
        }
    }

    private static JsonObject DefaultsOf(JsonTypeInfo type)
    {
        // A positional record says itself, in its constructor, what it needs.
        if (type.Type.GetConstructor(Type.EmptyTypes) is not { } constructor)
            return [];
        var initial = JsonSerializer.SerializeToNode(constructor.Invoke(null), type)!.AsObject();
        foreach (var required in type.Properties.Where(property => property.IsRequired))
            initial.Remove(required.Name);
        return initial;
    }

    private void Complete(JsonNode? node, JsonTypeInfo type)
    {
        if (node is JsonArray items && type.Kind == JsonTypeInfoKind.Enumerable)
        {
            foreach (var item in items)
                Complete(item, type.Options.GetTypeInfo(type.ElementType!));
        }
        if (node is not JsonObject document || type.Kind != JsonTypeInfoKind.Object)
            return;
        foreach (var (name, value) in defaults[type.Type])
            document.TryAdd(name, value?.DeepClone());
        foreach (var property in type.Properties)
            Complete(document[property.Name], type.Options.GetTypeInfo(property.PropertyType));
    }
}
