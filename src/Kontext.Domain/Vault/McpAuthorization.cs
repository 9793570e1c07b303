using System.Collections.Immutable;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Vault;

/// <summary>What an MCP server says about who issues its tokens (RFC 9728).</summary>
/// <param name="Resource">The identifier to ask tokens for (RFC 8707).</param>
/// <param name="AuthorizationServers">Issuers, in the server's order; at least one.</param>
/// <param name="Scopes">Those its challenge names, else those its metadata supports; empty when it says nothing.</param>
public sealed record ProtectedResource(string Resource, ImmutableArray<string> AuthorizationServers, ImmutableArray<string> Scopes);

/// <summary>What we ask to be registered as (RFC 7591 section 2).</summary>
/// <param name="RedirectUri">The one redirect URI.</param>
/// <param name="Authentication">How we would like to authenticate.</param>
/// <param name="Scopes">Scopes we are going to ask for; empty for none in particular.</param>
public sealed record ClientRegistration(Uri RedirectUri, ClientAuthentication Authentication, ImmutableArray<string> Scopes);

/// <summary>What an authorization server registered (RFC 7591 section 3.2.1).</summary>
/// <param name="ClientId">Our client id there.</param>
/// <param name="ClientSecret">The secret; null for a public client.</param>
/// <param name="Authentication">How we are to authenticate.</param>
/// <param name="ExpiresAt">When the secret ends; null when it does not.</param>
public sealed record RegisteredClient(string ClientId, Secret? ClientSecret, ClientAuthentication Authentication, DateTimeOffset? ExpiresAt);

/// <summary>Asks MCP servers and their authorization servers what a client has to know. Everything they name is untrusted: https, public addresses, bounded in size and time.</summary>
public interface IAuthorizationDiscovery
{
    /// <summary>Finds a server's protected resource metadata: through its challenge, then at the well-known places (RFC 9728 sections 3 and 5).</summary>
    /// <param name="name">The integration's name, for words.</param>
    /// <param name="server">The MCP endpoint.</param>
    /// <param name="cancellationToken">Ends it.</param>
    Task<Result<ProtectedResource>> FindAsync(string name, Uri server, CancellationToken cancellationToken);

    /// <summary>Registers us (RFC 7591).</summary>
    Task<Result<RegisteredClient>> RegisterAsync(string name, Uri endpoint, ClientRegistration registration, CancellationToken cancellationToken);
}

/// <summary>A client that we registered for an integration.</summary>
public sealed record UpstreamClient
{
    /// <summary>Where.</summary>
    public required string Issuer { get; init; }

    /// <summary>Its id there.</summary>
    public required string ClientId { get; init; }

    /// <summary>Version of its secret in the vault; null for a public client.</summary>
    public string? SecretVersion { get; init; }

    /// <summary>How it authenticates.</summary>
    public ClientAuthentication Authentication { get; init; }

    /// <summary>The redirect URI it was registered with: one for another address is of no use.</summary>
    public required string RedirectUri { get; init; }

    /// <summary>When its secret ends; null when it does not.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }
}

/// <summary>Which authorization server serves an integration that is known by its URL alone, and the clients we registered for it.</summary>
public sealed record McpAuthorization
{
    /// <summary>The integration.</summary>
    public required IntegrationId Integration { get; init; }

    /// <summary>The MCP endpoint that was asked.</summary>
    public required string Url { get; init; }

    /// <summary>The identifier to ask tokens for.</summary>
    public required string Resource { get; init; }

    /// <summary>The first of the server's issuers that worked.</summary>
    public required string Issuer { get; init; }

    /// <summary>The scopes the server asks for.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary>Our registrations, one per issuer at most.</summary>
    public ImmutableArray<UpstreamClient> Clients { get; init; } = [];
}

/// <summary>Keeps what was found about integrations known by their URL. All writes are conditional on what was read.</summary>
public interface IMcpAuthorizationStore
{
    /// <summary>The row as stored now; null when there is none.</summary>
    Task<Versioned<McpAuthorization>?> FindAsync(OrgId org, IntegrationId integration, CancellationToken cancellationToken);

    /// <summary>Adds it; null when there is one.</summary>
    Task<Versioned<McpAuthorization>?> InsertAsync(OrgId org, McpAuthorization authorization, CancellationToken cancellationToken);

    /// <summary>Writes if nobody wrote since; null when somebody did.</summary>
    Task<Versioned<McpAuthorization>?> ReplaceAsync(OrgId org, Versioned<McpAuthorization> current, McpAuthorization next, CancellationToken cancellationToken);
}
