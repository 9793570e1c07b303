using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Surface;

/// <summary>Holds answers against the OpenAPI document.</summary>
internal static class OpenApiFit
{
    /// <summary>Fails when the document does not have the answer, or describes it otherwise.</summary>
    public static void Demand(JsonNode document, string method, string path, JsonAnswer answer)
    {
        var responses = document["paths"]!["/api/v1" + path]![method.ToLowerInvariant()]!["responses"]!;
        var response = responses[$"{(int)answer.Status}"];
        Assert.True(response is not null, $"{method} {path} answers {(int)answer.Status}, which the document does not have: {answer.Json}");
        var faults = new List<string>();
        if (response!["content"] is { } content)
            Check(document, content["application/json"]!["schema"]!, answer.Json, "", faults);
        else if (answer.Json is not null)
            faults.Add($"a body where there is none: {answer.Json}");
        Assert.True(faults.Count == 0, $"{method} {path}:\n{string.Join('\n', faults)}");
    }

    /// <summary>The part of JSON Schema that the document uses, and one thing more: a member the schema does not have is a fault.</summary>
    private static void Check(JsonNode document, JsonNode schema, JsonNode? value, string at, List<string> faults)
    {
        // The schema true: anything.
        if (schema is JsonValue)
            return;
        if ((string?)schema["$ref"] is { } reference)
        {
            Check(document, Resolve(document, reference)!, value, at, faults);
            return;
        }
        if (schema["anyOf"] is JsonArray kinds)
        {
            var tries = kinds.Select(kind =>
            {
                var found = new List<string>();
                Check(document, kind!, value, at, found);
                return found;
            }).ToList();
            if (!tries.Exists(found => found.Count == 0))
                faults.AddRange(tries[0]);
            return;
        }
        var type = value switch
        {
            null => "null",
            JsonObject => "object",
            JsonArray => "array",
            JsonValue scalar => scalar.GetValueKind() switch { System.Text.Json.JsonValueKind.String => "string", System.Text.Json.JsonValueKind.Number => "number", _ => "boolean" },
            _ => "",
        };
        var types = schema["type"] switch { JsonArray several => several.Select(one => (string?)one).ToList(), JsonValue one => [(string?)one], _ => null };
        if (types is not null && !types.Contains(type) && !(type == "number" && types.Contains("integer")))
            faults.Add($"{at} is {type}, not {string.Join(" or ", types)}");
        if (value is JsonArray items && schema["items"] is { } item)
        {
            for (var index = 0; index < items.Count; index++)
                Check(document, item, items[index], $"{at}[{index}]", faults);
        }
        if (value is not JsonObject members)
            return;
        foreach (var name in schema["required"]?.AsArray().Select(name => (string)name!) ?? [])
        {
            if (!members.ContainsKey(name))
                faults.Add($"{at}.{name} is missing");
        }
        foreach (var (name, member) in members)
        {
            if (schema["properties"]?[name] is { } known)
                Check(document, known, member, $"{at}.{name}", faults);
            else if (schema["additionalProperties"] is JsonObject any)
                Check(document, any, member, $"{at}.{name}", faults);
            else if (schema["properties"] is not null)
                faults.Add($"{at}.{name} is not described");
        }
    }

    /// <summary>Follows a JSON pointer (RFC 6901).</summary>
    public static JsonNode? Resolve(JsonNode document, string reference) => reference.Split('/').Skip(1).Aggregate(
        (JsonNode?)document, (node, part) => node is JsonArray items ? items[int.Parse(part, System.Globalization.CultureInfo.InvariantCulture)] : node?[part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)]);
}
