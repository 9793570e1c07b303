using Kontext.Domain;
using Kontext.Functions.OAuth;

namespace Kontext.Functions.Limits;

/// <summary>Puts endpoints under the attempt limits, in the line that maps them.</summary>
internal static class LimitedEndpoints
{
    /// <summary>For endpoints that check a client's secret, a code or a token: failures are counted, and after too many the client is refused from there before anything is looked at.</summary>
    public static RouteHandlerBuilder LimitFailures(this RouteHandlerBuilder endpoint) => endpoint.AddEndpointFilter(async (invocation, next) =>
    {
        var context = invocation.HttpContext;
        var limits = context.RequestServices.GetRequiredService<AttemptLimits>();
        var clientId = await FormFields.ClientIdAsync(context);
        if (await limits.FailuresRefusalAsync(context, clientId) is { } refused)
            return OAuthErrors.Of(context, refused);
        var answer = await next(invocation);
        if (answer is IValueHttpResult { Value: ErrorBody refusal } && RecordedRefusals.IsRefusal(refusal))
            limits.CountFailure(context, clientId);
        return answer;
    });

    /// <summary>For endpoints that make something for whoever asks.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="error">How the refusal is said; null for the words of the endpoint's surface.</param>
    public static RouteHandlerBuilder LimitCreations(this RouteHandlerBuilder endpoint, Func<HttpContext, Failure, IResult>? error = null) => endpoint.AddEndpointFilter(async (invocation, next) =>
    {
        var context = invocation.HttpContext;
        if (await context.RequestServices.GetRequiredService<AttemptLimits>().CreationRefusalAsync(context) is not { } refused)
            return await next(invocation);
        return (error ?? context.GetEndpoint()!.Metadata.GetRequiredMetadata<Surface>().Error)(context, refused);
    });
}
