using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.OAuth;

/// <summary>Writes down what the endpoints for tokens refuse: who tried, and why not. What names no client of ours belongs to no organization's trail; it is logged only.</summary>
internal sealed class RecordedRefusals(IApplicationStore applications, IServiceAccountStore serviceAccounts, IAuditLog audit, TimeProvider time)
{
    // Malformed requests say nothing about anybody, and a service that has trouble refuses nobody.
    private static readonly string[] Refusals =
        ["invalid_client", "invalid_grant", "invalid_token", "invalid_scope", "invalid_target", "unauthorized_client", "invalid_dpop_proof", "access_denied", "expired_token"];

    /// <summary>Whether an answer refuses what was asked for. What policy or a missing connection refused, the broker has recorded with its reasons.</summary>
    public static bool IsRefusal(ErrorBody body) => body.Code is null && Refusals.Contains(body.Error);

    /// <summary>Records one; durable before the answer leaves.</summary>
    /// <param name="clientId">Who asked, as the request says.</param>
    /// <param name="endpoint">Which endpoint.</param>
    /// <param name="body">The answer.</param>
    public async Task RecordAsync(string clientId, string endpoint, ErrorBody body)
    {
        if (await applications.ResolveClientAsync(clientId, CancellationToken.None) is { } client)
        {
            var application = await applications.CurrentAsync(client.Org, client.Application, CancellationToken.None);
            await audit.AppendAsync(client.Org, Event(endpoint, body) with { Agent = new AuditParty(client.Application.ToString(), application?.Name) }, CancellationToken.None);
        }
        else if (await serviceAccounts.ResolveClientAsync(clientId, CancellationToken.None) is { } service)
        {
            var account = await serviceAccounts.CurrentAsync(service.Org, service.Account, CancellationToken.None);
            await audit.AppendAsync(service.Org, Event(endpoint, body) with { Actor = new AuditParty(service.Account.ClientId, account?.Name) }, CancellationToken.None);
        }
    }

    private AuditEvent Event(string endpoint, ErrorBody body) => new()
    {
        At = time.GetUtcNow(),
        Type = AuditTypes.TokenRefused,
        Status = "error_auth",
        Target = endpoint,
        ErrorType = body.Error,
        ErrorMessage = body.ErrorDescription,
    };
}

/// <summary>Puts endpoints under the record of refusals, in the line that maps them.</summary>
internal static class RecordedRefusalsEndpoints
{
    /// <summary>What the endpoint refuses is recorded.</summary>
    public static RouteHandlerBuilder RecordRefusals(this RouteHandlerBuilder endpoint) => endpoint.AddEndpointFilter(async (invocation, next) =>
    {
        var answer = await next(invocation);
        var context = invocation.HttpContext;
        if (answer is IValueHttpResult { Value: ErrorBody body } && RecordedRefusals.IsRefusal(body) && await FormFields.ClientIdAsync(context) is { } clientId)
            await context.RequestServices.GetRequiredService<RecordedRefusals>().RecordAsync(clientId, context.Request.Path, body);
        return answer;
    });
}
