using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Gateway;

namespace Kontext.Functions.Mcp;

/// <summary>How far an answer got. Neither a retry nor a question: it is written to its end.</summary>
internal readonly record struct AnswerEnd
{
    /// <summary>Further members for the request, which has to be made again with what the client answered.</summary>
    public ReadOnlyMemory<byte> Retry { get; init; }

    /// <summary>What the server asks a client of 2026-07-28, which has to be told in place of the result: a whole JSON-RPC request. Empty when there is nothing.</summary>
    public ReadOnlyMemory<byte> Question { get; init; }
}

/// <summary>Passes a server's answer on to the client as it comes, in the words of the client's revision. The end of the call is on record before the last byte leaves.</summary>
internal sealed class AnswerWriter(FailureReply failures, ClientQuestions questions, AskedInput input, ListedItems items, TaskOwners tasks)
{
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(15);

    /// <summary>Writes the whole answer, of which the first part was read already, or as much of it as there is before somebody has to be asked. Ends early when the client goes away or cancels the request.</summary>
    public async Task<AnswerEnd> WriteAsync(McpExchange exchange, OngoingCall call, Result<AnswerPart> first, CancellationToken cancellationToken)
    {
        var next = first;
        var begun = false;
        var list = ListedItems.Has(exchange.Request.Method) ? new ArrayBufferWriter<byte>() : null;
        while (true)
        {
            if (!next.TryGet(out var part, out var failure))
            {
                await call.CompleteAsync(CallOutcome.Of(failure));
                await FailAsync(exchange, failure, begun);
                return default;
            }
            switch (part.Kind)
            {
                case AnswerPartKind.Question:
                    if (AskedInput.CanPark(exchange, call.Answer, part.Bytes))
                        return new AnswerEnd { Question = part.Bytes.ToArray() };
                    if (await questions.TryPutAsync(exchange, call.Integration, call.Answer.Route, part.Bytes))
                        call.Answer.AwaitPerson();
                    else
                        await questions.RefuseAsync(exchange, call.Integration, call.Answer.Route, part.Bytes);
                    break;
                case AnswerPartKind.Notification:
                    await NotifyAsync(exchange, call, part.Bytes);
                    break;
                case AnswerPartKind.Error:
                    await EndWithErrorAsync(exchange, call, part.Bytes);
                    return default;
                case AnswerPartKind.Result:
                    if (part.Last && !begun && call.Answer.ResultType == "input_required" && !exchange.Modern)
                    {
                        if (await input.AskAsync(exchange, call, part.Bytes, cancellationToken) is { IsEmpty: false } answers)
                            return new AnswerEnd { Retry = answers };
                        await CannotAskAsync(exchange, call, part.Bytes);
                        return default;
                    }
                    if (list is not null)
                    {
                        list.Write(part.Bytes.Span);
                        if (list.WrittenCount <= ListedItems.MaxBytes && !part.Last)
                            break;
                        if (!(await FilterAsync(exchange, call, list)).TryGet(out var allowed, out failure))
                        {
                            await call.CompleteAsync(CallOutcome.Of(failure));
                            await FailAsync(exchange, failure, begun);
                            return default;
                        }
                        part = part with { Bytes = allowed };
                    }
                    if (part.Last && !(await call.CompleteAsync(call.Answer.IsError ? CallOutcome.ToolError : CallOutcome.Ok)).TryGet(out _, out failure))
                    {
                        await FailAsync(exchange, failure, begun);
                        return default;
                    }
                    // What tells of a task is short and comes in one part. Its client may ask for it at another instance at once.
                    if (part.Last && !begun && TaskOwners.MayBeTask(exchange, call.Answer.ResultType))
                        await tasks.NoteAsync(exchange, part.Bytes);
                    if (part.Last && call.Answer.IsError)
                        exchange.ErrorType ??= "tool_error";
                    if (!begun)
                        BeginResult(exchange);
                    begun = begun || !part.Bytes.IsEmpty;
                    exchange.Write(part.Bytes.Span);
                    if (part.Last)
                    {
                        EndResult(exchange, call.Answer.ResultType, call.Answer.TtlMs, empty: !begun);
                        await exchange.EndMessageAsync();
                        return default;
                    }
                    begun = true;
                    await exchange.Http.Response.BodyWriter.FlushAsync(exchange.Aborted);
                    break;
            }
            next = await NextAsync(exchange, call, streaming: begun, cancellationToken);
        }
    }

    /// <summary>Writes a result that was kept as a whole.</summary>
    public static async Task WriteKeptAsync(McpExchange exchange, ReadOnlyMemory<byte> members)
    {
        BeginResult(exchange);
        exchange.Write(members.Span);
        EndResult(exchange, resultType: null, ttl: 0, empty: members.IsEmpty);
        await exchange.EndMessageAsync();
    }

    /// <summary>Waits for the next part. While there is nothing to send on a stream of events, the client is told that we still wait.</summary>
    private static async ValueTask<Result<AnswerPart>> NextAsync(McpExchange exchange, OngoingCall call, bool streaming, CancellationToken cancellationToken)
    {
        var next = call.NextAsync(cancellationToken);
        if (next.IsCompleted || streaming || !exchange.Events)
            return await next;
        var waiting = next.AsTask();
        while (await Task.WhenAny(waiting, Task.Delay(KeepAlive, CancellationToken.None)) != waiting)
            await exchange.KeepAliveAsync();
        return await waiting;
    }

