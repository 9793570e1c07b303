using Kontext.Domain;
using Kontext.Domain.OAuth;

namespace Kontext.Functions.Storage;

/// <summary>DPoP proofs the token endpoint gave something for, found by the hash of key and identifier. A row only has to be there; its expiry says when it may go.</summary>
internal sealed class SpentProofStore(ITableSource tables) : ISpentProofs
{
    private readonly ITable table = tables.Open("spentproofs");

    /// <inheritdoc/>
    public async Task<bool> IsSpentAsync(OrgId org, DPoPProof proof, CancellationToken cancellationToken)
    {
        var (partition, name) = PlaceOf(org, proof);
        return await table.GetAsync(partition, name, cancellationToken) is not null;
    }

    /// <inheritdoc/>
    public async Task<bool> TrySpendAsync(OrgId org, DPoPProof proof, CancellationToken cancellationToken)
    {
        var (partition, name) = PlaceOf(org, proof);
        var row = new TableRow(partition, name, new Dictionary<string, object> { ["expiresAt"] = proof.CreatedAt + DPoPProofs.Memory });
        return (await table.InsertAsync(row, cancellationToken)).Ok;
    }

    private static (string Partition, string Row) PlaceOf(OrgId org, DPoPProof proof)
    {
        var hash = RandomValue.HashOf($"{proof.Key.Thumbprint}\n{proof.TokenId}");
        return (Key.HashShard(org, hash), Key.Of(org, hash));
    }
}
