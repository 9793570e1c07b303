using Azure.Core;

namespace Kontext.Functions.Tests.Work;

/// <summary>Tokens that say what they are for.</summary>
internal sealed class NamedToken : TokenCredential
{
    public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
        new($"token for {requestContext.Scopes[0]}", DateTimeOffset.MaxValue);

    public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
        ValueTask.FromResult(GetToken(requestContext, cancellationToken));
}
