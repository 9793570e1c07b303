using Kontext.Domain;
using Kontext.Domain.OAuth;

namespace Kontext.Functions.Storage;

/// <summary>Counts of wrong user codes, by the hash of whose they are.</summary>
internal sealed class WrongUserCodeStore(ITableSource tables) : IWrongUserCodeStore
{
    private readonly DocumentTable<WrongUserCodes> counts = new(tables.Open("wrongusercodes"), StoredJson.Default.WrongUserCodes);

    /// <inheritdoc/>
    public Task<Versioned<WrongUserCodes>?> FindAsync(OrgId org, string who, CancellationToken cancellationToken)
    {
        var (partition, row) = KeysOf(org, who);
        return counts.FindAsync(partition, row, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<bool> InsertAsync(OrgId org, string who, WrongUserCodes count, CancellationToken cancellationToken)
    {
        var (partition, row) = KeysOf(org, who);
        return await counts.InsertAsync(partition, row, count, cancellationToken) is not null;
    }

    /// <inheritdoc/>
    public async Task<bool> ReplaceAsync(OrgId org, string who, Versioned<WrongUserCodes> current, WrongUserCodes next, CancellationToken cancellationToken)
    {
        var (partition, row) = KeysOf(org, who);
        return await counts.ReplaceAsync(partition, row, current, next, cancellationToken) is not null;
    }

    private static (string Partition, string Row) KeysOf(OrgId org, string who)
    {
        var hash = RandomValue.HashOf(who);
        return (Key.HashShard(org, hash), Key.Of(org, hash));
    }
}
