using System.Text;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Mcp;

/// <summary>What clients of the older revisions say about their session: log level, subscriptions, cancellations, answers, its end. Older servers are told in the session opened for the client there;
/// for those of 2026-07-28 it is noted, and said with each request.</summary>
internal sealed class SessionMethods(ClientSessions sessions, ClientQuestions questions, CancelledRequests cancelled, InjectedUpstream upstream, ServerChanges changes, CallRelay relay, FailureReply failures)
{
    private const int MaxSubscriptions = 100;
    private static readonly string[] Levels = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

    /// <summary>Whether a method is one of those that have an answer.</summary>
    public static bool Has(string method) => method is "logging/setLevel" or "resources/subscribe" or "resources/unsubscribe";

    /// <summary>Serves one of them.</summary>
    public async Task RunAsync(McpExchange exchange)
    {
        var (method, session) = (exchange.Request.Method!, exchange.Session!);
        if (method == "logging/setLevel")
        {
            if (exchange.Request.Text("level") is not { } level || !Levels.Contains(level))
            {
                await exchange.ErrorAsync(new McpError(200, McpProtocol.InvalidParams, $"The level has to be one of {string.Join(", ", Levels)}."));
                return;
            }
            await sessions.ChangeAsync(exchange.Caller, session, note => note with { LogLevel = level }, exchange.Aborted);
        }
        else if (exchange.Only is null || exchange.Request.Text("uri") is not { Length: > 0 and <= 2048 } uri)
        {
            await exchange.ErrorAsync(exchange.Only is null
                ? new McpError(404, McpProtocol.MethodNotFound, "This method is not offered.")
                : new McpError(200, McpProtocol.InvalidParams, $"{method} needs uri."));
            return;
        }
        else
        {
            await SubscribeAsync(exchange, session, uri);
            return;
        }
        await exchange.ResultAsync(static _ => { });
    }

    /// <summary>Takes a notification or an answer; gives what is wrong with it, or null.</summary>
    public async Task<McpError?> TakeAsync(AgentCaller caller, ClientSession session, Integration? only, JsonRpcRequest message, CancellationToken cancellationToken)
    {
        if (message.Method is null)
            return message.Id.IsEmpty ? null : await questions.TakeAnswerAsync(caller, session, message, cancellationToken);
        if (message.Method == "notifications/cancelled" && message.Params.ValueKind == JsonValueKind.Object && message.Params.TryGetProperty("requestId", out var id))
            await cancelled.CancelAsync(caller.Org, session, id.GetRawText(), cancellationToken);
        else if (message.Method == "notifications/roots/list_changed" && only is not null && session.Route is { } route)
            await upstream.PostAsync(AccessRequest.Of(caller, only, AccessKind.Discovery), route, """{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"""u8.ToArray(), cancellationToken);
        return null;
    }

    /// <summary>Ends a session, here and at the integration's server.</summary>
    public async Task EndAsync(AgentCaller caller, ClientSession session, Integration? only, CancellationToken cancellationToken)
    {
        await sessions.ChangeAsync(caller, session, static note => note with { Ended = true }, cancellationToken);
        // From here on it is over, whether the server hears of it or not.
        if (only is not null && session.Route is { } route)
            await upstream.EndAsync(AccessRequest.Of(caller, only, AccessKind.Discovery), route, CancellationToken.None);
    }

    private async Task SubscribeAsync(McpExchange exchange, ClientSession session, string uri)
    {
        var (method, wanted) = (exchange.Request.Method!, exchange.Request.Method == "resources/subscribe");
        if (wanted && session.Note is { } note && note.Subscriptions.Length >= MaxSubscriptions)
        {
            await exchange.ErrorAsync(new McpError(200, McpProtocol.InvalidParams, $"A session has at most {MaxSubscriptions} subscriptions."));
            return;
        }
        var server = session.Upstream(exchange.Only!)!;
        var modern = (await changes.DescribeAsync(exchange, server)).TryGet(out var described, out _) && described.Modern;
        // An older server is asked itself, on the way to which the method is decided like any other.
        if (wanted && await changes.RefusalAsync(exchange, server, uri, readOnly: !modern) is { } refused)
        {
            await failures.AnswerAsync(exchange, refused);
            return;
        }
        await sessions.ChangeAsync(exchange.Caller, session, current => current with { Subscriptions = wanted ? [.. current.Subscriptions.Remove(uri), uri] : current.Subscriptions.Remove(uri) }, exchange.Aborted);
        if (modern)
            await exchange.ResultAsync(static _ => { });
        else
            await relay.RunAsync(exchange, exchange.Only!, method, exchange.Request.Params, Encoding.UTF8.GetBytes(exchange.Request.Params.GetRawText()), new McpRequest
            {
                Method = method,
                Members = UpstreamTool.MembersOf(exchange.Request.Params, "_meta"),
                Meta = exchange.Request.Meta,
            });
    }
}
