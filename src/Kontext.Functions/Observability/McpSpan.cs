using System.Diagnostics;
using System.Text;
using Kontext.Domain.Observability;
using Kontext.Functions.Mcp;

namespace Kontext.Functions.Observability;

/// <summary>The span of an agent's MCP request (OpenTelemetry conventions for MCP). It follows the trace that the message names in <c>_meta</c>, and links the HTTP request that brought it.</summary>
internal static class McpSpan
{
    private const int MaxName = 128;
    private static readonly HashSet<string> Methods =
    [
        "initialize", "ping", "server/discover", "tools/list", "tools/call", "resources/list", "resources/read", "resources/templates/list", "prompts/list", "prompts/get", "completion/complete",
        "subscriptions/listen", "logging/setLevel", "resources/subscribe", "resources/unsubscribe",
    ];

    /// <summary>A method's name as telemetry may hold it: callers can make others up.</summary>
    public static string MethodOf(string? method) => method is not null && Methods.Contains(method) ? method : "_OTHER";

    /// <summary>Begins it. Without anybody listening it exists only when the message names a trace of its own, so that everything that is done and recorded for it belongs to that trace.</summary>
    public static Activity? Start(HttpContext context, JsonRpcRequest request)
    {
        var sent = TraceParent.Read(JsonRpcRequest.TextOf(request.Meta, "traceparent"), JsonRpcRequest.TextOf(request.Meta, "tracestate"));
        // The framework follows the header, except where an installation logs nothing at all.
        if (sent is null && Activity.Current is null)
            sent = TraceParent.Read(context.Request.Headers.TraceParent, context.Request.Headers.TraceState);
        if (!Stages.Source.HasListeners())
            return sent is null ? null : Carry(sent.Value);
        var method = MethodOf(request.Method);
        IEnumerable<ActivityLink>? links = sent is not null && Activity.Current is { } transport ? [new ActivityLink(transport.Context)] : null;
        var span = Stages.Source.StartActivity(method, ActivityKind.Server, sent ?? Activity.Current?.Context ?? default, tags: null, links) ?? (sent is null ? null : Carry(sent.Value));
        if (span is { IsAllDataRequested: true })
        {
            span.SetTag("mcp.method.name", method).SetTag("network.transport", "tcp").SetTag("network.protocol.name", "http");
            if (request.Id.Length is > 0 and <= MaxName)
                span.SetTag("jsonrpc.request.id", Encoding.UTF8.GetString(request.Id.Span).Trim('"'));
        }
        return span;
    }

    /// <summary>Says which tool of which integration the request turned out to be about.</summary>
    public static void NameTool(string integration, string tool)
    {
        if (Activity.Current is not { IsAllDataRequested: true, Source.Name: Stages.Name } span || tool.Length > MaxName)
            return;
        span.SetTag("gen_ai.operation.name", "execute_tool").SetTag("gen_ai.tool.name", tool).SetTag("kontext.integration.name", integration);
        span.DisplayName = $"{span.OperationName} {tool}";
    }

    private static Activity Carry(ActivityContext context)
    {
        var carrier = new Activity("mcp").SetParentId(context.TraceId, context.SpanId, context.TraceFlags);
        carrier.TraceStateString = context.TraceState;
        carrier.IsAllDataRequested = false;
        return carrier.Start();
    }
}
