using System.Collections.Concurrent;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Tests.Mcp;

/// <summary>What the gateway reads of an organization, held in fields that a test sets. Only the members on the gateway's path are implemented.</summary>
internal sealed class GatewayPorts : IOrganizationStore, IIntegrationStore, IPolicyStore, IConnectionStore, ICredentialVault, ISealer, IAuditLog, IConnectLinks
{
    public Organization Organization { get; set; } = new() { Id = Ids.Named<OrgId>("org"), Slug = "dev", Name = "Dev", PolicyEnabled = false, CreatedAt = DateTimeOffset.UnixEpoch };

    public List<Integration> Integrations { get; } = [];

    public ToolDiscovery ToolDiscovery { get; set; }

    public List<PolicyRule> Rules { get; } = [];

    public ConcurrentDictionary<IntegrationId, Connection> Connections { get; } = [];

    /// <summary>What the connection holds the next time it is read after the current one, as if another instance had refreshed it.</summary>
    public ConcurrentDictionary<IntegrationId, Queue<Connection>> Upcoming { get; } = [];

    public ConcurrentQueue<AuditEvent> Audit { get; } = [];

    public Func<AuditEvent, Task> Appending { get; set; } = static _ => Task.CompletedTask;

    public Task AppendAsync(OrgId org, AuditEvent happened, CancellationToken cancellationToken)
    {
        Audit.Enqueue(happened);
        return Appending(happened);
    }

    public Task<ConnectLink> CreateAsync(AgentCaller caller, IntegrationId? integration, string? returnUrl, CancellationToken cancellationToken) =>
        Task.FromResult(new ConnectLink(new Uri($"http://localhost:7071/oauth/connect?session={integration?.ToString() ?? "all"}"), "connect-1", DateTimeOffset.UnixEpoch.AddYears(60)));

    ValueTask<Organization?> IOrganizationStore.CurrentAsync(OrgId org, CancellationToken cancellationToken) => new(Organization);

    ValueTask<Integration?> IIntegrationStore.CurrentAsync(OrgId org, IntegrationId integration, CancellationToken cancellationToken) => new(Integrations.Find(known => known.Id == integration));

    public ValueTask<Integration?> CurrentByNameAsync(OrgId org, string name, CancellationToken cancellationToken) =>
        new(Integrations.Find(known => string.Equals(known.Name, name, StringComparison.OrdinalIgnoreCase)));

    public ValueTask<IReadOnlyList<Integration>> CurrentDefaultsAsync(OrgId org, CancellationToken cancellationToken) => new(Integrations.FindAll(known => known.AttachByDefault));

    ValueTask<PolicySet> IPolicyStore.CurrentAsync(OrgId org, CancellationToken cancellationToken) => new(PolicySet.Compile(new PolicyRules(1, [.. Rules])));

    ValueTask<Connection?> IConnectionStore.CurrentAsync(OrgId org, UserId user, IntegrationId integration, CancellationToken cancellationToken) =>
        new(Connections.GetValueOrDefault(integration));

    public ValueTask<string> SealAsync(OrgId org, string context, Secret value, CancellationToken cancellationToken) => new(value.Reveal());

    public ValueTask<Secret?> OpenAsync(OrgId org, string context, string sealedText, CancellationToken cancellationToken)
    {
        // After this one was used, what another instance stored meanwhile comes to light.
        foreach (var (integration, next) in Upcoming)
        {
            if (next.TryDequeue(out var connection))
                Connections[integration] = connection;
        }
        return new(new Secret(sealedText));
    }

    public Task<Secret?> GetAsync(OrgId org, CredentialName name, string version, CancellationToken cancellationToken) => Task.FromResult<Secret?>(new Secret(version));

    public Task<LatestEntries> LatestAsync(OrgId org, AuditTime time, int limit, Func<AuditEvent, bool> matches, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<(OrgId Org, ConnectSession Session)?> FindAsync(string handle, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<OrgId?> FindBySlugAsync(string slug, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Versioned<Organization>?> IOrganizationStore.FindAsync(OrgId org, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<bool> InsertAsync(Organization organization, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<Versioned<Organization>?> ReplaceAsync(Versioned<Organization> current, Organization next, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Versioned<Integration>?> IIntegrationStore.FindAsync(OrgId org, IntegrationId integration, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<bool> InsertAsync(OrgId org, Integration integration, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<Result<Versioned<Integration>>> ReplaceAsync(OrgId org, Versioned<Integration> current, Integration next, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<Page<Integration>> ListAsync(OrgId org, string? cursor, int limit, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Versioned<PolicyRules>> IPolicyStore.FindAsync(OrgId org, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<Versioned<PolicyRules>?> ReplaceAsync(OrgId org, Versioned<PolicyRules> current, PolicyRules next, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Versioned<Connection>?> IConnectionStore.FindAsync(OrgId org, UserId user, IntegrationId integration, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<Versioned<Connection>?> InsertAsync(OrgId org, Connection connection, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<Versioned<Connection>?> ReplaceAsync(OrgId org, Versioned<Connection> current, Connection next, bool cutOff, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<Connection>> ListAsync(OrgId org, UserId user, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<Page<Connection>> ListOfAsync(OrgId org, IntegrationId integration, string? cursor, int limit, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<string> PutAsync(OrgId org, CredentialName name, Secret value, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<(string Version, Secret Value)?> GetLatestAsync(OrgId org, CredentialName name, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task TrimAsync(OrgId org, CredentialName name, string keepFrom, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<DateTimeOffset?> DeleteAsync(OrgId org, CredentialName name, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<byte[]> DeriveAsync(OrgId org, string purpose, string text, CancellationToken cancellationToken) => throw new NotSupportedException();
}
