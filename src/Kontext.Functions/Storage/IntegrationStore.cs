using Kontext.Domain;
using Kontext.Domain.Integrations;

namespace Kontext.Functions.Storage;

/// <summary>Integrations and their names, one partition per organization.</summary>
internal sealed class IntegrationStore(ITableSource tables, FreshCache cache, EpochFeed epochs) : IIntegrationStore
{
    private readonly ITable table = tables.Open("integrations");
    private readonly DocumentTable<Integration> integrations = new(tables.Open("integrations"), StoredJson.Default.Integration);

    /// <inheritdoc/>
    public ValueTask<Integration?> CurrentAsync(OrgId org, IntegrationId integration, CancellationToken cancellationToken) => cache.GetAsync(
        new FreshKey(FreshKind.Integration, org, integration.Value), (Store: this, org, integration),
        static async (state, token) => (await state.Store.FindAsync(state.org, state.integration, token))?.Value, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<Integration?> CurrentByNameAsync(OrgId org, string name, CancellationToken cancellationToken)
    {
        var lower = name.ToLowerInvariant();
        return cache.GetAsync(
            new FreshKey(FreshKind.IntegrationName, org, Name: lower), (Store: this, org, lower),
            static async (state, token) => await state.Store.FindByNameAsync(state.org, state.lower, token), cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<Integration>> CurrentDefaultsAsync(OrgId org, CancellationToken cancellationToken) =>
        await cache.GetAsync(
            new FreshKey(FreshKind.IntegrationDefaults, org), (Store: this, org),
            static async (state, token) => await state.Store.FindDefaultsAsync(state.org, token), cancellationToken) ?? [];

    /// <inheritdoc/>
    public Task<Versioned<Integration>?> FindAsync(OrgId org, IntegrationId integration, CancellationToken cancellationToken) =>
        integrations.FindAsync(Key.Of(org), Key.Of(org, integration), cancellationToken);

    /// <inheritdoc/>
    public async Task<bool> InsertAsync(OrgId org, Integration integration, CancellationToken cancellationToken)
    {
        var row = integrations.RowOf(Key.Of(org), Key.Of(org, integration.Id), integration);
        if (await table.TransactAsync(NameClaim.Insert(org, row, NameOf(integration), integration.Id.Value), cancellationToken) != WriteOutcome.Written)
            return false;
        // Unknown integrations are not remembered anywhere, but the list of defaults is.
        if (integration.AttachByDefault)
            await epochs.BumpAsync(org);
        return true;
    }

    /// <inheritdoc/>
    public async Task<Result<Versioned<Integration>>> ReplaceAsync(OrgId org, Versioned<Integration> current, Integration next, CancellationToken cancellationToken)
    {
        var (partition, key) = (Key.Of(org), Key.Of(org, next.Id));
        Versioned<Integration>? written;
        if (NameClaim.Replace(org, integrations.RowOf(partition, key, next, current), NameOf(current.Value), NameOf(next), next.Id.Value) is { } renaming)
        {
            var outcome = await table.TransactAsync(renaming, cancellationToken);
            if (outcome == WriteOutcome.Exists)
                return new Failure(FailureCode.Conflict, $"There is an integration named {next.Name} already.");
            // A transaction gives no version; whatever is stored now includes our change.
            written = outcome == WriteOutcome.Written ? await integrations.FindAsync(partition, key, CancellationToken.None) : null;
        }
        else
            written = await integrations.ReplaceAsync(partition, key, current, next, cancellationToken);
        if (written is null)
            return new Failure(FailureCode.Conflict, "The integration was changed by somebody else in the meantime. Read it again and repeat the change.");
        await epochs.BumpAsync(org);
        return written;
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The cursor is not one this list gave.</exception>
    public async Task<Page<Integration>> ListAsync(OrgId org, string? cursor, int limit, CancellationToken cancellationToken)
    {
        var after = PageCursor.Read<IntegrationId>(cursor);
        var items = new List<Integration>();
        while (true)
        {
            var wanted = limit - items.Count;
            var (from, to) = Key.Ids(org, after);
            var found = await integrations.TakeAsync(Key.Of(org), from, to, wanted, cancellationToken);
            items.AddRange(found.Select(row => row.Value).Where(integration => !integration.Archived));
            if (found.Count < wanted)
                return new Page<Integration>(items, NextCursor: null);
            after = found[^1].Value.Id;
            if (items.Count == limit)
                return new Page<Integration>(items, PageCursor.After(after.Value));
        }
    }

    private async Task<Integration?> FindByNameAsync(OrgId org, string name, CancellationToken cancellationToken) =>
        await NameClaim.FindAsync(table, org, Key.Of(org), name, cancellationToken) is { } id
            ? (await FindAsync(org, new IntegrationId(id), cancellationToken))?.Value
            : null;

    private async Task<IReadOnlyList<Integration>?> FindDefaultsAsync(OrgId org, CancellationToken cancellationToken)
    {
        var (from, to) = Key.Ids<IntegrationId>(org, after: null);
        var all = await integrations.TakeAsync(Key.Of(org), from, to, int.MaxValue, cancellationToken);
        return [.. all.Select(row => row.Value).Where(integration => integration is { AttachByDefault: true, Archived: false })];
    }

    private static string? NameOf(Integration integration) => integration.Archived ? null : integration.Name;
}
