using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;

namespace Kontext.Testing.Connections;

/// <summary>MCP servers and registration endpoints that say what a test has them say.</summary>
public sealed class ScriptedDiscovery : IAuthorizationDiscovery
{
    /// <summary>What the server says of itself.</summary>
    public Result<ProtectedResource> Resource { get; set; } = new ProtectedResource("https://mcp.example.test/mcp", ["https://example.test"], ["read"]);

    /// <summary>How often a server was asked.</summary>
    public int Asked { get; private set; }

    /// <summary>How often somebody registered.</summary>
    public int Registrations { get; private set; }

    /// <summary>Runs before a registration is answered: what another instance does at that moment.</summary>
    public Func<Task>? OnRegister { get; set; }

    /// <inheritdoc/>
    public Task<Result<ProtectedResource>> FindAsync(string name, Uri server, CancellationToken cancellationToken)
    {
        Asked++;
        return Task.FromResult(Resource);
    }

    /// <inheritdoc/>
    public async Task<Result<RegisteredClient>> RegisterAsync(string name, Uri endpoint, ClientRegistration registration, CancellationToken cancellationToken)
    {
        var number = ++Registrations;
        if (OnRegister is { } interfere)
        {
            OnRegister = null;
            await interfere();
        }
        return new RegisteredClient($"client-{number}", new Secret($"secret-{number}"), registration.Authentication, ExpiresAt: null);
    }
}

/// <summary>What was found about MCP servers, in memory, with the compare-and-swap of the real store.</summary>
public sealed class MemoryAuthorizations : IMcpAuthorizationStore
{
    private readonly Lock gate = new();
    private readonly Dictionary<(OrgId, IntegrationId), Versioned<McpAuthorization>> rows = [];
    private long version;

    /// <inheritdoc/>
    public Task<Versioned<McpAuthorization>?> FindAsync(OrgId org, IntegrationId integration, CancellationToken cancellationToken)
    {
        lock (gate)
            return Task.FromResult(rows.GetValueOrDefault((org, integration)));
    }

    /// <inheritdoc/>
    public Task<Versioned<McpAuthorization>?> InsertAsync(OrgId org, McpAuthorization authorization, CancellationToken cancellationToken)
    {
        lock (gate)
            return Task.FromResult(rows.ContainsKey((org, authorization.Integration)) ? null : Write(org, authorization));
    }

    /// <inheritdoc/>
    public Task<Versioned<McpAuthorization>?> ReplaceAsync(OrgId org, Versioned<McpAuthorization> current, McpAuthorization next, CancellationToken cancellationToken)
    {
        lock (gate)
            return Task.FromResult(rows.GetValueOrDefault((org, next.Integration))?.Version == current.Version ? Write(org, next) : null);
    }

    private Versioned<McpAuthorization> Write(OrgId org, McpAuthorization row) =>
        rows[(org, row.Integration)] = new Versioned<McpAuthorization>(row, (++version).ToString(System.Globalization.CultureInfo.InvariantCulture));
}
