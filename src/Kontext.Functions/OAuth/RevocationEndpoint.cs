using Kontext.Domain;
using Kontext.Domain.OAuth;

namespace Kontext.Functions.OAuth;

/// <summary>Token revocation (RFC 7009): a refresh token ends its session; an access token ends its session too, because nothing else would outlive it by more than minutes.</summary>
internal sealed class RevocationEndpoint(ClientAuthentication clients, RefreshTokens refreshTokens, ITokenSigner signer, SessionRevocation revocation)
{
    public async Task<IResult> RevokeAsync(HttpContext context, CancellationToken cancellationToken)
    {
        if (!(await RunAsync(context, cancellationToken)).TryGet(out _, out var failure))
            return OAuthErrors.Of(context, failure);
        context.Response.Headers.CacheControl = "no-store";
        return Results.Ok();
    }

    private async Task<Result<Done>> RunAsync(HttpContext context, CancellationToken cancellationToken)
    {
        if (!(await FormFields.ReadAsync(context.Request, cancellationToken)).TryGet(out var form, out var failure))
            return failure;
        if (!FormFields.Client(context.Request, form).TryGet(out var presented, out failure))
            return failure;
        if (!(await clients.AuthenticateAsync(presented, cancellationToken)).TryGet(out var client, out failure))
            return failure;
        if (form.Repeated is { } repeated)
            return repeated;
        if (form["token"] is not { } token)
            return new Failure(FailureCode.InvalidRequest, "The parameter token is missing.");
        if (client is not TokenClient.Agent agent)
            return new Failure(FailureCode.UnauthorizedClient, "A service account's tokens end by themselves within minutes; revoke the account to stop it at once.");

        // An unknown token, and one of another client, is no error (RFC 7009 section 2.2): there is nothing to tell.
        if (await refreshTokens.ReadAsync(agent.Org, token, cancellationToken) is { } name)
        {
            if (name.Application == agent.Application.Id)
                await revocation.RunAsync(agent.Org, agent.Application, name.Session, "the application revoked it", cancellationToken);
        }
        else if ((await signer.ReadAsync(token, cancellationToken)).TryGet(out var claims, out _)
            && claims.Application == agent.Application.Id && claims.Session is { } session)
        {
            await revocation.RunAsync(agent.Org, agent.Application, session, "the application revoked it", cancellationToken);
        }
        return new Done();
    }
}
