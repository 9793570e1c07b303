using Kontext.Domain;
using Kontext.Domain.Integrations;

namespace Kontext.Testing.Connections;

/// <summary>The integration of a world, for those who look it up by id.</summary>
public sealed class OneIntegration(ConnectionWorld world) : IIntegrationStore
{
    /// <inheritdoc/>
    public ValueTask<Integration?> CurrentAsync(OrgId org, IntegrationId integration, CancellationToken cancellationToken) =>
        new(integration == world.Integration.Id ? world.Integration : null);

    /// <inheritdoc/>
    public ValueTask<Integration?> CurrentByNameAsync(OrgId org, string name, CancellationToken cancellationToken) => throw new NotSupportedException();

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<Integration>> CurrentDefaultsAsync(OrgId org, CancellationToken cancellationToken) => throw new NotSupportedException();

    /// <inheritdoc/>
    public Task<Versioned<Integration>?> FindAsync(OrgId org, IntegrationId integration, CancellationToken cancellationToken) =>
        Task.FromResult(integration == world.Integration.Id ? new Versioned<Integration>(world.Integration, "1") : null);

    /// <inheritdoc/>
    public Task<bool> InsertAsync(OrgId org, Integration integration, CancellationToken cancellationToken) => throw new NotSupportedException();

    /// <inheritdoc/>
    public Task<Result<Versioned<Integration>>> ReplaceAsync(OrgId org, Versioned<Integration> current, Integration next, CancellationToken cancellationToken) => throw new NotSupportedException();

    /// <inheritdoc/>
    public Task<Page<Integration>> ListAsync(OrgId org, string? cursor, int limit, CancellationToken cancellationToken) => throw new NotSupportedException();
}