    private async Task<Result<ReadOnlyMemory<byte>>> FilterAsync(McpExchange exchange, OngoingCall call, ArrayBufferWriter<byte> list) =>
        list.WrittenCount <= ListedItems.MaxBytes
            ? await items.FilterAsync(exchange, call.Integration, list.WrittenMemory)
            : new Failure(FailureCode.UpstreamFailed, $"{call.Integration.Name} answered {exchange.Request.Method} with more than {ListedItems.MaxBytes / 1024 / 1024} MiB.");

    private async Task FailAsync(McpExchange exchange, Failure failure, bool begun)
    {
        if (!begun)
            await failures.AnswerAsync(exchange, failure);
        else
            // Half a result is out: only breaking off tells the client that the rest is missing.
            exchange.Http.Abort();
    }

    private static void BeginResult(McpExchange exchange)
    {
        exchange.BeginMessage(StatusCodes.Status200OK);
        exchange.Write("{\"jsonrpc\":\"2.0\",\"id\":"u8);
        exchange.Write(exchange.Request.Id.Span);
        exchange.Write(",\"result\":{"u8);
    }

    /// <summary>Adds what 2026-07-28 demands of each result. Whatever the server says, a list that was fetched for one person is not for others.</summary>
    private static void EndResult(McpExchange exchange, string? resultType, long ttl, bool empty)
    {
        if (exchange.Modern)
        {
            exchange.Write(empty ? "\"resultType\":"u8 : ",\"resultType\":"u8);
            exchange.Write(JsonEncodedText.Encode(resultType ?? "complete") is var type ? Encoding.UTF8.GetBytes($"\"{type}\"") : default);
            if (exchange.Request.Method is "resources/list" or "resources/templates/list" or "resources/read" or "prompts/list" && resultType is null or "complete")
                exchange.Write(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $",\"ttlMs\":{ttl},\"cacheScope\":\"private\"")));
        }
        exchange.Write("}}"u8);
    }

    /// <summary>Progress always belongs to the request; log messages do to those who asked for them. The rest concerns the session between us and the server.</summary>
    private async Task NotifyAsync(McpExchange exchange, OngoingCall call, ReadOnlyMemory<byte> message)
    {
        using (var notification = JsonDocument.Parse(message))
        {
            var wanted = JsonRpcRequest.TextOf(notification.RootElement, "method") switch
            {
                "notifications/progress" => true,
                "notifications/resources/updated" => exchange.Session is not null && exchange.Only is not null
                    && notification.RootElement.TryGetProperty("params", out var changed) && JsonRpcRequest.TextOf(changed, "uri") is { } uri
                    && await items.MayHearAsync(exchange.Caller, call.Integration, uri, exchange.Aborted),
                // In a session, the server's other notifications are meant for its client as well.
                not null when exchange.Session is not null && exchange.Only is not null => true,
                "notifications/elicitation/complete" => exchange.Session is not null,
                "notifications/message" => !exchange.Modern || (exchange.Request.Meta.ValueKind == JsonValueKind.Object && exchange.Request.Meta.TryGetProperty(McpProtocol.MetaLogLevel, out _)),
                _ => false,
            };
            if (!wanted)
                return;
        }
        await exchange.NotifyAsync(message);
    }

    private async Task EndWithErrorAsync(McpExchange exchange, OngoingCall call, ReadOnlyMemory<byte> raw)
    {
        using var document = JsonDocument.Parse(raw);
        var error = document.RootElement;
        var code = CodeOf(error) ?? McpProtocol.InternalError;
        var message = JsonRpcRequest.TextOf(error, "message") ?? "The integration answered with an error.";
        if (!(await call.CompleteAsync(CallOutcome.RemoteError with { ErrorMessage = $"{code.ToString(CultureInfo.InvariantCulture)} {message[..Math.Min(message.Length, 500)]}" })).TryGet(out _, out var unrecorded))
        {
            await failures.AnswerAsync(exchange, unrecorded);
            return;
        }
        await RemoteErrors.AnswerAsync(exchange, error);
    }

    /// <summary>A server of 2026-07-28 wants to ask the person something, which an older client without a session cannot be told (protocols 1.5).</summary>
    private async Task CannotAskAsync(McpExchange exchange, OngoingCall call, ReadOnlyMemory<byte> members)
    {
        if (!(await call.CompleteAsync(new CallOutcome("warn", "input_required"))).TryGet(out _, out var unrecorded))
        {
            await failures.AnswerAsync(exchange, unrecorded);
            return;
        }
        using var result = JsonDocument.Parse((byte[])[.. "{"u8, .. members.Span, .. "}"u8], JsonText.Deep);
        var lines = new List<string> { "The integration asks for input, which this client's revision of MCP cannot deliver through the gateway." };
        if (result.RootElement.TryGetProperty("inputRequests", out var requests) && requests.ValueKind == JsonValueKind.Object)
        {
            foreach (var request in requests.EnumerateObject())
            {
                if (request.Value.ValueKind == JsonValueKind.Object && request.Value.TryGetProperty("params", out var parameters))
                    lines.AddRange(new[] { JsonRpcRequest.TextOf(parameters, "message"), JsonRpcRequest.TextOf(parameters, "url") }.OfType<string>());
            }
        }
        var text = string.Join('\n', lines);
        if (exchange.Request.Method == "tools/call")
        {
            await exchange.ResultAsync(writer =>
            {
                ConnectOffer.WriteText(writer, text);
                writer.WriteBoolean("isError"u8, true);
            });
            return;
        }
        await exchange.ErrorAsync(new McpError(200, McpProtocol.InternalError, text));
    }

    /// <summary>The code of an error object; null when it has none.</summary>
    public static int? CodeOf(JsonElement error) =>
        error.ValueKind == JsonValueKind.Object && error.TryGetProperty("code", out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var code) ? code : null;
}
