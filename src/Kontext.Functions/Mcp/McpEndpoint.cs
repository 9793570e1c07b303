using System.Diagnostics;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Observability;
using Kontext.Functions.Observability;

namespace Kontext.Functions.Mcp;

/// <summary>The gateway's front: one message in, one answer out, in whichever era of the protocol the message is written.</summary>
internal sealed class McpEndpoint(
    KontextSettings settings, AttachedIntegrations attached, Greeting greeting, ToolsList list, ToolsCall call, MetaTools metaTools, ForwardedMethods forwarded, McpLimits limits, ClientSightings sightings)
{
    /// <summary>Serves a POST. <paramref name="integration"/> is the address's, null at <c>/mcp</c>.</summary>
    public async Task PostAsync(HttpContext context, string? integration)
    {
        if (CallerOf.Request(context) is not AgentCaller caller)
        {
            await RefuseAsync(context, default, new McpError(403, McpProtocol.InvalidRequest, "The gateway serves agents that act for a person."));
            return;
        }
        if (TransportFault(context.Request) is { } fault)
        {
            await RefuseAsync(context, default, fault);
            return;
        }
        var (read, unreadable) = await JsonRpcRequest.ReadAsync(context.Request, settings.Limits.Calls.MessageBytes, context.RequestAborted);
        if (read is null)
        {
            await RefuseAsync(context, default, unreadable!);
            return;
        }
        using var request = read;
        var only = integration is null ? null : await attached.FindProxiedAsync(caller, integration, context.RequestAborted);
        if (integration is not null && only is null)
        {
            await RefuseAsync(context, request.Id, new McpError(404, McpProtocol.InvalidParams, "This application has no integration of that name."));
            return;
        }
        var modern = ModernRules.IsModern(context.Request, request);
        if ((request.Id.IsEmpty || request.Method is null ? null : modern ? ModernRules.Fault(context.Request, request) : ModernRules.LegacyFault(context.Request, request)) is { } invalid)
        {
            await RefuseAsync(context, request.Id, invalid);
            return;
        }
        // Notifications, and responses to questions nobody asked, are taken note of and nothing more.
        if (request.Id.IsEmpty || request.Method is null)
        {
            context.Response.StatusCode = StatusCodes.Status202Accepted;
            return;
        }
        await sightings.NoteAsync(context, caller, request);
        using var span = McpSpan.Start(context, request);
        await ObserveAsync(new McpExchange(context, caller, request, modern, only), span);
    }

    /// <summary>Answers what this transport has no use for: there is no stream to open and no session to end.</summary>
    public static Task RefuseMethod(HttpContext context)
    {
        context.Response.Headers.Allow = "POST";
        return RefuseAsync(context, default, new McpError(405, McpProtocol.InvalidRequest, "Only POST is served here."));
    }

    private async Task ObserveAsync(McpExchange exchange, Activity? span)
    {
        var started = Measures.Timing ? Stopwatch.GetTimestamp() : 0;
        try
        {
            await limits.RunAsync(exchange, DispatchAsync);
        }
        finally
        {
            var error = exchange.Aborted.IsCancellationRequested ? "cancelled" : exchange.ErrorType;
            if (error is not null)
                span.Fail(error);
            if (started != 0)
                Measures.ServerOperation(McpSpan.MethodOf(exchange.Request.Method), error, Stopwatch.GetElapsedTime(started));
        }
    }

    private Task DispatchAsync(McpExchange exchange)
    {
        var method = exchange.Request.Method!;
        return method switch
        {
            "tools/call" when exchange.Request.Text("name") is { Length: > 0 } name => CallAsync(exchange, name),
            "tools/call" => exchange.ErrorAsync(new McpError(200, McpProtocol.InvalidParams, "tools/call needs a name.")),
            "tools/list" => list.RunAsync(exchange),
            "server/discover" when exchange.Modern => greeting.DiscoverAsync(exchange),
            "initialize" when !exchange.Modern => greeting.InitializeAsync(exchange),
            "ping" when !exchange.Modern => exchange.ResultAsync(static _ => { }),
            _ when exchange.Only is not null && ForwardedMethods.Has(method) => forwarded.RunAsync(exchange),
            _ => exchange.ErrorAsync(new McpError(404, McpProtocol.MethodNotFound, "This method is not offered.")),
        };
    }

    private Task CallAsync(McpExchange exchange, string name)
    {
        // Clients leave the arguments out when there are none (protocols 3.5).
        var arguments = exchange.Request.Params.TryGetProperty("arguments", out var given) ? given : default;
        return exchange.Only is null && MetaTools.Has(name) ? metaTools.RunAsync(exchange, name, arguments) : call.RunAsync(exchange, name, arguments);
    }

    private McpError? TransportFault(HttpRequest request)
    {
        if (request.Headers.Origin.Count > 0 && !McpOrigin.IsAllowed(settings, request))
            return new McpError(403, McpProtocol.InvalidRequest, "Requests of this origin are not accepted.");
        if (request.ContentType is not { } type || !type.Split(';')[0].Trim().Equals("application/json", StringComparison.OrdinalIgnoreCase))
            return new McpError(415, McpProtocol.InvalidRequest, "The content type has to be application/json.");
        return Accepts(request, "application/json") && Accepts(request, "text/event-stream")
            ? null
            : new McpError(406, McpProtocol.InvalidRequest, "The client has to accept application/json and text/event-stream.");
    }

    private static bool Accepts(HttpRequest request, string mediaType)
    {
        foreach (var header in request.Headers.Accept)
        {
            foreach (var range in (header ?? "").Split(',', StringSplitOptions.TrimEntries))
            {
                var name = range.Split(';')[0].Trim();
                if (name == "*/*" || name.Equals(mediaType, StringComparison.OrdinalIgnoreCase) || (name.EndsWith("/*", StringComparison.Ordinal) && mediaType.StartsWith(name[..^1], StringComparison.OrdinalIgnoreCase)))
                    return true;
            }
        }
        return false;
    }

    private static async Task RefuseAsync(HttpContext context, ReadOnlyMemory<byte> id, McpError error)
    {
        context.Response.StatusCode = error.Status;
        context.Response.ContentType = "application/json";
        await context.Response.BodyWriter.WriteAsync(McpExchange.Body(id, error), context.RequestAborted);
    }
}
