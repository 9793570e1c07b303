using System.Diagnostics;
using System.Globalization;
using Kontext.Domain.Observability;

namespace Kontext.Functions.Observability;

/// <summary>Describes HTTP spans as the OpenTelemetry conventions for HTTP have it, without what may hold secrets: no query, no header, no path that a caller fills in.</summary>
internal static class HttpSpans
{
    private const string Other = "_OTHER";
    private static readonly HashSet<string> Methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

    /// <summary>Gives the framework's span of each request its name and attributes. Used only where spans are exported.</summary>
    public static async Task DescribeAsync(HttpContext context, RequestDelegate next)
    {
        var span = Activity.Current;
        try
        {
            await next(context);
        }
        catch (Exception failed) when (Note(span, failed))
        {
            throw;
        }
        finally
        {
            if (span is { IsAllDataRequested: true })
                Describe(span, context);
        }
    }

    /// <summary>Begins the span of a request to a provider, or to an integration's API; null when nobody listens.</summary>
    public static Activity? StartClient(HttpRequestMessage request, string? integration = null)
    {
        var method = MethodOf(request.Method.Method);
        if (!Stages.Source.HasListeners() || Stages.Source.StartActivity(method == Other ? "HTTP" : method, ActivityKind.Client) is not { } span)
            return null;
        span.SetTag("http.request.method", method);
        if (integration is not null)
            span.SetTag("kontext.integration.name", integration);
        SetServer(span, request.RequestUri!);
        return span;
    }

    /// <summary>Notes the status of its answer.</summary>
    public static void Answered(this Activity? span, int status)
    {
        span?.SetTag("http.response.status_code", status);
        if (status >= 400)
            span.Fail(status.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Names the server a client's span is about.</summary>
    public static void SetServer(Activity span, Uri address) => span.SetTag("server.address", address.Host).SetTag("server.port", address.Port);

    // Callers can make others up.
    private static string MethodOf(string method) => Methods.Contains(method) ? method : Other;

    private static bool Note(Activity? span, Exception failed)
    {
        span.Fail(failed.GetType().FullName ?? "exception");
        return false;
    }

    private static void Describe(Activity span, HttpContext context)
    {
        var method = MethodOf(context.Request.Method);
        var route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;
        span.DisplayName = route is null ? method == Other ? "HTTP" : method : $"{method} {route}";
        span.SetTag("http.request.method", method).SetTag("url.scheme", context.Request.Scheme);
        if (route is not null)
            // Where the route has parameters the path may hold a handle that opens something, so the route stands for it.
            span.SetTag("http.route", route).SetTag("url.path", route);
        span.SetTag("http.response.status_code", context.Response.StatusCode);
        if (context.Response.StatusCode >= 500 && span.GetTagItem("error.type") is null)
            span.Fail(context.Response.StatusCode.ToString(CultureInfo.InvariantCulture));
    }
}
