using System.Diagnostics;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Observability;
using Kontext.Functions.Observability;

namespace Kontext.Functions.Mcp;

/// <summary>The gateway's front: one message in, one answer out, in whichever era of the protocol the message is written.</summary>
internal sealed class McpEndpoint(
    KontextSettings settings, AttachedIntegrations attached, Greeting greeting, ToolsList list, ToolsCall call, MetaTools metaTools, ForwardedMethods forwarded,
    ClientSessions sessions, SessionMethods inSession, ChangeStreams listening, McpLimits limits, ClientSightings sightings)
{
    /// <summary>Serves a POST. <paramref name="integration"/> is the address's, null at <c>/mcp</c>.</summary>
    public async Task PostAsync(HttpContext context, string? integration, Func<HttpContext, CancellationToken, ValueTask<bool>> stillAllowed)
    {
        if (CallerOf.Request(context) is not AgentCaller caller)
        {
            await RefuseAsync(context, default, NoAgent);
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
            await RefuseAsync(context, request.Id, NoIntegration);
            return;
        }
        if (request.Batch is not null)
        {
            await BatchAsync(context, caller, only, request.Batch, stillAllowed);
            return;
        }
        var modern = ModernRules.IsModern(context.Request, request);
        if ((request.Id.IsEmpty || request.Method is null ? null : modern ? ModernRules.Fault(context.Request, request) : ModernRules.LegacyFault(context.Request, request)) is { } invalid)
        {
            await RefuseAsync(context, request.Id, invalid);
            return;
        }
        var (session, lost) = modern || request.Method == "initialize" ? default : await SessionAsync(context, caller, only);
        if (lost is not null)
        {
            await RefuseAsync(context, request.Id, lost);
            return;
        }
        if (request.Id.IsEmpty || request.Method is null)
        {
            var unwanted = session is null ? null : await limits.TakeAsync(context, caller, () => inSession.TakeAsync(caller, session, only, request, context.RequestAborted));
            if (unwanted is not null)
                await RefuseAsync(context, request.Id, unwanted);
            else
                context.Response.StatusCode = StatusCodes.Status202Accepted;
            return;
        }
        await sightings.NoteAsync(context, caller, request);
        using var span = McpSpan.Start(context, request);
        await ObserveAsync(new McpExchange(context, caller, request, modern, only) { Session = session }, span, Still(context, caller, only, stillAllowed));
    }

    /// <summary>Serves a batch, one message after the other; what is answered goes out as events (MCP 2025-03-26, batching).</summary>
    private async Task BatchAsync(HttpContext context, AgentCaller caller, Integration? only, IReadOnlyList<(JsonRpcRequest? Message, McpError? Error)> batch, Func<HttpContext, CancellationToken, ValueTask<bool>> stillAllowed)
    {
        var (session, lost) = await SessionAsync(context, caller, only);
        var version = context.Request.Headers["MCP-Protocol-Version"].ToString();
        if ((lost ?? BatchFault(version.Length > 0 ? version : session?.Version, batch.Count)) is { } refused)
        {
            await RefuseAsync(context, default, refused);
            return;
        }
        if (batch.All(one => one.Message is { } silent && (silent.Id.IsEmpty || silent.Method is null)))
            context.Response.StatusCode = StatusCodes.Status202Accepted;
        using var none = JsonRpcRequest.None();
        var events = new McpExchange(context, caller, none, modern: false, only);
        foreach (var (message, invalid) in batch)
        {
            if ((invalid ?? await InBatchAsync(context, caller, only, session, message!, stillAllowed)) is { } wrong)
                await events.NotifyAsync(McpExchange.Body(message?.Id ?? default, wrong));
        }
    }

    /// <summary>Serves one message of a batch; gives what is wrong with it, or null when that was said or nothing is.</summary>
    private async Task<McpError?> InBatchAsync(HttpContext context, AgentCaller caller, Integration? only, ClientSession? session, JsonRpcRequest message, Func<HttpContext, CancellationToken, ValueTask<bool>> stillAllowed)
    {
        if (message.Id.IsEmpty || message.Method is null)
            return session is null ? null : await limits.TakeAsync(context, caller, () => inSession.TakeAsync(caller, session, only, message, context.RequestAborted));
        if (message.Method == "initialize" || ModernRules.IsModern(context.Request, message))
            return new McpError(400, McpProtocol.InvalidRequest, "This message cannot be part of a batch.");
        await sightings.NoteAsync(context, caller, message);
        using var span = McpSpan.Start(context, message);
        var exchange = new McpExchange(context, caller, message, modern: false, only) { Session = session };
        exchange.StartEvents();
        await ObserveAsync(exchange, span, Still(context, caller, only, stillAllowed));
        return null;
    }

    private static McpError? BatchFault(string? version, int count) =>
        version != McpProtocol.Batching ? new McpError(400, McpProtocol.InvalidRequest, "Batches are not accepted: send one message at a time.")
        : count is 0 or > JsonRpcRequest.MaxBatch ? new McpError(400, McpProtocol.InvalidRequest, $"A batch has one to {JsonRpcRequest.MaxBatch} messages.")
        : null;

    /// <summary>Serves a GET: the stream of a session.</summary>
    public Task GetAsync(HttpContext context, string? integration, Func<HttpContext, CancellationToken, ValueTask<bool>> stillAllowed) =>
        InSessionAsync(context, integration, async (caller, session, only) =>
        {
            if (!Accepts(context.Request, "text/event-stream"))
            {
                await RefuseAsync(context, default, new McpError(406, McpProtocol.InvalidRequest, "The client has to accept text/event-stream."));
                return;
            }
            using var none = JsonRpcRequest.None();
            var exchange = new McpExchange(context, caller, none, modern: false, only) { Session = session };
            await limits.StreamAsync(exchange, admitted => listening.StreamAsync(admitted, Still(context, caller, only, stillAllowed)));
        });

    /// <summary>Serves a DELETE: the end of a session.</summary>
    public Task DeleteAsync(HttpContext context, string? integration) => InSessionAsync(context, integration, async (caller, session, only) =>
    {
        await inSession.EndAsync(caller, session, only, context.RequestAborted);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    });

    private static McpError NoAgent => new(403, McpProtocol.InvalidRequest, "The gateway serves agents that act for a person.");

    private static McpError NoIntegration => new(404, McpProtocol.InvalidParams, "This application has no integration of that name.");

    private async Task InSessionAsync(HttpContext context, string? integration, Func<AgentCaller, ClientSession, Integration?, Task> serve)
    {
        if (CallerOf.Request(context) is not AgentCaller caller)
        {
            await RefuseAsync(context, default, NoAgent);
            return;
        }
        if (OriginFault(context.Request) is { } fault)
        {
            await RefuseAsync(context, default, fault);
            return;
        }
        // Clients of 2026-07-28 have no sessions, and older ones may do without.
        if (context.Request.Headers[ClientSessions.Header].Count == 0 || string.CompareOrdinal(context.Request.Headers["MCP-Protocol-Version"].ToString(), McpProtocol.Modern) >= 0)
        {
            context.Response.Headers.Allow = "POST";
            await RefuseAsync(context, default, new McpError(405, McpProtocol.InvalidRequest, "Without a session, only POST is served here."));
            return;
        }
        var only = integration is null ? null : await attached.FindProxiedAsync(caller, integration, context.RequestAborted);
        if (integration is not null && only is null)
        {
            await RefuseAsync(context, default, NoIntegration);
            return;
        }
        var (session, lost) = await SessionAsync(context, caller, only);
        if (session is null)
            await RefuseAsync(context, default, lost!);
        else
            await serve(caller, session, only);
    }

    /// <summary>The session a request names; an error when there is none of that name, on which clients begin anew (contract 4.2). A request may name none.</summary>
    private async ValueTask<(ClientSession? Session, McpError? Lost)> SessionAsync(HttpContext context, AgentCaller caller, Integration? only)
    {
        if (context.Request.Headers[ClientSessions.Header] is not { Count: > 0 } named)
            return default;
        var session = await sessions.FindAsync(caller, only, named.ToString(), context.RequestAborted);
        return (session, session is null ? new McpError(404, McpProtocol.SessionNotFound, $"Session {named.ToString()[..Math.Min(named.ToString().Length, 64)]} not found") : null);
    }

    /// <summary>Whether a stream may go on: its token is good, and the one integration it is about was neither cut off nor moved to another server.</summary>
    private Func<CancellationToken, ValueTask<bool>> Still(HttpContext context, AgentCaller caller, Integration? only, Func<HttpContext, CancellationToken, ValueTask<bool>> stillAllowed) =>
        async cancellationToken => await stillAllowed(context, cancellationToken)
            && (only is null || (await attached.FindProxiedAsync(caller, only.Name, cancellationToken) is { Suspended: false } current && current.Id == only.Id && current.Url == only.Url));

    private async Task ObserveAsync(McpExchange exchange, Activity? span, Func<CancellationToken, ValueTask<bool>> stillAllowed)
    {
        var started = Measures.Timing ? Stopwatch.GetTimestamp() : 0;
        try
        {
            // A stream that waits for changes is no call under way.
            if (exchange is { Modern: true, Request.Method: "subscriptions/listen" })
                await limits.StreamAsync(exchange, subscription => listening.SubscribeAsync(subscription, stillAllowed));
            else
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
            _ when exchange.Session is not null && SessionMethods.Has(method) => inSession.RunAsync(exchange),
            _ when exchange.Only is not null && ForwardedMethods.Has(exchange) => forwarded.RunAsync(exchange),
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
        if (OriginFault(request) is { } foreign)
            return foreign;
        if (request.ContentType is not { } type || !type.Split(';')[0].Trim().Equals("application/json", StringComparison.OrdinalIgnoreCase))
            return new McpError(415, McpProtocol.InvalidRequest, "The content type has to be application/json.");
        return Accepts(request, "application/json") && Accepts(request, "text/event-stream")
            ? null
            : new McpError(406, McpProtocol.InvalidRequest, "The client has to accept application/json and text/event-stream.");
    }

    private McpError? OriginFault(HttpRequest request) => request.Headers.Origin.Count > 0 && !McpOrigin.IsAllowed(settings, request)
        ? new McpError(403, McpProtocol.InvalidRequest, "Requests of this origin are not accepted.")
        : null;

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
