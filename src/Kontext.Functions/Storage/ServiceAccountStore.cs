using Kontext.Domain;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Storage;

/// <summary>Service accounts, one small partition per organization.</summary>
internal sealed class ServiceAccountStore(ITableSource tables, ClientIndex clients, FreshCache cache, EpochFeed epochs) : IServiceAccountStore
{
    private readonly DocumentTable<ServiceAccount> accounts = new(tables.Open("serviceaccounts"), StoredJson.Default.ServiceAccount);

    /// <inheritdoc/>
    public async ValueTask<(OrgId Org, ServiceAccountId Account)?> ResolveClientAsync(string clientId, CancellationToken cancellationToken) =>
        ServiceAccountId.TryParse(clientId, provider: null, out var account) && account.ClientId == clientId
        && await clients.FindAsync(clientId, cancellationToken) is { } org ? (org, account) : null;

    /// <inheritdoc/>
    public ValueTask<ServiceAccount?> CurrentAsync(OrgId org, ServiceAccountId account, CancellationToken cancellationToken) => cache.GetAsync(
        new FreshKey(FreshKind.ServiceAccount, org, account.Value), (Store: this, org, account),
        static async (state, token) => (await state.Store.FindAsync(state.org, state.account, token))?.Value, cancellationToken);

    /// <inheritdoc/>
    public Task<Versioned<ServiceAccount>?> FindAsync(OrgId org, ServiceAccountId account, CancellationToken cancellationToken) =>
        accounts.FindAsync(Key.Of(org), Key.Of(org, account), cancellationToken);

    /// <inheritdoc/>
    public async Task InsertAsync(OrgId org, ServiceAccount account, CancellationToken cancellationToken)
    {
        // The index comes first, as for applications.
        if (!await clients.InsertAsync(account.Id.ClientId, org, cancellationToken)
            || await accounts.InsertAsync(Key.Of(org), Key.Of(org, account.Id), account, cancellationToken) is null)
            throw new InvalidOperationException("The id of the new service account was used before.");
    }

    /// <inheritdoc/>
    public async Task<Versioned<ServiceAccount>?> ReplaceAsync(OrgId org, Versioned<ServiceAccount> current, ServiceAccount next, CancellationToken cancellationToken)
    {
        var written = await accounts.ReplaceAsync(Key.Of(org), Key.Of(org, next.Id), current, next, cancellationToken);
        if (written is not null)
            await epochs.BumpAsync(org);
        return written;
    }

    /// <summary>A page in the order of ids; revoked ones too.</summary>
    /// <exception cref="ArgumentException">The cursor is not one this list gave.</exception>
    public async Task<Page<ServiceAccount>> ListAsync(OrgId org, string? cursor, int limit, CancellationToken cancellationToken)
    {
        var (from, to) = Key.Ids(org, PageCursor.Read<ServiceAccountId>(cursor));
        var found = await accounts.TakeAsync(Key.Of(org), from, to, limit, cancellationToken);
        return new Page<ServiceAccount>(found.ConvertAll(row => row.Value), found.Count == limit ? PageCursor.After(found[^1].Value.Id) : null);
    }
}
