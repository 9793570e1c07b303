using Kontext.Domain;
using Kontext.Domain.OAuth;

namespace Kontext.Functions.OAuth;

/// <summary>Token introspection (RFC 7662), for clients that can prove who they are: confidential applications and service accounts.</summary>
internal sealed class IntrospectionEndpoint(ClientAuthentication clients, TokenIntrospection introspection, KontextSettings settings)
{
    private static readonly Failure NeedsProof = new(FailureCode.InvalidClient, "Introspection is for confidential applications and service accounts: authenticate with the client's secret or key.");

    public async Task<IResult> IntrospectAsync(HttpContext context, CancellationToken cancellationToken)
    {
        if (!(await RunAsync(context, cancellationToken)).TryGet(out var body, out var failure))
            return OAuthErrors.Of(context, failure);
        context.Response.Headers.CacheControl = "no-store";
        return Results.Json(body, OAuthJson.Default.IntrospectionBody);
    }

    private async Task<Result<IntrospectionBody>> RunAsync(HttpContext context, CancellationToken cancellationToken)
    {
        if (!(await FormFields.ReadAsync(context.Request, cancellationToken)).TryGet(out var form, out var failure))
            return failure;
        if (!FormFields.Client(context.Request, form).TryGet(out var presented, out failure))
            return failure;
        if (!(await clients.AuthenticateAsync(presented, cancellationToken)).TryGet(out var client, out failure))
            return failure;
        if (client is TokenClient.Agent { Application.OAuth.Confidential: false })
            return NeedsProof;
        if (form.Repeated is { } repeated)
            return repeated;
        if (form["token"] is not { } token)
            return new Failure(FailureCode.InvalidRequest, "The parameter token is missing.");

        return await introspection.RunAsync(client, token, form["token_type_hint"], cancellationToken) is { } found
            ? Body(found, settings.Issuer)
            : new IntrospectionBody { Active = false };
    }

    private static IntrospectionBody Body(IntrospectedToken token, string issuer) => new()
    {
        Active = true,
        Scope = token.Scopes.IsEmpty ? null : Scopes.Format(token.Scopes),
        ClientId = token.ClientId,
        TokenType = token.TokenType,
        Exp = token.ExpiresAt.ToUnixTimeSeconds(),
        Iat = token.IssuedAt.ToUnixTimeSeconds(),
        Sub = token.Subject,
        Aud = token.Audience.IsEmpty ? null : token.Audience,
        Iss = issuer,
        Jti = token.TokenId,
        Sid = token.Session?.ToString(),
        Cnf = token.KeyThumbprint is { } key ? new ConfirmationBody(key) : null,
        Act = ActorBody.Of(token.Actor),
    };
}
