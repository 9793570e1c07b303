using Kontext.Domain;
using Kontext.Domain.OAuth;

namespace Kontext.Functions.OAuth;

/// <summary>Establishes the caller of a protected resource from the Authorization header, and from nothing else (RFC 6750 section 2.1, RFC 9068 section 4).</summary>
internal sealed class BearerAuthentication(TokenCallers callers, Resources resources)
{
    /// <summary>A caller of the gateway: token for the gateway or for the one integration addressed, with the scope to call.</summary>
    public ValueTask<Result<Caller>> GatewayAsync(HttpContext context)
    {
        var addressed = resources.Canonical(resources.Issuer + context.Request.Path) ?? resources.Gateway;
        return OfAsync(context, audience => audience == resources.Gateway || audience == addressed, Scopes.Invoke);
    }

    /// <summary>A caller of the management API.</summary>
    public ValueTask<Result<Caller>> ManagementAsync(HttpContext context) => OfAsync(context, audience => audience == resources.Api, Scopes.Management);

    /// <summary>A caller with any token of ours, for userinfo.</summary>
    public ValueTask<Result<Caller>> AnyAsync(HttpContext context) => OfAsync(context, _ => true, scope: null);

    private async ValueTask<Result<Caller>> OfAsync(HttpContext context, Func<string, bool> acceptsAudience, string? scope)
    {
        var header = context.Request.Headers.Authorization;
        if (header.Count == 0)
            return new Failure(FailureCode.InvalidToken, "This needs an access token: send Authorization: Bearer.");
        var text = header.ToString();
        if (header.Count > 1 || !text.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
            return new Failure(FailureCode.InvalidToken, "Send one Authorization header with the scheme Bearer.");
        if (!(await callers.ResolveAsync(text[7..].Trim(), acceptsAudience, context.RequestAborted)).TryGet(out var resolved, out var failure))
            return failure;
        if (scope is not null && !resolved.Claims.Scopes.Contains(scope))
            return new Failure(FailureCode.InsufficientScope, $"The access token lacks the scope {scope}. Authorize again and ask for it.");
        return resolved.Caller;
    }
}
