namespace Kontext.Domain.OAuth;

/// <summary>client_credentials: management tokens for service accounts, and nothing else (contract 3.4.3).</summary>
public sealed class ClientCredentialsGrant(TokenIssuing issuing, Resources resources)
{
    /// <summary>Runs the grant.</summary>
    public async Task<Result<TokenResponse>> RunAsync(TokenClient client, TokenRequest.ClientCredentials request, CancellationToken cancellationToken)
    {
        if (client is not TokenClient.Service service)
            return new Failure(FailureCode.UnauthorizedClient, "Only service accounts may use client_credentials. An application acts for a person: use authorization_code.");
        if (request.Scopes.FirstOrDefault(scope => scope != Scopes.Management) is not null)
            return new Failure(FailureCode.InvalidScope, $"A service account can only have the scope {Scopes.Management}.");
        if (request.Audience is { } audience && resources.Canonical(audience) != resources.Api)
            return new Failure(FailureCode.InvalidTarget, $"A service account's tokens are for {resources.Api}.");
        return await issuing.ForServiceAsync(service.Org, service.Account, service.KeyThumbprint, cancellationToken);
    }
}
