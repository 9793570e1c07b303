using System.Collections.Immutable;

namespace Kontext.Domain.OAuth;

/// <summary>The resources our tokens can be for (RFC 8707).</summary>
/// <param name="Issuer">The issuer, without a trailing slash; every resource of ours lies below it.</param>
public sealed record Resources(string Issuer)
{
    /// <summary>The name contract 3.4.4 uses for the gateway.</summary>
    public const string GatewayName = "mcp-gateway";

    /// <summary>The MCP gateway.</summary>
    public string Gateway { get; } = Issuer + "/mcp";

    /// <summary>The management API.</summary>
    public string Api { get; } = Issuer + "/api/v1";

    /// <summary>Where a person enters the code an agent shows them (RFC 8628 section 3.3); no resource, but of the same issuer.</summary>
    public string DevicePage { get; } = Issuer + "/device";

    /// <summary>Whether a resource is the gateway or one integration behind it.</summary>
    public bool IsGateway(string resource) => resource == Gateway || resource.StartsWith(Gateway + "/", StringComparison.Ordinal);

    /// <summary>The integration a gateway resource is limited to; null for the whole gateway.</summary>
    public string? IntegrationOf(string resource) =>
        resource.StartsWith(Gateway + "/", StringComparison.Ordinal) ? Uri.UnescapeDataString(resource[(Gateway.Length + 1)..]) : null;

    /// <summary>The canonical form of a resource of ours; null when it is none. A trailing slash is tolerated, and the bare origin means the gateway (MCP clients send either).</summary>
    public string? Canonical(string resource)
    {
        if (resource is GatewayName)
            return Gateway;
        if (!Uri.TryCreate(resource, UriKind.Absolute, out var uri) || uri.Fragment.Length > 0 || resource.Contains('#', StringComparison.Ordinal))
            return null;
        var trimmed = resource.TrimEnd('/');
        if (trimmed == Issuer)
            return Gateway;
        if (trimmed == Api || trimmed == Gateway)
            return trimmed;
        return trimmed.StartsWith(Gateway + "/", StringComparison.Ordinal) && trimmed.IndexOfAny(['/', '?'], Gateway.Length + 1) < 0 ? trimmed : null;
    }

    /// <summary>Canonical forms of several; a failure naming what is none of ours.</summary>
    public Result<ImmutableArray<string>> CanonicalAll(IEnumerable<string> resources)
    {
        var canonical = ImmutableArray.CreateBuilder<string>();
        foreach (var resource in resources)
        {
            if (Canonical(resource) is not { } known)
                return new Failure(FailureCode.InvalidTarget, $"The resource is not one of this server's. Use {Gateway} for the MCP gateway or {Api} for the management API.");
            if (!canonical.Contains(known))
                canonical.Add(known);
        }
        return canonical.ToImmutable();
    }
}
