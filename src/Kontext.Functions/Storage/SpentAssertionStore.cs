using Kontext.Domain;
using Kontext.Domain.OAuth;

namespace Kontext.Functions.Storage;

/// <summary>Assertions that clients have used, found by the hash of client and identifier. A row only has to be there; its expiry says when it may go.</summary>
internal sealed class SpentAssertionStore(ITableSource tables) : ISpentAssertions
{
    private readonly ITable table = tables.Open("spentassertions");

    /// <inheritdoc/>
    public async Task<bool> TrySpendAsync(OrgId org, AppId application, string tokenId, DateTimeOffset expiresAt, CancellationToken cancellationToken)
    {
        var hash = RandomValue.HashOf($"{application}\n{tokenId}");
        var row = new TableRow(Key.HashShard(org, hash), Key.Of(org, hash), new Dictionary<string, object> { ["expiresAt"] = expiresAt });
        return (await table.InsertAsync(row, cancellationToken)).Ok;
    }
}
