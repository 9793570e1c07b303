using Kontext.Domain;
using Kontext.Domain.OAuth;

namespace Kontext.Functions.Storage;

/// <summary>DPoP proofs the token endpoint has accepted, found by the hash of key and identifier. A row only has to be there; its expiry says when it may go.</summary>
internal sealed class SpentProofStore(ITableSource tables) : ISpentProofs
{
    private readonly ITable table = tables.Open("spentproofs");

    /// <inheritdoc/>
    public async Task<bool> TrySpendAsync(OrgId org, DPoPProof proof, CancellationToken cancellationToken)
    {
        var hash = RandomValue.HashOf($"{proof.Key.Thumbprint}\n{proof.TokenId}");
        var row = new TableRow(Key.Of(org, hash[..2]), Key.Of(org, hash), new Dictionary<string, object> { ["expiresAt"] = proof.CreatedAt + DPoPProofs.Memory });
        return (await table.InsertAsync(row, cancellationToken)).Ok;
    }
}
