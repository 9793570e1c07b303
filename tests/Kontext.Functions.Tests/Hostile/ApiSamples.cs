using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Kontext.Functions.OpenApi;

namespace Kontext.Functions.Tests.Hostile;

/// <summary>Bodies of the management API: good ones to spoil, and the places where they can be spoiled.</summary>
internal static class ApiSamples
{
    /// <summary>Stands where the hostile value will be.</summary>
    public const string Place = "@@place@@";

    /// <summary>A body that the operation takes, or nearly.</summary>
    public static JsonObject Good(ApiOperation operation, IReadOnlyDictionary<string, string> world, int number) => JsonNode.Parse((operation.Method, operation.Path) switch
    {
        ("POST", "/applications") => $$$"""{"name":"h{{{number}}}","oauth":{"type":"public","redirectUris":["http://127.0.0.1:53123/callback"]}}""",
        ("POST", "/integrations") => $$"""{"name":"h{{number}}","url":"https://mcp.example.com/mcp","authMode":"server_token","serverToken":"x"}""",
        ("POST", "/providers") => $$"""{"kind":"custom","name":"h{{number}}","displayName":"h{{number}}"}""",
        ("POST", "/service-accounts") => $$"""{"name":"h{{number}}"}""",
        ("POST", "/webhooks") => """{"url":"https://hooks.example.com/in"}""",
        ("POST", "/revocations") => $$"""{"type":"integration","integrationId":"{{world["victim"]}}"}""",
        ("POST", "/policy/check") => $$"""{"applicationId":"{{world["application"]}}","integrationId":"{{world["integration"]}}"}""",
        (_, "/policy/rules") or (_, "/policy/rules/{id}") => $$"""{"action":"allow","scope":"server","level":"org","integrationId":"{{world["integration"]}}"}""",
        (_, "/applications/{id}") => """{"description":"changed"}""",
        (_, "/applications/{id}/oauth") => """{"scopes":["openid"]}""",
        (_, "/applications/{id}/integrations") => $$"""{"integrationIds":["{{world["integration"]}}"]}""",
        (_, "/applications/{id}/providers") => $$"""{"expectedRevision":1,"items":[{"providerId":"{{world["integration"]}}"}]}""",
        (_, "/integrations/{id}") => """{"tokenLabel":"changed"}""",
        (_, "/integrations/{id}/oauth") => """{"clientId":"changed"}""",
        (_, "/integrations/{id}/connection") => """{"token":"changed"}""",
        (_, "/providers/{id}") => """{"displayName":"changed"}""",
        (_, "/service-accounts/{id}") or (_, "/webhooks/{id}") => """{"description":"changed"}""",
        _ => "{}",
    })!.AsObject();

    /// <summary>The body as often as it has places, each time with the mark in another one.</summary>
    public static IEnumerable<string> Marked(ApiOperation operation, IReadOnlyDictionary<string, string> world, Func<int> number)
    {
        foreach (var path in Paths(operation.Body!, 2))
        {
            var body = Good(operation, world, number());
            var at = body;
            foreach (var name in path[..^1])
            {
                if (at[name] is not JsonObject inner)
                    at[name] = inner = [];
                at = inner;
            }
            at[path[^1]] = Place;
            yield return body.ToJsonString();
        }
    }

    private static IEnumerable<string[]> Paths(JsonTypeInfo type, int depth)
    {
        foreach (var property in type.Properties)
        {
            yield return [property.Name];
            if (depth > 1 && type.Options.TryGetTypeInfo(property.PropertyType, out var inner) && inner is { Kind: JsonTypeInfoKind.Object })
            {
                foreach (var path in Paths(inner, depth - 1))
                    yield return [property.Name, .. path];
            }
        }
    }
}
