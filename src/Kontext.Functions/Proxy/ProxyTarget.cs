using Kontext.Domain;
using Kontext.Domain.Gateway;

namespace Kontext.Functions.Proxy;

/// <summary>What a proxied request is for, read from the request target as it came over the wire: the server's own path is already decoded and tidied up, and would hide what was sent.</summary>
/// <param name="Name">The integration, as the agent calls it.</param>
/// <param name="Path">The path below its base address.</param>
/// <param name="Query">The query with its question mark; empty for none.</param>
internal sealed record ProxyTarget(string Name, RestPath Path, string Query)
{
    private const string Prefix = "/proxy/";
    private const int MaxQueryLength = 16 * 1024;

    /// <summary>Reads a request target (RFC 9112 section 3.2.1). <paramref name="routed"/> is the integration that routing and authentication went by.</summary>
    public static Result<ProxyTarget> Parse(string target, string? routed)
    {
        var question = target.IndexOf('?', StringComparison.Ordinal);
        var (path, query) = question < 0 ? (target, "") : (target[..question], target[question..]);
        if (!path.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
            return new Failure(FailureCode.InvalidRequest, "The request's address is not one of the proxy's.");
        var end = path.IndexOf('/', Prefix.Length);
        var name = Uri.UnescapeDataString(end < 0 ? path[Prefix.Length..] : path[Prefix.Length..end]);
        if (!RestPath.Parse(end < 0 ? "" : path[end..]).TryGet(out var rest, out var failure))
            return failure;
        if (name != routed)
            return new Failure(FailureCode.InvalidRequest, "The request's address can be read in more than one way. It is not passed on.");
        if (query.Length > MaxQueryLength || query.AsSpan().IndexOfAnyExceptInRange('!', '~') >= 0 || query.Contains('#', StringComparison.Ordinal))
            return new Failure(FailureCode.InvalidRequest, "The query is too long, or has characters that have to be percent-encoded.");
        return new ProxyTarget(name, rest, query == "?" ? "" : query);
    }
}
