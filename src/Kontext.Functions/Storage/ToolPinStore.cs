using Kontext.Domain;
using Kontext.Domain.Gateway;

namespace Kontext.Functions.Storage;

/// <summary>Pins of tools, a partition per integration.</summary>
internal sealed class ToolPinStore(ITableSource tables) : IToolPinStore
{
    // A transaction takes 4 MiB, and a pin holds two definitions at most.
    private const int Batch = 20;
    private const int MaxPins = 20_000;

    private readonly ITable table = tables.Open("toolpins");
    private readonly DocumentTable<ToolPin> pins = new(tables.Open("toolpins"), StoredJson.Default.ToolPin);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Versioned<ToolPin>>> ListAsync(OrgId org, IntegrationId integration, CancellationToken cancellationToken) =>
        await pins.TakeAsync(Key.Of(org, integration), Key.Of(org, integration), null, MaxPins, cancellationToken);

    /// <inheritdoc/>
    public Task<Versioned<ToolPin>?> FindAsync(OrgId org, IntegrationId integration, string tool, CancellationToken cancellationToken) =>
        pins.FindAsync(Key.Of(org, integration), RowKey(org, integration, tool), cancellationToken);

    /// <inheritdoc/>
    public async Task InsertAsync(OrgId org, IntegrationId integration, IReadOnlyList<ToolPin> added, CancellationToken cancellationToken)
    {
        foreach (var batch in added.Chunk(Batch))
        {
            var rows = batch.Select(pin => new RowOperation(RowChange.Insert, pins.RowOf(Key.Of(org, integration), RowKey(org, integration, pin.Name), pin))).ToList();
            if (await table.TransactAsync(rows, cancellationToken) == WriteOutcome.Written)
                continue;
            foreach (var pin in batch)
                await pins.InsertAsync(Key.Of(org, integration), RowKey(org, integration, pin.Name), pin, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public Task<Versioned<ToolPin>?> ReplaceAsync(OrgId org, IntegrationId integration, Versioned<ToolPin> current, ToolPin next, CancellationToken cancellationToken) =>
        pins.ReplaceAsync(Key.Of(org, integration), RowKey(org, integration, next.Name), current, next, cancellationToken);

    private static string RowKey(OrgId org, IntegrationId integration, string tool) => $"{Key.Of(org, integration)}~{RandomValue.HashOf(tool)}";
}
