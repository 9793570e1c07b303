using System.Collections.Immutable;

namespace Kontext.Domain.Integrations;

/// <summary>How the REST proxy reaches an integration's API. Nothing an agent sends leads anywhere else.</summary>
public sealed record IntegrationProxy
{
    /// <summary>The address all of the integration's paths lie below: scheme, host, port and, if any, a path prefix; no trailing slash.</summary>
    public required string BaseUrl { get; init; }

    /// <summary>Further hosts (with their port, unless it is the scheme's own) that answers may redirect agents to. The proxy itself never calls them.</summary>
    public ImmutableArray<string> AllowedHosts { get; init; } = [];
}

/// <summary>Where in a request an integration expects its credential.</summary>
public enum InjectionKind
{
    /// <summary><c>Authorization: Bearer</c> (RFC 6750 section 2.1).</summary>
    Bearer,

    /// <summary>A header of the service's own.</summary>
    Header,

    /// <summary>HTTP Basic (RFC 7617).</summary>
    Basic,

    /// <summary>A query parameter, for services that leave no choice.</summary>
    Query,
}

/// <summary>How a credential is put into requests to an integration, through gateway and proxy alike.</summary>
public sealed record CredentialInjection
{
    /// <summary>Where.</summary>
    public required InjectionKind Kind { get; init; }

    /// <summary>Name of the header or query parameter; null for the kinds that have a fixed place.</summary>
    public string? Name { get; init; }

    /// <summary>What stands before the credential in a header, such as <c>Token </c> with its blank; null for nothing.</summary>
    public string? Prefix { get; init; }

    /// <summary>The user name for Basic; null when the credential is <c>user:password</c>, or alone serves as user name.</summary>
    public string? Username { get; init; }

    /// <summary>Which field of <see cref="Integration.CredentialSchema"/> is the credential; null when there is only one.</summary>
    public string? Field { get; init; }

    /// <summary>Which field is the user name for Basic; null when none is.</summary>
    public string? UsernameField { get; init; }
}
