using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>How a client presented itself at the token endpoint.</summary>
/// <param name="ClientId">The client id; null when none was given.</param>
/// <param name="Secret">The secret; null when none was given or it was empty.</param>
/// <param name="Method">One of <see cref="ClientAuthMethods"/>.</param>
public sealed record ClientCredentials(string? ClientId, Secret? Secret, string Method)
{
    /// <summary>The assertion of <c>private_key_jwt</c>; null for the other methods.</summary>
    public Secret? Assertion { get; init; }
}

/// <summary>An authenticated (or public) client.</summary>
/// <param name="Org">Its organization.</param>
/// <param name="ClientId">Its client id.</param>
public abstract record TokenClient(OrgId Org, string ClientId)
{
    /// <summary>The key it proved to have, which its access tokens are bound to (RFC 9449 section 5); null for bearer tokens.</summary>
    public string? KeyThumbprint { get; init; }

    /// <summary>Its tokens have to be bound to a key (RFC 9449 section 5.2).</summary>
    public bool NeedsProof => this is Agent { Application.OAuth.DpopBoundAccessTokens: true };

    /// <summary>An application.</summary>
    public sealed record Agent(OrgId Org, string ClientId, Application Application) : TokenClient(Org, ClientId);

    /// <summary>A service account.</summary>
    public sealed record Service(OrgId Org, string ClientId, ServiceAccount Account) : TokenClient(Org, ClientId);
}

/// <summary>Authenticates clients (OAuth 2.1 section 2.4). A public client may send an empty Basic password (contract 3.4, the x/oauth2 clients).</summary>
public sealed class ClientAuthentication(IApplicationStore applications, IServiceAccountStore serviceAccounts, ClientAssertions assertions, TimeProvider time)
{
    private static readonly Failure Unknown = new(FailureCode.InvalidClient, "The client is not known, or its authentication failed. Check client_id and client_secret.");

    /// <summary>Who it is, or <see cref="FailureCode.InvalidClient"/> without saying which part was wrong.</summary>
    public async Task<Result<TokenClient>> AuthenticateAsync(ClientCredentials presented, CancellationToken cancellationToken)
    {
        if (presented.ClientId is not { } clientId)
            return new Failure(FailureCode.InvalidClient, "The request names no client: send client_id, or authenticate with HTTP Basic.");

        if (await applications.ResolveClientAsync(clientId, cancellationToken) is { } app)
        {
            if (await applications.CurrentAsync(app.Org, app.Application, cancellationToken) is not { Archived: false } application)
                return Unknown with { Detail = "archived" };
            if (await RefusalAsync(app.Org, application, presented, cancellationToken) is { } refusal)
                return Unknown with { Detail = $"{refusal}, for {application.Id}" };
            return new TokenClient.Agent(app.Org, clientId, application);
        }

        if (await serviceAccounts.ResolveClientAsync(clientId, cancellationToken) is { } service
            && await serviceAccounts.CurrentAsync(service.Org, service.Account, cancellationToken) is { Revoked: false, Disabled: false } account
            && presented.Secret is { } secret && RetiringSecret.Accepts(account.SecretHash, account.RetiringSecret, secret, time.GetUtcNow()))
            return new TokenClient.Service(service.Org, clientId, account);

        return Unknown with { Detail = "unknown client or service account" };
    }

    private async Task<string?> RefusalAsync(OrgId org, Application application, ClientCredentials presented, CancellationToken cancellationToken)
    {
        if (application.OAuth.AuthMethod != ClientAuthMethods.PrivateKeyJwt)
            return Accepts(application.OAuth, presented) ? null : "wrong secret or method";
        return presented.Assertion is { } assertion
            ? await assertions.RefusalAsync(org, application, assertion, cancellationToken)
            : "assertion is missing";
    }

    private bool Accepts(OAuthClient client, ClientCredentials presented)
    {
        if (presented.Assertion is not null)
            return false;
        if (!client.Confidential)
            return presented.Secret is null;
        return presented.Secret is { } secret
            && client.SecretHash is { } hash
            && (client.AuthMethod is null || client.AuthMethod == presented.Method)
            && RetiringSecret.Accepts(hash, client.RetiringSecret, secret, time.GetUtcNow());
    }
}
