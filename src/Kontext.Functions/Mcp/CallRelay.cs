using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Mcp;

/// <summary>Makes a call for a client and passes the answer on, asking the client in between what the server wants to know, in the ways of both their revisions.</summary>
internal sealed class CallRelay(ToolCall calls, InjectedUpstream upstream, AnswerWriter answers, ParkedCalls parked, CancelledRequests cancelled, FailureReply failures)
{
    private const int MaxRounds = 16;
    private readonly ConcurrentDictionary<string, bool> busy = new(StringComparer.Ordinal);

    /// <summary>Calls; false when <paramref name="redo"/> recognized the server's first word as one that the caller can do better about.</summary>
    public async Task<bool> RunAsync(McpExchange exchange, Integration integration, string operation, JsonElement arguments, ReadOnlyMemory<byte> raw, McpRequest request, Func<OngoingCall, Result<AnswerPart>, Task<bool>>? redo = null)
    {
        if (ParkedCalls.IsContinued(exchange))
        {
            // What was permitted when the call began may be denied since then.
            var access = AccessRequest.Of(exchange.Caller, integration, AccessKind.Operation, operation) with { Arguments = raw, Target = CallTarget.Of(arguments), TraceId = exchange.TraceId };
            if (await upstream.ObjectionAsync(access, exchange.Aborted) is { } denied)
                await failures.AnswerAsync(exchange, denied);
            else
                await parked.ContinueAsync(exchange, integration, operation);
            return true;
        }
        var session = exchange.Session?.Upstream(integration) ?? Alone(exchange);
        request = request with { Session = session, LogLevel = LogLevelOf(exchange), Tasks = exchange.Only is not null };
        var members = request.Members;
        // A call that waits for an answer outlives the exchange it began in, and one in a session can be cancelled by another message.
        var end = session is null && exchange.Session is null ? null : new CancellationTokenSource();
        using var watched = end is null || exchange.Session is null ? null : cancelled.Watch(exchange, end);
        var gone = end is null ? default : exchange.Aborted.Register(end.Cancel);
        var ended = end?.Token ?? exchange.Aborted;
        var handedOver = false;
        try
        {
            for (var round = 0; ; round++)
            {
                if (!(await calls.RunAsync(exchange.Caller, integration, operation, arguments, raw, exchange.TraceId, request, ended)).TryGet(out var call, out var failure))
                {
                    await failures.AnswerAsync(exchange, failure);
                    return true;
                }
                try
                {
                    var first = await call.NextAsync(ended);
                    if (round == 0 && redo is not null && await redo(call, first))
                        return false;
                    var written = await answers.WriteAsync(exchange, call, first, ended);
                    if (!written.Question.IsEmpty)
                    {
                        handedOver = true;
                        gone.Unregister();
                        await parked.ParkAsync(exchange, call, operation, written.Question, () => Release(end, session));
                        return true;
                    }
                    if (written.Retry.IsEmpty)
                        return true;
                    if (round == MaxRounds)
                    {
                        await exchange.ErrorAsync(new McpError(200, McpProtocol.InternalError, $"{integration.Name} does not stop asking."));
                        return true;
                    }
                    request = request with { Members = (byte[])[.. members.Span, .. members.IsEmpty ? ""u8 : ","u8, .. written.Retry.Span] };
                }
                finally
                {
                    if (!handedOver)
                        await call.DisposeAsync();
                }
            }
        }
        catch (OperationCanceledException) when (end is { IsCancellationRequested: true } && !exchange.Aborted.IsCancellationRequested)
        {
            exchange.EndCancelled();
            return true;
        }
        finally
        {
            await gone.DisposeAsync();
            if (!handedOver)
                Release(end, session);
        }
    }

    /// <summary>Older servers ask in a session, not in a call: a client of 2026-07-28 that can be asked gets one that no other call uses at the time, so that it is clear which call a question belongs to.</summary>
    private McpClientSession? Alone(McpExchange exchange)
    {
        if (!exchange.Modern || ClientSession.CapabilitiesOf(exchange.Request.Meta.GetProperty(McpProtocol.MetaCapabilities)) is not { Length: > 2 } capabilities)
            return null;
        var name = $"alone\n{exchange.Caller.User.Id}\n{exchange.Caller.Application.Id}\n{capabilities}";
        for (var place = 0; ; place++)
        {
            if (busy.TryAdd($"{name}\n{place}", true))
                return new McpClientSession($"{name}\n{place}", Encoding.UTF8.GetBytes(capabilities));
        }
    }

    private void Release(CancellationTokenSource? end, McpClientSession? session)
    {
        end?.Dispose();
        if (session is not null)
            busy.TryRemove(session.Id, out _);
    }

    /// <summary>The level an older client chose, or what servers of its revisions send to those that have not (MCP 2025-11-25, logging).</summary>
    private static string? LogLevelOf(McpExchange exchange) => exchange.Modern || exchange.Session is null ? null : exchange.Session.Note?.LogLevel ?? "info";
}
