using System.Globalization;
using Kontext.Domain;
using Kontext.Functions.OAuth;

namespace Kontext.Functions.Api;

/// <summary>An error of the management API (contract 2.1, 3.7).</summary>
internal sealed record ApiErrorBody(string Message, int StatusCode, string Code)
{
    public IReadOnlyDictionary<string, string>? ValidationErrors { get; init; }

    public int? CurrentRevision { get; init; }
}

/// <summary>Says failures as the management API does. The only place that knows its codes.</summary>
internal static class ApiErrors
{
    /// <summary>The JSON error response.</summary>
    public static IResult Of(HttpContext context, Failure failure)
    {
        var (status, code) = CodeOf(failure.Code);
        context.Response.Headers.CacheControl = "no-store";
        if (status == 401)
            context.Response.Headers.WWWAuthenticate = Challenge.Of(context, failure);
        if (failure.RetryAfter is { } wait)
            context.Response.Headers.RetryAfter = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        return Results.Json(new ApiErrorBody(failure.Message, status, code) { ValidationErrors = failure.Fields, CurrentRevision = failure.CurrentRevision }, ApiJson.Default.ApiErrorBody, statusCode: status);
    }

    /// <summary>The refusal of a body in another format (RFC 9110 section 15.5.16). Only this surface tells it apart from other malformed requests.</summary>
    public static IResult NotJson(HttpContext context)
    {
        context.Response.Headers.Accept = "application/json";
        return Results.Json(
            new ApiErrorBody("Send the body as application/json.", StatusCodes.Status415UnsupportedMediaType, "kontext_validation_error"), ApiJson.Default.ApiErrorBody,
            statusCode: StatusCodes.Status415UnsupportedMediaType);
    }

    /// <summary>Status and code of a failure; the proxy says it alike.</summary>
    public static (int Status, string Code) CodeOf(FailureCode code) => code switch
    {
        FailureCode.InvalidRequest or FailureCode.InvalidTarget or FailureCode.InvalidScope or FailureCode.InvalidGrant
            or FailureCode.AuthorizationPending or FailureCode.SlowDown or FailureCode.ExpiredToken
            or FailureCode.UnsupportedGrantType or FailureCode.UnsupportedResponseType => (400, "kontext_validation_error"),
        FailureCode.InvalidClient or FailureCode.InvalidToken or FailureCode.InvalidDPoPProof or FailureCode.UseDPoPNonce => (401, "kontext_authorization_required"),
        FailureCode.InsufficientScope or FailureCode.Forbidden or FailureCode.AccessDenied or FailureCode.UnauthorizedClient => (403, "kontext_forbidden"),
        FailureCode.NotFound => (404, "kontext_not_found"),
        FailureCode.NotConnected => (403, "kontext_integration_connection_required"),
        FailureCode.PolicyDenied => (403, "kontext_policy_denied"),
        FailureCode.ApprovalRequired => (403, "kontext_approval_required"),
        FailureCode.Conflict => (409, "kontext_conflict"),
        FailureCode.Misconfigured => (400, "kontext_misconfigured"),
        FailureCode.MethodNotAllowed => (405, "kontext_validation_error"),
        FailureCode.TooLarge => (413, "kontext_validation_error"),
        FailureCode.RateLimited => (429, "kontext_rate_limited"),
        FailureCode.Unavailable => (503, "kontext_unavailable"),
        FailureCode.UpstreamFailed => (502, "kontext_upstream_failed"),
        FailureCode.Unexpected => (500, "kontext_internal_error"),
    };
}
