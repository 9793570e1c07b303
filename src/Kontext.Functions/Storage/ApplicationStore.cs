using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Storage;

/// <summary>Applications. Those that people made are in one partition with their names; those that registered themselves may be many and are spread over several.</summary>
internal sealed class ApplicationStore(ITableSource tables, ClientIndex clients, FreshCache cache, EpochFeed epochs) : IApplicationStore
{
    private const int DynamicShards = 8;

    private readonly ITable table = tables.Open("applications");
    private readonly DocumentTable<Application> applications = new(tables.Open("applications"), StoredJson.Default.Application);

    /// <inheritdoc/>
    public async ValueTask<(OrgId Org, AppId Application)?> ResolveClientAsync(string clientId, CancellationToken cancellationToken)
    {
        if (ClientIdUrl.IsUrl(clientId))
            return await clients.FindAsync(clientId, cancellationToken) is { } owner ? (owner, DocumentClients.IdOf(owner, clientId)) : null;
        return AppId.TryParse(clientId, provider: null, out var application) && application.ClientId == clientId
            && await clients.FindAsync(clientId, cancellationToken) is { } org ? (org, application) : null;
    }

    /// <inheritdoc/>
    public ValueTask<Application?> CurrentAsync(OrgId org, AppId application, CancellationToken cancellationToken) => cache.GetAsync(
        new FreshKey(FreshKind.Application, org, application.Value), (Store: this, org, application),
        // INVARIANT: nobody who decides has to know of suspension, so nobody can forget to ask for it.
        static async (state, token) => (await state.Store.FindAsync(state.org, state.application, token))?.Value is { } found ? found with { Archived = found.Archived || found.Suspended } : null, cancellationToken);

    /// <inheritdoc/>
    public async Task<Versioned<Application>?> FindAsync(OrgId org, AppId application, CancellationToken cancellationToken) =>
        await applications.FindAsync(Key.Of(org), Key.Of(org, application), cancellationToken)
        ?? await applications.FindAsync(DynamicPartition(org, ShardOf(application)), Key.Of(org, application), cancellationToken);

    /// <inheritdoc/>
    public async Task<bool> InsertAsync(OrgId org, Application application, CancellationToken cancellationToken)
    {
        // The index comes first: a crash in between leaves a client id without an application, not an application that cannot sign in.
        if (!await clients.InsertAsync(application.ClientId, org, cancellationToken))
            return false;
        var row = applications.RowOf(PartitionOf(org, application), Key.Of(org, application.Id), application);
        return await table.TransactAsync(NameClaim.Insert(org, row, NameOf(application), application.Id.Value), cancellationToken) == WriteOutcome.Written;
    }

    /// <summary>Writes if nobody wrote since; null when somebody did, or the new name is taken.</summary>
    public async Task<Versioned<Application>?> ReplaceAsync(OrgId org, Versioned<Application> current, Application next, CancellationToken cancellationToken)
    {
        var (partition, key) = (PartitionOf(org, current.Value), Key.Of(org, next.Id));
        if (NameClaim.Replace(org, applications.RowOf(partition, key, next, current), NameOf(current.Value), NameOf(next), next.Id.Value) is { } renaming)
        {
            if (await table.TransactAsync(renaming, cancellationToken) != WriteOutcome.Written)
                return null;
            await epochs.BumpAsync(org);
            // A transaction gives no version; whatever is stored now includes our change.
            return await applications.FindAsync(partition, key, CancellationToken.None);
        }
        var written = await applications.ReplaceAsync(partition, key, current, next, cancellationToken);
        if (written is not null)
            await epochs.BumpAsync(org);
        return written;
    }

    /// <summary>A page: first the applications that people made, then those that registered themselves, each in the order of ids; archived ones too.</summary>
    /// <exception cref="ArgumentException">The cursor is not one this list gave.</exception>
    public async Task<Page<Application>> ListAsync(OrgId org, string? cursor, int limit, CancellationToken cancellationToken)
    {
        // The cursor's first character tells the partition.
        var shard = cursor is null ? 0 : cursor is [>= '0' and <= '8', ..] ? cursor[0] - '0' : throw new ArgumentException("The cursor is not one this list gave.", nameof(cursor));
        var after = PageCursor.Read<AppId>(cursor?[1..]);
        var items = new List<Application>();
        for (; shard <= DynamicShards; shard++, after = null)
        {
            var partition = shard == 0 ? Key.Of(org) : DynamicPartition(org, shard - 1);
            var (from, to) = Key.Ids(org, after);
            var wanted = limit - items.Count;
            var found = await applications.TakeAsync(partition, from, to, wanted, cancellationToken);
            items.AddRange(found.Select(row => row.Value));
            if (found.Count == wanted)
                return new Page<Application>(items, $"{shard}{PageCursor.After(items[^1].Id)}");
        }
        return new Page<Application>(items, NextCursor: null);
    }

    private static string? NameOf(Application application) =>
        application is { Registration: Registration.Managed, Archived: false } ? application.Name : null;

    private static string PartitionOf(OrgId org, Application application) =>
        application.IsSelfRegistered ? DynamicPartition(org, ShardOf(application.Id)) : Key.Of(org);

    private static int ShardOf(AppId application) => application.Value.ToByteArray()[15] % DynamicShards;

    private static string DynamicPartition(OrgId org, int shard) => Key.Of(org, $"dynamic{shard}");
}
