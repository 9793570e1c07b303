using Kontext.Domain;
using Kontext.Domain.Policies;
using Kontext.Functions.OAuth;

namespace Kontext.Functions.Mcp;

/// <summary>Says failures in the words of MCP: as HTTP challenges where authentication failed, as JSON-RPC errors elsewhere.</summary>
internal static class McpErrors
{
    /// <summary>The failure as this surface's answer, before there is a message to answer.</summary>
    public static IResult Surface(KontextSettings settings, HttpContext context, Failure failure) => new Refusal(settings, Of(failure), failure);

    /// <summary>The JSON-RPC error a failure stands for.</summary>
    public static McpError Of(Failure failure)
    {
        var (status, code) = failure.Code switch
        {
            FailureCode.InvalidToken or FailureCode.InvalidDPoPProof or FailureCode.UseDPoPNonce or FailureCode.InvalidClient or FailureCode.InvalidGrant => (401, McpProtocol.InvalidRequest),
            FailureCode.InsufficientScope or FailureCode.InvalidScope or FailureCode.UnauthorizedClient or FailureCode.AccessDenied or FailureCode.Forbidden => (403, McpProtocol.InvalidRequest),
            FailureCode.InvalidRequest or FailureCode.UnsupportedGrantType or FailureCode.AuthorizationPending or FailureCode.SlowDown or FailureCode.ExpiredToken or FailureCode.UnsupportedResponseType => (400, McpProtocol.InvalidRequest),
            FailureCode.MethodNotAllowed => (405, McpProtocol.InvalidRequest),
            FailureCode.TooLarge => (413, McpProtocol.InvalidRequest),
            FailureCode.InvalidTarget or FailureCode.NotFound => (200, McpProtocol.InvalidParams),
            FailureCode.NotConnected or FailureCode.PolicyDenied or FailureCode.ApprovalRequired or FailureCode.Misconfigured or FailureCode.Conflict or FailureCode.UpstreamFailed or FailureCode.Unexpected => (200, McpProtocol.InternalError),
            FailureCode.RateLimited or FailureCode.Unavailable => (200, McpProtocol.InternalError),
        };
        return new McpError(status, code, failure.Message)
        {
            Data = writer =>
            {
                writer.WriteString("code"u8, NameOf(failure.Code));
                if (failure.Integration is { } integration)
                {
                    writer.WriteString("integrationId"u8, integration.Id.ToString());
                    writer.WriteString("integrationName"u8, integration.Name);
                }
                if (failure.Decision?.Denial is { } denial)
                {
                    writer.WriteString("layer"u8, LayerName(denial.Layer));
                    writer.WriteString("reason"u8, denial.Reason);
                }
                if (failure.RetryAfter is { } wait)
                    writer.WriteNumber("retryAfterSeconds"u8, (long)Math.Ceiling(wait.TotalSeconds));
            },
        };
    }

    /// <summary>A layer's name on the wire (contract 1.10).</summary>
    public static string LayerName(PolicyLayer layer) => layer switch
    {
        PolicyLayer.Organization => "org",
        PolicyLayer.User => "user",
        PolicyLayer.Application => "agent",
    };

    private static string NameOf(FailureCode code) => code switch
    {
        FailureCode.PolicyDenied => "kontext_policy_denied",
        FailureCode.ApprovalRequired => "kontext_approval_required",
        FailureCode.NotConnected => "kontext_integration_connection_required",
        FailureCode.InvalidTarget or FailureCode.NotFound => "kontext_not_found",
        FailureCode.InvalidToken or FailureCode.InvalidDPoPProof or FailureCode.UseDPoPNonce or FailureCode.InvalidClient or FailureCode.InvalidGrant => "kontext_authorization_required",
        FailureCode.InsufficientScope or FailureCode.InvalidScope or FailureCode.UnauthorizedClient or FailureCode.AccessDenied or FailureCode.Forbidden => "kontext_forbidden",
        FailureCode.InvalidRequest or FailureCode.TooLarge or FailureCode.MethodNotAllowed or FailureCode.UnsupportedGrantType or FailureCode.AuthorizationPending or FailureCode.SlowDown or FailureCode.ExpiredToken or FailureCode.UnsupportedResponseType => "kontext_validation_error",
        FailureCode.Misconfigured => "kontext_misconfigured",
        FailureCode.Conflict => "kontext_conflict",
        FailureCode.UpstreamFailed => "kontext_upstream_failed",
        FailureCode.Unexpected => "kontext_internal_error",
        FailureCode.RateLimited => "kontext_rate_limited",
        FailureCode.Unavailable => "kontext_unavailable",
    };

    private sealed class Refusal(KontextSettings settings, McpError error, Failure failure) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            var status = failure.Code switch
            {
                FailureCode.RateLimited => StatusCodes.Status429TooManyRequests,
                FailureCode.Unavailable => StatusCodes.Status503ServiceUnavailable,
                _ => error.Status == 200 ? StatusCodes.Status500InternalServerError : error.Status,
            };
            if (status is 401 or 403 && failure.Code != FailureCode.Forbidden)
                httpContext.Response.Headers.WWWAuthenticate = Challenge.Of(httpContext, failure, Parameters(httpContext));
            if (failure.RetryAfter is { } wait)
                httpContext.Response.Headers.RetryAfter = ((long)Math.Ceiling(wait.TotalSeconds)).ToString(System.Globalization.CultureInfo.InvariantCulture);
            httpContext.Response.StatusCode = status;
            httpContext.Response.ContentType = "application/json";
            await httpContext.Response.BodyWriter.WriteAsync(McpExchange.Body(default, error), httpContext.RequestAborted);
        }

        /// <summary>MCP authorization (protocols 1.2): where to learn about authorization, and what a token needs.</summary>
        private string Parameters(HttpContext context)
        {
            var integration = context.Request.RouteValues.TryGetValue("integration", out var name) && name is string text ? "/" + Uri.EscapeDataString(text) : "";
            return $"resource_metadata=\"{settings.Issuer}/.well-known/oauth-protected-resource/mcp{integration}\", scope=\"mcp:invoke\"";
        }
    }
}
