using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using Kontext.Functions.Api;

namespace Kontext.Functions.OpenApi;

/// <summary>The OpenAPI 3.1 document of the management API: paths from <see cref="ApiReference"/>, bodies from the very types that are read and written.</summary>
internal sealed partial class OpenApiDocument(KontextSettings settings)
{
    private static readonly JsonSchemaExporterOptions Exporter = new() { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = Complete };

    private readonly Lazy<string> text = new(() => Write(settings));

    /// <summary>The document as JSON.</summary>
    public string Text => text.Value;

    private static string Write(KontextSettings settings)
    {
        var (paths, schemas) = (new JsonObject(), new JsonObject());
        var error = Reference(schemas, ApiJson.Default.ApiErrorBody);
        foreach (var operation in ApiReference.Operations)
        {
            var path = "/api/v1" + operation.Path;
            var item = paths[path]?.AsObject() ?? [];
            paths[path] = item;
            item[operation.Method.ToLowerInvariant()] = OperationOf(operation, schemas, error);
        }
        return new JsonObject
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject
            {
                ["title"] = "Kontext management API",
                ["version"] = "1",
                ["description"] = "Errors are {message, statusCode, code}. Every answer has an X-Request-Id. Lists take limit and cursor where they say so. Fields that a request does not know are refused.",
            },
            ["servers"] = new JsonArray(new JsonObject { ["url"] = settings.Issuer }),
            ["paths"] = paths,
            ["components"] = new JsonObject
            {
                ["schemas"] = schemas,
                ["securitySchemes"] = new JsonObject
                {
                    ["oauth"] = new JsonObject
                    {
                        ["type"] = "oauth2",
                        ["description"] = "People authorize a client; service accounts use their credentials. Ask for the resource that ends in /api/v1.",
                        ["flows"] = new JsonObject
                        {
                            ["authorizationCode"] = new JsonObject { ["authorizationUrl"] = settings.Issuer + "/oauth2/auth", ["tokenUrl"] = settings.Issuer + "/oauth2/token", ["scopes"] = Scope() },
                            ["clientCredentials"] = new JsonObject { ["tokenUrl"] = settings.Issuer + "/oauth2/token", ["scopes"] = Scope() },
                        },
                    },
                },
            },
            ["security"] = new JsonArray(new JsonObject { ["oauth"] = new JsonArray(Domain.OAuth.Scopes.Management) }),
        }.ToJsonString();
    }

    private static JsonObject Scope() => new() { [Domain.OAuth.Scopes.Management] = "Use the management API" };

    private static JsonObject OperationOf(ApiOperation operation, JsonObject schemas, JsonObject error)
    {
        var parameters = new JsonArray();
        foreach (Match part in Places().Matches(operation.Path))
            parameters.Add(new JsonObject { ["name"] = part.Groups[1].Value, ["in"] = "path", ["required"] = true, ["schema"] = new JsonObject { ["type"] = "string" } });
        foreach (var (place, parameter) in operation.Query.Select(query => ("query", query)).Concat(operation.Headers.Select(header => ("header", header))))
        {
            var schema = new JsonObject { ["type"] = parameter.Type };
            if (parameter.Values is { } values)
                schema["enum"] = new JsonArray([.. values.Select(value => JsonValue.Create(value))]);
            parameters.Add(new JsonObject { ["name"] = parameter.Name, ["in"] = place, ["description"] = parameter.Description, ["schema"] = schema });
        }
        var responses = new JsonObject { [Code(operation.Status)] = Response("Success", operation.MediaType, AnswerOf(operation, schemas)) };
        if (operation.OtherAnswer is { } other && operation.Status != StatusCodes.Status200OK)
            responses["200"] = Response("Success, with a report", operation.MediaType, Reference(schemas, other));
        foreach (var (status, words) in Failures(operation))
            responses[status] = Response(words, "application/json", error.DeepClone());
        var described = new JsonObject
        {
            ["operationId"] = NameOf(operation),
            ["tags"] = new JsonArray(operation.Tag),
            ["summary"] = operation.Summary,
            ["description"] = WordsOf(operation.Who),
            ["x-kontext-who"] = operation.Who.ToString().ToLowerInvariant(),
            ["parameters"] = parameters,
            ["responses"] = responses,
        };
        if (operation.Body is { } body)
            described["requestBody"] = new JsonObject { ["required"] = !operation.BodyOptional, ["content"] = new JsonObject { ["application/json"] = new JsonObject { ["schema"] = Reference(schemas, body) } } };
        return described;
    }

    private static JsonObject? AnswerOf(ApiOperation operation, JsonObject schemas) => operation switch
    {
        { Answer: { } one, OtherAnswer: { } other, Status: StatusCodes.Status200OK } => new JsonObject { ["anyOf"] = new JsonArray(Reference(schemas, one), Reference(schemas, other)) },
        { Answer: { } answer } => Reference(schemas, answer),
        { MediaType: not "application/json" } => new JsonObject { ["type"] = "string" },
        _ => null,
    };

    private static JsonObject Response(string words, string mediaType, JsonNode? schema) => schema is null
        ? new JsonObject { ["description"] = words }
        : new JsonObject { ["description"] = words, ["content"] = new JsonObject { [mediaType] = new JsonObject { ["schema"] = schema } } };

    private static IEnumerable<(string Status, string Words)> Failures(ApiOperation operation)
    {
        if (operation.Body is not null || operation.Query.Count > 0 || operation.Headers.Count > 0)
            yield return ("400", "A field or parameter is wrong; validationErrors names each");
        yield return ("401", "No valid token; WWW-Authenticate says what is missing");
        yield return ("403", "The role or token is not enough");
        if (operation.Path.Contains('{', StringComparison.Ordinal))
            yield return ("404", "There is no such thing, or it belongs to somebody else");
        if (operation.Method is not "GET")
            yield return ("409", "The name is taken, or the state changed under the caller; currentRevision is given where there is one");
        if (operation.Body is not null)
        {
            yield return ("413", "The body is too large");
            yield return ("415", "The body is not application/json");
        }
        yield return ("429", "Too many requests; Retry-After says when to come back");
        yield return ("503", "Storage cannot be reached right now; Retry-After says when to come back");
    }

    /// <summary>The schema of a type, under its name.</summary>
    private static JsonObject Reference(JsonObject schemas, JsonTypeInfo type)
    {
        var name = type.Kind == JsonTypeInfoKind.Enumerable ? type.ElementType!.Name + "List" : type.Type.Name;
        var place = "#/components/schemas/" + name;
        if (!schemas.ContainsKey(name))
            schemas[name] = Moved(type.GetJsonSchemaAsNode(Exporter), place);
        return new JsonObject { ["$ref"] = place };
    }

    /// <summary>The schema with its references, which count from its own root, counted from the document's.</summary>
    private static JsonNode Moved(JsonNode schema, string place)
    {
        if (schema is JsonObject members)
        {
            if ((string?)members["$ref"] is { } reference)
                members["$ref"] = place + reference[1..];
            foreach (var member in members.Select(member => member.Value).OfType<JsonNode>().ToList())
                Moved(member, place);
        }
        else if (schema is JsonArray items)
        {
            foreach (var item in items.OfType<JsonNode>())
                Moved(item, place);
        }
        return schema;
    }

    /// <summary>What may be absent is not required: null is not written.</summary>
    private static JsonNode Complete(JsonSchemaExporterContext context, JsonNode schema)
    {
        if (schema is not JsonObject described || described["required"] is not JsonArray required || described["properties"] is not JsonObject properties)
            return schema;
        foreach (var name in required.Select(name => (string)name!).ToList())
        {
            if ((properties[name] is JsonObject property && AllowsNull(property)) || context.TypeInfo.Properties.Any(known => known.Name == name && known.IsGetNullable))
                required.Remove(required.First(entry => (string)entry! == name));
        }
        if (required.Count == 0)
            described.Remove("required");
        return schema;
    }

    private static bool AllowsNull(JsonObject schema) => schema["type"] is JsonArray types && types.Any(type => (string?)type == "null");

    private static string NameOf(ApiOperation operation) =>
        operation.Method.ToLowerInvariant() + string.Concat(operation.Path.Split(['/', '-', '{', '}'], StringSplitOptions.RemoveEmptyEntries).Select(word => char.ToUpperInvariant(word[0]) + word[1..]));

    private static string WordsOf(Who who) => who switch
    {
        Who.Anyone => "Everybody in the organization, for what they may see; an auditor sees everything and changes nothing.",
        Who.Privileged => "Owners, admins and service accounts; auditors where it changes nothing.",
        Who.Person => "People, for what is their own; not service accounts.",
        _ => throw new InvalidOperationException($"Unknown {who}."),
    };

    private static string Code(int status) => status.ToString(System.Globalization.CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex Places();
}
