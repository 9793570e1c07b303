using System.Globalization;
using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Functions.Api;
using Kontext.Functions.Mcp;
using Kontext.Functions.OAuth;

namespace Kontext.Functions.Proxy;

/// <summary>An error of the proxy's own, in the words of the management API (contract 2.1).</summary>
internal sealed record ProxyErrorBody(string Message, int StatusCode, string Code)
{
    public string? IntegrationId { get; init; }

    public string? IntegrationName { get; init; }

    /// <summary>Where the person connects the integration, or connects it again.</summary>
    public string? ConnectUrl { get; init; }

    /// <summary>Where the person approves the call.</summary>
    public string? ApprovalUrl { get; init; }

    /// <summary>The policy layer that denied: <c>org</c>, <c>user</c> or <c>agent</c>.</summary>
    public string? Layer { get; init; }

    public string? Reason { get; init; }

    public long? RetryAfterSeconds { get; init; }
}

/// <summary>Says failures to agents that expected a service's answer. The header <c>X-Kontext-Error</c> tells the one from the other.</summary>
internal static class ProxyErrors
{
    /// <summary>Names what went wrong; never passed on from services.</summary>
    public const string Header = "X-Kontext-Error";

    /// <summary>The JSON error response.</summary>
    public static IResult Of(KontextSettings settings, HttpContext context, Failure failure)
    {
        var (status, code) = ApiErrors.CodeOf(failure.Code);
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers[Header] = code;
        if (status == 401 || failure.Code == FailureCode.InsufficientScope)
            context.Response.Headers.WWWAuthenticate = Challenge.Of(context, failure, $"resource_metadata=\"{settings.Issuer}/.well-known/oauth-protected-resource/mcp\", scope=\"mcp:invoke\"");
        long? wait = failure.RetryAfter is { } retryAfter ? Math.Max(1, (long)Math.Ceiling(retryAfter.TotalSeconds)) : null;
        if (wait is not null)
            context.Response.Headers.RetryAfter = wait.Value.ToString(CultureInfo.InvariantCulture);
        var denial = failure.Decision?.Denial;
        return Results.Json(new ProxyErrorBody(failure.Message, status, code)
        {
            IntegrationId = failure.Integration?.Id.ToString(),
            IntegrationName = failure.Integration?.Name,
            ConnectUrl = failure.ConnectUrl?.AbsoluteUri,
            ApprovalUrl = failure.Approval?.Url.AbsoluteUri,
            Layer = denial is null ? null : McpErrors.LayerName(denial.Layer),
            Reason = denial?.Reason ?? failure.Integration?.Reason,
            RetryAfterSeconds = wait,
        }, ProxyJson.Default.ProxyErrorBody, statusCode: status);
    }
}

/// <summary>JSON of the proxy's own answers.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ProxyErrorBody))]
internal sealed partial class ProxyJson : JsonSerializerContext;
