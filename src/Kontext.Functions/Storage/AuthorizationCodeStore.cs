using Kontext.Domain;
using Kontext.Domain.OAuth;

namespace Kontext.Functions.Storage;

/// <summary>Authorization codes.</summary>
internal sealed class AuthorizationCodeStore(ITableSource tables) : IAuthorizationCodeStore
{
    private readonly HashKeyed<AuthorizationCode> codes = new(tables.Open("authorizationcodes"), StoredJson.Default.AuthorizationCode);

    /// <inheritdoc/>
    public Task InsertAsync(OrgId org, AuthorizationCode code, CancellationToken cancellationToken) => codes.InsertAsync(org, code.Hash, code, cancellationToken);

    /// <inheritdoc/>
    public async Task<AuthorizationCode?> FindAsync(OrgId org, string hash, CancellationToken cancellationToken) =>
        (await codes.FindAsync(org, hash, cancellationToken))?.Value;
}
