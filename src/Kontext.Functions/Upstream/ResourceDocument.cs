using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Upstream;

/// <summary>Finds and reads an MCP server's protected resource metadata (RFC 9728).</summary>
internal static class ResourceDocument
{
    /// <summary>What an administrator can do where discovery does not lead on.</summary>
    public const string Remedy = "Set oauth.issuer, or oauth.authorizationUrl and oauth.tokenUrl, on the integration.";

    private const int MaxServers = 10;

    /// <summary>A greeting without a token: it is the challenge that is wanted.</summary>
    public static HttpRequestMessage Probe(Uri server) => new(HttpMethod.Post, server)
    {
        Content = new StringContent(
            """{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"Kontext","version":"1.0"}}}""",
            Encoding.UTF8, "application/json"),
    };

    /// <summary>Where the document may be when no challenge tells: with the path inserted, then at the root (RFC 9728 section 3.1).</summary>
    public static IEnumerable<Uri> PlacesOf(Uri server)
    {
        var origin = server.GetLeftPart(UriPartial.Authority);
        var path = server.AbsolutePath.TrimEnd('/');
        if (path.Length > 0)
            yield return new Uri($"{origin}/.well-known/oauth-protected-resource{path}{server.Query}");
        yield return new Uri($"{origin}/.well-known/oauth-protected-resource");
    }

    /// <summary>Is it a JSON object, and not some page that answers everything with 200?</summary>
    public static bool IsObject(byte[] body) => Parse(body) is { ValueKind: JsonValueKind.Object };

    /// <summary>Reads it. It has to be about the server that was asked (RFC 9728 section 3.3): the same origin, and its path or one above it.</summary>
    public static Result<ProtectedResource> Read(string name, Uri place, byte[] body, Uri server, ImmutableArray<string> challenged, Func<Uri, bool> isAllowed)
    {
        var document = Parse(body);
        if (document is not { ValueKind: JsonValueKind.Object } root)
            return Wrong("is not a JSON object");
        if (!root.TryGetProperty("resource", out var about) || about.ValueKind != JsonValueKind.String || about.GetString() is not { } resource
            || !Uri.TryCreate(resource, UriKind.Absolute, out var identifier) || identifier.Fragment.Length > 0 || !Covers(identifier, server))
            return Wrong($"is about another resource than {server}: its member resource is not that address");
        var servers = Texts(root, "authorization_servers").Where(issuer =>
            Uri.TryCreate(issuer, UriKind.Absolute, out var address) && address.Query.Length == 0 && address.Fragment.Length == 0 && isAllowed(address)).Distinct(StringComparer.Ordinal).Take(MaxServers).ToImmutableArray();
        if (servers.IsEmpty)
            return Wrong("names no authorization server: authorization_servers holds no https issuer");
        return new ProtectedResource(resource, servers, challenged.IsEmpty ? ChallengeParameters.Scopes(Texts(root, "scopes_supported")) : challenged);

        Failure Wrong(string what) => new(FailureCode.Misconfigured, $"The protected resource metadata of {name} at {place} {what}. {Remedy}");
    }

    private static bool Covers(Uri resource, Uri server)
    {
        var path = resource.AbsolutePath.TrimEnd('/');
        return resource.GetLeftPart(UriPartial.Authority) == server.GetLeftPart(UriPartial.Authority)
            && (server.AbsolutePath.TrimEnd('/') == path || server.AbsolutePath.StartsWith(path + "/", StringComparison.Ordinal));
    }

    private static JsonElement? Parse(byte[] body)
    {
        try
        {
            using var document = JsonText.Parse(body, new JsonDocumentOptions { MaxDepth = 16 });
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static IEnumerable<string> Texts(JsonElement root, string name)
    {
        if (!root.TryGetProperty(name, out var list) || list.ValueKind != JsonValueKind.Array)
            return [];
        try
        {
            return [.. list.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.String).Select(item => item.GetString()!)];
        }
        catch (InvalidOperationException)
        {
            // Text that is no Unicode shows only when it is read.
            return [];
        }
    }
}
