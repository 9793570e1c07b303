using System.Diagnostics;
using Kontext.Domain;
using Kontext.Domain.Observability;
using Kontext.Domain.OAuth;
using Kontext.Domain.Revocations;

namespace Kontext.Functions.OAuth;

/// <summary>The token endpoint (OAuth 2.1 section 3.2): form in, one grant, JSON out.</summary>
internal sealed class TokenEndpoint(
    ClientAuthentication clients,
    ProofOfPossession possession,
    Standstill standstill,
    PolicyMode mode,
    AuthorizationCodeGrant authorizationCode,
    DeviceCodeGrant deviceCode,
    RefreshTokenGrant refresh,
    ClientCredentialsGrant clientCredentials,
    TokenExchange exchange)
{
    public async Task<IResult> IssueAsync(HttpContext context, CancellationToken cancellationToken)
    {
        if (!(await RunAsync(context, cancellationToken)).TryGet(out var response, out var failure))
            return OAuthErrors.Of(context, failure);
        context.Response.Headers.CacheControl = "no-store";
        return Results.Json(new TokenBody(
            response.AccessToken.Reveal(),
            response.IssuedTokenType,
            response.TokenType,
            response.ExpiresIn is { } life ? Math.Max(0, (long)life.TotalSeconds) : null,
            response.RefreshToken?.Reveal(),
            response.IdToken?.Reveal(),
            response.Scopes.IsEmpty ? null : Scopes.Format(response.Scopes)), OAuthJson.Default.TokenBody);
    }

    private async Task<Result<TokenResponse>> RunAsync(HttpContext context, CancellationToken cancellationToken)
    {
        if (!(await FormFields.ReadAsync(context.Request, cancellationToken)).TryGet(out var form, out var failure))
            return failure;
        if (!FormFields.Client(context.Request, form).TryGet(out var presented, out failure))
            return failure;
        if (!(await possession.ReadAsync(context, cancellationToken)).TryGet(out var proof, out failure))
            return failure;
        // Before anything is spent: a client that authenticated wrongly may try again with the same code.
        TokenClient? client;
        using (var span = Stages.Start(Stages.Authenticate))
        {
            if (!(await clients.AuthenticateAsync(presented, cancellationToken)).TryGet(out client, out failure))
            {
                span.Fail(failure);
                return failure;
            }
        }
        if (!TokenRequest.Parse(form).TryGet(out var request, out failure))
            return failure;
        if (!(await possession.BindAsync(client, proof, cancellationToken)).TryGet(out client, out failure))
            return failure;
        // Before anything is spent here too: reinstated, the same code or refresh token is good.
        if (client is TokenClient.Agent { Application: var application } && await standstill.RefusalAsync(client.Org, application, cancellationToken) is { } stopped)
            return stopped;
        if (request is TokenRequest.Exchange)
            await mode.SayAsync(context, client.Org);
        var granted = await GrantAsync(client, request, cancellationToken);
        // Only now, so that nobody fills the storage with proofs that lead nowhere; and before the answer leaves, so that of several uses at once one gets it.
        if (proof is not null && granted.TryGet(out _, out _) && await possession.SpendAsync(client, proof) is { } replayed)
            return replayed;
        return granted;
    }

    private async Task<Result<TokenResponse>> GrantAsync(TokenClient client, TokenRequest request, CancellationToken cancellationToken) =>
        (client, request) switch
        {
            (TokenClient.Agent agent, TokenRequest.AuthorizationCode code) => await authorizationCode.RunAsync(agent, code, cancellationToken),
            (TokenClient.Agent agent, TokenRequest.DeviceCode code) => await deviceCode.RunAsync(agent, code, cancellationToken),
            (TokenClient.Agent agent, TokenRequest.Refresh token) => await refresh.RunAsync(agent, token, cancellationToken),
            (_, TokenRequest.ClientCredentials credentials) => await clientCredentials.RunAsync(client, credentials, cancellationToken),
            (_, TokenRequest.Exchange subject) => await ExchangeAsync(client, subject, cancellationToken),
            _ => new Failure(FailureCode.UnauthorizedClient, "A service account uses client_credentials."),
        };

    private async Task<Result<TokenResponse>> ExchangeAsync(TokenClient client, TokenRequest.Exchange subject, CancellationToken cancellationToken)
    {
        var exchanged = await exchange.RunAsync(client, subject, Activity.Current?.TraceId.ToHexString(), cancellationToken);
        Measures.Exchange(exchanged.TryGet(out _, out var failure) ? null : failure);
        return exchanged;
    }
}
