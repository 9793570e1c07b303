using Kontext.Domain.Integrations;

namespace Kontext.Domain.Vault;

/// <summary>An integration whose connections serve, and what a person's is worth.</summary>
/// <param name="Source">The integration; null when there is none that may serve.</param>
/// <param name="State">The person's connection to it.</param>
public sealed record ServingConnection(Integration? Source, ConnectionState State);

/// <summary>Tells whose connection serves an integration: its own, or for a product of a suite (Gmail, of Google) that to the suite (decision 20).
/// INVARIANT: a suite's token goes to nothing but the MCP servers the catalog names as its products, whatever was changed since somebody connected.</summary>
public sealed class ConnectionSources(IIntegrationStore integrations, IConnectionStore connections, ProviderCatalog catalog, TimeProvider time)
{
    private static readonly ConnectionState Unserved = new()
    {
        Connected = false,
        Reason = "the integration whose connection it used is of another provider now",
        ReasonCode = ConnectionEnds.ModeChanged,
    };

    /// <summary>The integration whose connections serve, at most a second old; null when there is none that may.</summary>
    public async ValueTask<Integration?> OfAsync(OrgId org, Integration integration, CancellationToken cancellationToken) =>
        integration.ConnectionOf is not { } id ? integration
        : await integrations.CurrentAsync(org, id, cancellationToken) is { } source && Serves(source, integration) ? source
        : null;

    /// <summary>What a person's connection is worth right now.</summary>
    public async ValueTask<ServingConnection> FindAsync(OrgId org, UserId user, Integration integration, CancellationToken cancellationToken) =>
        await OfAsync(org, integration, cancellationToken) is { } source
            ? new ServingConnection(source, ConnectionState.Of(source, await connections.CurrentAsync(org, user, source.Id, cancellationToken), time.GetUtcNow()))
            : new ServingConnection(null, Unserved);

    /// <summary>May the connections to one serve the other? The one is a provider of the catalog as it stands there, the other the MCP server of one of its products.</summary>
    public bool Serves(Integration source, Integration product) =>
        source is { AuthMode: AuthMode.Oauth, ConnectionOf: null, OAuth: { Provider: { } suite, Issuer: null, AuthorizationUrl: null, TokenUrl: null } }
        && product is { AuthMode: AuthMode.Oauth, Category: IntegrationCategory.GatewayRemoteMcp, Proxy: null, OAuth.Provider: { } key }
        && catalog.TryFind(suite, out var provider) && catalog.TryFind(key, out var entry)
        && entry.PlatformApp == provider.Key && entry.McpEndpoint?.Text == product.Url;
}
