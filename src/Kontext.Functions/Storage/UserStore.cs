using Kontext.Domain;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Storage;

/// <summary>The people of organizations, spread over partitions by their ids.</summary>
internal sealed class UserStore(ITableSource tables, FreshCache cache, EpochFeed epochs) : IUserStore
{
    private readonly DocumentTable<User> users = new(tables.Open("users"), StoredJson.Default.User);
    private readonly ITable founders = tables.Open("founders");

    /// <inheritdoc/>
    public ValueTask<User?> CurrentAsync(OrgId org, UserId user, CancellationToken cancellationToken) => cache.GetAsync(
        new FreshKey(FreshKind.User, org, user.Value), (Store: this, org, user),
        static async (state, token) => (await state.Store.FindAsync(state.org, state.user, token))?.Value, cancellationToken);

    /// <inheritdoc/>
    public Task<Versioned<User>?> FindAsync(OrgId org, UserId user, CancellationToken cancellationToken) =>
        users.FindAsync(Key.Shard(org, user), Key.Of(org, user), cancellationToken);

    /// <inheritdoc/>
    public async Task<bool> InsertAsync(OrgId org, User user, CancellationToken cancellationToken) =>
        await users.InsertAsync(Key.Shard(org, user.Id), Key.Of(org, user.Id), user, cancellationToken) is not null;

    /// <inheritdoc/>
    public async Task<Versioned<User>?> ReplaceAsync(OrgId org, Versioned<User> current, User next, CancellationToken cancellationToken)
    {
        var written = await users.ReplaceAsync(Key.Shard(org, next.Id), Key.Of(org, next.Id), current, next, cancellationToken);
        if (written is not null)
            await epochs.BumpAsync(org);
        return written;
    }

    /// <inheritdoc/>
    public async Task<bool> ClaimFoundingAsync(OrgId org, UserId user, CancellationToken cancellationToken)
    {
        var claim = new TableRow(Key.Of(org), Key.Of(org), new Dictionary<string, object> { ["user"] = user.ToString() });
        // Who claimed and was then cut off before being stored as a person claims again.
        return (await founders.InsertAsync(claim, cancellationToken)).Ok
            || (await founders.GetAsync(Key.Of(org), Key.Of(org), cancellationToken))?.Properties["user"] is string founder && founder == user.ToString();
    }
}
