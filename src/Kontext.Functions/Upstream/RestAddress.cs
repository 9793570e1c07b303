using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;

namespace Kontext.Functions.Upstream;

/// <summary>Where an integration's API is. Addresses are only ever put together below its base, and taken apart again for the agent.</summary>
internal sealed class RestAddress
{
    // What is signed or compared at the service is the path as it is sent: nobody may tidy it up.
    private static readonly UriCreationOptions AsIs = new() { DangerousDisablePathAndQueryCanonicalization = true };
    private readonly Uri root;
    private readonly string prefix;
    private readonly ImmutableArray<string> hosts;
    private readonly bool allowHttp;

    private RestAddress(Uri root, ImmutableArray<string> hosts, bool allowHttp) =>
        (this.root, prefix, this.hosts, this.allowHttp) = (root, root.AbsolutePath.TrimEnd('/'), hosts.IsDefault ? [] : hosts, allowHttp);

    /// <summary>The integration's address; a failure when it has none that may be called.</summary>
    public static Result<RestAddress> Of(Integration integration, bool allowHttp) =>
        integration.Proxy is { } proxy && IsBase(proxy.BaseUrl, allowHttp) && Uri.TryCreate(proxy.BaseUrl, UriKind.Absolute, out var root)
            ? new RestAddress(root, proxy.AllowedHosts, allowHttp)
            : new Failure(FailureCode.Misconfigured, $"{integration.Name} has no base address that may be called. An administrator has to correct it.");

    /// <summary>May an API's paths be put below this address? https without user name, query, fragment or path tricks.</summary>
    public static bool IsBase(string? address, bool allowHttp) =>
        Uri.TryCreate(address, UriKind.Absolute, out var uri)
        && (uri.Scheme == Uri.UriSchemeHttps || (allowHttp && uri.Scheme == Uri.UriSchemeHttp))
        && uri.UserInfo.Length == 0 && uri.Query.Length == 0 && uri.Fragment.Length == 0
        && !address.AsSpan().ContainsAny('?', '#', '\\') && !address.Contains('@', StringComparison.Ordinal)
        && address.IndexOf('/', address.IndexOf("://", StringComparison.Ordinal) + 3) is var path
        && (path < 0 || RestPath.Parse(address[path..]).TryGet(out _, out _));

    /// <summary>The address of a request.</summary>
    /// <exception cref="InvalidOperationException">It would lead elsewhere, which the checks before rule out.</exception>
    public Uri For(RestPath path, string query)
    {
        var target = prefix + path.Encoded;
        var address = new Uri($"{root.Scheme}://{root.Authority}{(target.Length == 0 ? "/" : target)}{query}", AsIs);
        return IsSameOrigin(address) && address.UserInfo.Length == 0 ? address : throw new InvalidOperationException("A path led out of its integration's base address.");
    }

    /// <summary>What an agent gets in place of an address the service answered with: below ours when it lies below the base, as it is on an allowed host, and null anywhere else.</summary>
    /// <param name="from">The address that was answered.</param>
    /// <param name="location">The service's address, possibly relative.</param>
    /// <param name="ours">The proxy's own address of the integration.</param>
    /// <param name="credential">Must not be in what comes back.</param>
    public string? Outward(Uri from, string location, string ours, InjectedCredential credential)
    {
        if (!Uri.TryCreate(new Uri(from.GetLeftPart(UriPartial.Query)), location, out var target) || target.UserInfo.Length > 0)
            return null;
        if (!IsSameOrigin(target))
            return target.Scheme == Uri.UriSchemeHttps || (allowHttp && target.Scheme == Uri.UriSchemeHttp) ? hosts.Contains(target.Authority, StringComparer.OrdinalIgnoreCase) ? target.AbsoluteUri : null : null;
        var path = target.AbsolutePath;
        return path.StartsWith(prefix, StringComparison.Ordinal) && (path.Length == prefix.Length || path[prefix.Length] == '/')
            ? $"{ours}{path[prefix.Length..]}{credential.RemoveFrom(target.Query)}{target.Fragment}"
            : null;
    }

    private bool IsSameOrigin(Uri other) => other.Scheme == root.Scheme && other.Port == root.Port && string.Equals(other.Host, root.Host, StringComparison.OrdinalIgnoreCase);
}
