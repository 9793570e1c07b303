using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Domain.Revocations;

namespace Kontext.Functions.OAuth;

/// <summary>Establishes the caller of a protected resource from the Authorization header, and from nothing else (RFC 6750 section 2.1, RFC 9068 section 4): a bearer token, or one bound to a key with a proof of that key (RFC 9449 section 7).</summary>
internal sealed class BearerAuthentication(TokenCallers callers, ProofOfPossession possession, Standstill standstill, PolicyMode mode, Resources resources)
{
    private const string OneHeader = "Send one Authorization header with the scheme Bearer or DPoP.";

    /// <summary>A caller of the gateway: token for the gateway or for the one integration addressed, with the scope to call.</summary>
    public ValueTask<Result<Caller>> GatewayAsync(HttpContext context)
    {
        var addressed = resources.Canonical(resources.Issuer + context.Request.Path) ?? resources.Gateway;
        return OfAsync(context, audience => audience == resources.Gateway || audience == addressed, Scopes.Invoke);
    }

    /// <summary>Whether a request that was let in is still good: its token, and all it stands for, the organization included. A proof that came with it holds for the whole request.</summary>
    public async ValueTask<bool> StillAsync(HttpContext context, CancellationToken cancellationToken)
    {
        var text = context.Request.Headers.Authorization.ToString();
        return (await callers.FindAsync(text[(text.IndexOf(' ', StringComparison.Ordinal) + 1)..].Trim(), static _ => true, cancellationToken)).TryGet(out var found, out _)
            && (found.Caller is not AgentCaller agent || await standstill.RefusalAsync(agent.Org, agent.Application, cancellationToken) is null);
    }

    /// <summary>A caller of the REST proxy: what reaches an integration through the gateway reaches it here.</summary>
    public ValueTask<Result<Caller>> ProxyAsync(HttpContext context)
    {
        var addressed = context.Request.RouteValues["integration"] as string;
        return OfAsync(context, audience => audience == resources.Gateway || (resources.IntegrationOf(audience) is { } only && only == addressed), Scopes.Invoke);
    }

    /// <summary>A caller of the management API.</summary>
    public ValueTask<Result<Caller>> ManagementAsync(HttpContext context) => OfAsync(context, audience => audience == resources.Api, Scopes.Management);

    /// <summary>A caller with any token of ours, for userinfo.</summary>
    public ValueTask<Result<Caller>> AnyAsync(HttpContext context) => OfAsync(context, _ => true, scope: null);

    private async ValueTask<Result<Caller>> OfAsync(HttpContext context, Func<string, bool> acceptsAudience, string? scope)
    {
        var header = context.Request.Headers.Authorization;
        if (header.Count == 0)
            return new Failure(FailureCode.InvalidToken, "This needs an access token: send Authorization: Bearer, or DPoP.");
        var text = header.ToString();
        if (header.Count > 1)
            return new Failure(FailureCode.InvalidToken, OneHeader);
        Result<(Caller Caller, AccessTokenClaims Claims)> presented;
        if (text.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
            presented = await callers.ResolveAsync(text[7..].Trim(), acceptsAudience, context.RequestAborted);
        else if (text.StartsWith("DPoP ", StringComparison.OrdinalIgnoreCase))
            presented = await ProvenAsync(context, text[5..].Trim(), acceptsAudience);
        else
            return new Failure(FailureCode.InvalidToken, OneHeader);
        if (!presented.TryGet(out var resolved, out var failure))
            return failure;
        if (scope is not null && !resolved.Claims.Scopes.Contains(scope))
            return new Failure(FailureCode.InsufficientScope, $"The access token lacks the scope {scope}. Authorize again and ask for it.");
        if (resolved.Caller is AgentCaller agent)
            await mode.SayAsync(context, agent.Org);
        return resolved.Caller;
    }

    // The token comes first: whoever has none that is valid here is not worth the verification of a proof.
    private async ValueTask<Result<(Caller Caller, AccessTokenClaims Claims)>> ProvenAsync(HttpContext context, string token, Func<string, bool> acceptsAudience)
    {
        if (!(await callers.FindAsync(token, acceptsAudience, context.RequestAborted)).TryGet(out var resolved, out var failure))
            return failure;
        return await possession.RefusalAsync(context, token, resolved.Claims, resolved.Caller, context.RequestAborted) is { } refusal ? refusal : resolved;
    }
}
