using Azure.Core;

namespace Kontext.Testing.KeyVaultApi;

/// <summary>Gives the one token the stand-in accepts, to whoever asks as a challenge of the stand-in says.</summary>
internal sealed class StandInCredential : TokenCredential
{
    /// <summary>The token.</summary>
    public const string Token = "token-for-vault.azure.net";

    /// <inheritdoc/>
    public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
        requestContext.Scopes is ["https://vault.azure.net/.default"] && requestContext.TenantId == KeyVaultStandIn.Tenant
            ? new AccessToken(Token, DateTimeOffset.MaxValue)
            : throw new InvalidOperationException($"A token was asked for {string.Join(' ', requestContext.Scopes)} of tenant {requestContext.TenantId}.");

    /// <inheritdoc/>
    public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
        ValueTask.FromResult(GetToken(requestContext, cancellationToken));
}
