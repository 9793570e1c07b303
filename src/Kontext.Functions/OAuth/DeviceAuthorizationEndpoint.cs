using Kontext.Domain;
using Kontext.Domain.OAuth;

namespace Kontext.Functions.OAuth;

/// <summary>The device authorization endpoint (RFC 8628 section 3.1): an agent without a browser gets a code to show.</summary>
internal sealed class DeviceAuthorizationEndpoint(ClientAuthentication clients, DeviceAuthorizationRequests requests, Resources resources)
{
    public async Task<IResult> StartAsync(HttpContext context, CancellationToken cancellationToken)
    {
        if (!(await RunAsync(context, cancellationToken)).TryGet(out var response, out var failure))
            return OAuthErrors.Of(context, failure);
        context.Response.Headers.CacheControl = "no-store";
        return Results.Json(new DeviceAuthorizationBody(
            response.DeviceCode.Reveal(),
            response.UserCode,
            resources.DevicePage,
            $"{resources.DevicePage}?user_code={response.UserCode}",
            (long)DeviceAuthorization.Lifetime.TotalSeconds,
            (long)response.Authorization.Interval.TotalSeconds), OAuthJson.Default.DeviceAuthorizationBody);
    }

    private async Task<Result<DeviceAuthorizationResponse>> RunAsync(HttpContext context, CancellationToken cancellationToken)
    {
        if (!(await FormFields.ReadAsync(context.Request, cancellationToken)).TryGet(out var form, out var failure))
            return failure;
        if (!FormFields.Client(context.Request, form).TryGet(out var presented, out failure))
            return failure;
        if (!(await clients.AuthenticateAsync(presented, cancellationToken)).TryGet(out var client, out failure))
            return failure;
        return await requests.RunAsync(client, form, cancellationToken);
    }
}
