using System.Globalization;
using Kontext.Domain;

namespace Kontext.Functions.OAuth;

/// <summary>Says failures as OAuth does (RFC 6749 section 5.2, RFC 8693 section 2.2.2, contract 3.4.5). The only place that knows OAuth's error codes.</summary>
internal static class OAuthErrors
{
    /// <summary>The JSON error response, never cached.</summary>
    public static IResult Of(HttpContext context, Failure failure)
    {
        var (status, error) = CodeOf(failure.Code);
        context.Response.Headers.CacheControl = "no-store";
        // A proof is part of a token request, but authenticates at a resource (RFC 9449 sections 5 and 7.1).
        var isResource = context.GetEndpoint()?.Metadata.GetMetadata<Surface>() is { Authenticate: not null };
        if (isResource && failure.Code is (FailureCode.InvalidDPoPProof or FailureCode.UseDPoPNonce))
            status = 401;
        if (status == 401)
            context.Response.Headers.WWWAuthenticate = isResource ? Challenge.Of(context, failure) : failure.Code == FailureCode.InvalidToken ? "Bearer error=\"invalid_token\"" : "Basic realm=\"Kontext\"";
        if (failure.RetryAfter is { } wait)
            context.Response.Headers.RetryAfter = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        return Results.Json(new ErrorBody(error, failure.Message)
        {
            Code = failure.Code switch
            {
                FailureCode.PolicyDenied => "kontext_policy_denied",
                FailureCode.NotConnected => "kontext_integration_connection_required",
                FailureCode.ApprovalRequired => "kontext_approval_required",
                _ => null,
            },
            FailureReason = failure.Code == FailureCode.NotConnected ? failure.Integration?.Reason ?? "disconnected_or_reauth_required" : null,
            IntegrationId = failure.Integration?.Id.ToString(),
            IntegrationName = failure.Integration?.Name,
            ConnectUrl = failure.ConnectUrl?.AbsoluteUri,
            ApprovalUrl = failure.Approval?.Url.AbsoluteUri,
            PolicyEvaluation = failure.Decision is null ? null : PolicyEvaluationBody.Of(failure.Decision),
        }, OAuthJson.Default.ErrorBody, statusCode: status);
    }

    /// <summary>The status and error code of a failure.</summary>
    public static (int Status, string Error) CodeOf(FailureCode code) => code switch
    {
        FailureCode.InvalidRequest => (400, "invalid_request"),
        FailureCode.InvalidClient => (401, "invalid_client"),
        FailureCode.UnauthorizedClient => (400, "unauthorized_client"),
        FailureCode.InvalidGrant => (400, "invalid_grant"),
        FailureCode.InvalidToken => (401, "invalid_token"),
        FailureCode.InvalidScope => (400, "invalid_scope"),
        FailureCode.InsufficientScope => (403, "insufficient_scope"),
        FailureCode.InvalidTarget or FailureCode.NotFound => (400, "invalid_target"),
        FailureCode.InvalidDPoPProof => (400, "invalid_dpop_proof"),
        FailureCode.UseDPoPNonce => (400, "use_dpop_nonce"),
        FailureCode.UnsupportedGrantType => (400, "unsupported_grant_type"),
        FailureCode.UnsupportedResponseType => (400, "unsupported_response_type"),
        FailureCode.AccessDenied => (400, "access_denied"),
        FailureCode.AuthorizationPending => (400, "authorization_pending"),
        FailureCode.SlowDown => (400, "slow_down"),
        FailureCode.ExpiredToken => (400, "expired_token"),
        FailureCode.NotConnected => (400, "integration_required"),
        FailureCode.PolicyDenied => (403, "access_denied"),
        FailureCode.ApprovalRequired => (400, "interaction_required"),
        FailureCode.Forbidden => (403, "access_denied"),
        FailureCode.Conflict => (503, "temporarily_unavailable"),
        FailureCode.Misconfigured => (400, "invalid_target"),
        FailureCode.MethodNotAllowed => (405, "invalid_request"),
        FailureCode.TooLarge => (413, "invalid_request"),
        FailureCode.RateLimited => (429, "temporarily_unavailable"),
        FailureCode.Unavailable => (503, "temporarily_unavailable"),
        FailureCode.UpstreamFailed => (503, "temporarily_unavailable"),
        FailureCode.Unexpected => (500, "server_error"),
    };
}
