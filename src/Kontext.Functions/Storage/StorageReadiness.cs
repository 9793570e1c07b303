using Kontext.Functions.Health;

namespace Kontext.Functions.Storage;

/// <summary>Do the tables answer, and are we allowed to read them? A row that never exists is asked for.</summary>
internal sealed class StorageReadiness(ITableSource tables) : IDependency
{
    private readonly ITable table = tables.Open("organizations");

    /// <inheritdoc/>
    public string Name => "storage";

    /// <inheritdoc/>
    public Task ProbeAsync(CancellationToken cancellationToken) => table.GetAsync("readiness", "readiness", cancellationToken);
}
