using Kontext.Domain;
using Kontext.Domain.OAuth;

namespace Kontext.Functions.Storage;

/// <summary>Keeps authorization codes by their hash.</summary>
internal sealed class AuthorizationCodeStore(ITableSource tables) : IAuthorizationCodeStore
{
    private readonly DocumentTable<AuthorizationCode> table = new(tables.Open("authorizationcodes"), StoredJson.Default.AuthorizationCode);

    /// <inheritdoc/>
    public async Task InsertAsync(OrgId org, AuthorizationCode code, CancellationToken cancellationToken)
    {
        if (await table.InsertAsync(Partition(org, code.Hash), Row(org, code.Hash), code, cancellationToken) is null)
            throw new InvalidOperationException("An authorization code was made twice.");
    }

    /// <inheritdoc/>
    public async Task<AuthorizationCode?> FindAsync(OrgId org, string hash, CancellationToken cancellationToken) =>
        (await table.FindAsync(Partition(org, hash), Row(org, hash), cancellationToken))?.Value;

    private static string Partition(OrgId org, string hash) => $"{org}~{hash[..2]}";

    private static string Row(OrgId org, string hash) => $"{org}~{hash}";
}
