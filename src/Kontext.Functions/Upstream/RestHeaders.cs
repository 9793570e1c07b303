using System.Collections.Frozen;

namespace Kontext.Functions.Upstream;

/// <summary>Which headers the proxy passes on, and which concern one side only.</summary>
internal static class RestHeaders
{
    /// <summary>About one connection, not the message (RFC 9110 section 7.6.1).</summary>
    private static readonly FrozenSet<string> PerConnection = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Authentication-Info", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "HTTP2-Settings");

    /// <summary>The agent's own credentials and its relation to us; trace context, which is ours to continue; what platforms in front of us add; what frameworks take for another method or path than the one policy decided on.</summary>
    private static readonly FrozenSet<string> NotForServices = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "Authorization", "Cookie", "Cookie2", "DPoP", "Host", "Content-Length", "Expect", "Origin", "Referer", "Forwarded", "Via", "Max-Forwards", "Client-IP", "Disguised-Host", "Was-Default-Hostname",
        "traceparent", "tracestate", "baggage", "X-Real-IP", "X-Client-IP", "X-Client-Port", "X-Original-URL", "X-Rewrite-URL", "X-Original-Host", "X-Host", "X-Site-Deployment-Id", "X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override", "Method-Override",
        "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-User");

    private static readonly string[] NotForServicesPrefixes = ["X-Forwarded-", "X-Kontext-", "X-MS-", "X-ARR-", "X-AppService-", "X-WAWS-", "Access-Control-Request-"];

    /// <summary>Of the service's relation to whoever has its credential, or about its origin, which is not ours.</summary>
    private static readonly FrozenSet<string> NotForAgents = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "Set-Cookie", "Set-Cookie2", "WWW-Authenticate", "Authentication-Info", "DPoP-Nonce", "Content-Length", "Content-Location", "Location", "Refresh", "Alt-Svc", "Strict-Transport-Security", "Clear-Site-Data",
        "Content-Security-Policy", "Content-Security-Policy-Report-Only", "X-Content-Type-Options", "Report-To", "Reporting-Endpoints", "NEL", "Service-Worker-Allowed", "SourceMap", "X-Request-Id", "X-Accel-Buffering", "X-Accel-Redirect", "X-Sendfile");

    private static readonly string[] NotForAgentsPrefixes = ["Access-Control-", "X-Kontext-", "X-MS-Invocation"];

    /// <summary>Headers of an agent's request that go to the service.</summary>
    public static IEnumerable<KeyValuePair<string, string>> ForService(IReadOnlyList<KeyValuePair<string, string>> headers)
    {
        var named = NamedInConnection(headers);
        return headers.Where(header => !named.Contains(header.Key) && Passes(header.Key, NotForServices, NotForServicesPrefixes));
    }

    /// <summary>Headers of a service's answer that go to the agent.</summary>
    public static IEnumerable<KeyValuePair<string, string>> ForAgent(IReadOnlyList<KeyValuePair<string, string>> headers)
    {
        var named = NamedInConnection(headers);
        return headers.Where(header => !named.Contains(header.Key) && Passes(header.Key, NotForAgents, NotForAgentsPrefixes));
    }

    /// <summary>May a credential be sent in a header of this name?</summary>
    public static bool CanCarryCredential(string name) =>
        name.Equals("Authorization", StringComparison.OrdinalIgnoreCase)
        || (Passes(name, NotForServices, NotForServicesPrefixes) && !name.StartsWith("Content-", StringComparison.OrdinalIgnoreCase) && !name.StartsWith("Accept", StringComparison.OrdinalIgnoreCase)
            && name.Length is > 0 and <= 64 && name.All(character => char.IsAsciiLetterOrDigit(character) || "!#$%&'*+-.^_`|~".Contains(character, StringComparison.Ordinal)));

    private static bool Passes(string name, FrozenSet<string> without, string[] prefixes) =>
        !PerConnection.Contains(name) && !without.Contains(name) && !prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase));

    private static HashSet<string> NamedInConnection(IReadOnlyList<KeyValuePair<string, string>> headers) => headers
        .Where(header => header.Key.Equals("Connection", StringComparison.OrdinalIgnoreCase))
        .SelectMany(header => header.Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        .ToHashSet(StringComparer.OrdinalIgnoreCase);
}
