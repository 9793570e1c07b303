using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Vault;
using Kontext.Functions.Limits;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Mcp;

/// <summary>A call that goes on at an older server while a client of 2026-07-28 has been told to answer a question: what the client brings back with the answer, sealed.</summary>
/// <param name="User">Whose call it is.</param>
/// <param name="Application">Whose call it is.</param>
/// <param name="Integration">Whom it was made to.</param>
/// <param name="Operation">What was called.</param>
/// <param name="Name">Names the call between instances.</param>
/// <param name="Turn">How many questions came before.</param>
/// <param name="Route">The server's session.</param>
/// <param name="Id">The server's id for its question, as JSON.</param>
/// <param name="Question">The question: method and parameters, as JSON.</param>
/// <param name="ExpiresAt">When the call is given up.</param>
internal sealed record ParkedState(UserId User, AppId Application, IntegrationId Integration, string Operation, string Name, int Turn, string Route, string Id, string Question, DateTimeOffset ExpiresAt);

/// <summary>Bridges the questions of older servers to clients of 2026-07-28: the client gets <c>input_required</c>, the call waits on this instance, and whichever instance the client
/// brings its answer to sends it to the server's session and gets the rest of the call from here (protocols 1.5).</summary>
internal sealed class ParkedCalls(ISealer sealer, IMcpMailbox mailbox, InjectedUpstream upstream, CallLimits limits, TimeProvider time, ILogger<ParkedCalls> log)
{
    private const string Prefix = "kontext-parked:";
    private const string Purpose = "mcp-parked";
    private const string Key = "question";
    private const int MaxKept = 8 * 1024 * 1024;
    private const int MaxMailed = 256 * 1024;
    private const int MaxQuestions = 16;
    private const byte Result = (byte)'r', Error = (byte)'e', Asked = (byte)'q', Failed = (byte)'x';
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);
    private readonly ConcurrentDictionary<string, TaskCompletionSource<byte[]>> here = new(StringComparer.Ordinal);

    /// <summary>How many words of servers are waited for or wait to be taken on this instance.</summary>
    public int Waiting => here.Count;

    /// <summary>Whether a request continues such a call.</summary>
    public static bool IsContinued(McpExchange exchange) => exchange.Modern && exchange.Request.Text("requestState")?.StartsWith(Prefix, StringComparison.Ordinal) == true;

    /// <summary>Tells the client the question and lets the call wait, unless it is one too many. The call ends by itself.</summary>
    public async Task ParkAsync(McpExchange exchange, OngoingCall call, string operation, ReadOnlyMemory<byte> question, Action done)
    {
        var state = new ParkedState(
            exchange.Caller.User.Id, exchange.Caller.Application.Id, call.Integration.Id, operation, RandomValue.Token(), Turn: 0, call.Answer.Route!, "", "", time.GetUtcNow() + Patience);
        var waits = false;
        try
        {
            // The request that began the call is answered and counts no more, but the call goes on.
            var admission = await limits.ParkAsync(exchange.Caller);
            if (admission.Refusal is { } refused)
            {
                await call.CompleteAsync(new CallOutcome("error_proxy", "rate_limited", refused.Message));
                await exchange.ErrorAsync(McpErrors.Of(refused));
                return;
            }
            here[BoxOf(state)] = new(TaskCreationOptions.RunContinuationsAsynchronously);
            call.Answer.AwaitPerson();
            waits = true;
            _ = GoOnAsync(exchange.Caller.Org, call, state, () =>
            {
                admission.Dispose();
                done();
            });
        }
        finally
        {
            if (!waits)
            {
                await call.DisposeAsync();
                done();
            }
        }
        await AskAsync(exchange, state, question);
    }

    /// <summary>Takes the client's answer to the server, and the rest of the call to the client.</summary>
    public async Task ContinueAsync(McpExchange exchange, Integration integration, string operation)
    {
        var opened = await sealer.OpenAsync(exchange.Caller.Org, Purpose, exchange.Request.Text("requestState")![Prefix.Length..], exchange.Aborted);
        var state = opened is null ? null : JsonSerializer.Deserialize(opened.Reveal(), SealedJson.Default.ParkedState)!;
        if (state is null || state.User != exchange.Caller.User.Id || state.Application != exchange.Caller.Application.Id || state.Integration != integration.Id || state.Operation != operation || state.ExpiresAt <= time.GetUtcNow())
        {
            await exchange.ErrorAsync(new McpError(200, McpProtocol.InvalidParams, "The requestState is not one that this call was answered with, or it is too old. Make the call anew."));
            return;
        }
        if (!exchange.Request.Params.TryGetProperty("inputResponses", out var responses) || responses.ValueKind != JsonValueKind.Object || !responses.TryGetProperty(Key, out var answer) || answer.ValueKind != JsonValueKind.Object)
        {
            await RepeatAsync(exchange, state);
            return;
        }
        var message = (byte[])[.. "{\"jsonrpc\":\"2.0\",\"id\":"u8, .. Encoding.UTF8.GetBytes(state.Id), .. ",\"result\":"u8, .. JsonMarshal.GetRawUtf8Value(answer), (byte)'}'];
        var access = AccessRequest.Of(exchange.Caller, integration, AccessKind.Discovery) with { TraceId = exchange.TraceId };
        if (!(await upstream.PostAsync(access, state.Route, message, exchange.Aborted)).TryGet(out _, out var failure))
        {
            await exchange.ErrorAsync(McpErrors.Of(failure));
            return;
        }
        await DeliverAsync(exchange, state, await TakeAsync(exchange, state));
    }

    private static string BoxOf(ParkedState state) => $"parked\n{state.Name}\n{state.Turn}";

    private async Task<byte[]?> TakeAsync(McpExchange exchange, ParkedState state)
    {
        if (!here.TryGetValue(BoxOf(state), out var local))
            return await mailbox.TakeAsync(exchange.Caller.Org, BoxOf(state), AnswerLimit, exchange.Aborted);
        try
        {
            return await local.Task.WaitAsync(AnswerLimit, time, exchange.Aborted);
        }
        catch (TimeoutException)
        {
            return null;
        }
        finally
        {
            here.TryRemove(BoxOf(state), out _);
        }
    }

    private async Task DeliverAsync(McpExchange exchange, ParkedState state, byte[]? said)
    {
        if (said is null)
            await exchange.ErrorAsync(new McpError(200, McpProtocol.InternalError, "The call did not go on in time. Make it anew."));
        else if (said[0] == Result)
            await AnswerWriter.WriteKeptAsync(exchange, said.AsMemory(1));
        else if (said[0] == Asked)
            await AskAsync(exchange, state with { Turn = state.Turn + 1 }, said.AsMemory(1));
        else if (said[0] == Failed)
            await exchange.ErrorAsync(new McpError(200, McpProtocol.InternalError, Encoding.UTF8.GetString(said.AsSpan(1))));
        else
        {
            using var error = JsonDocument.Parse(said.AsMemory(1));
            await RemoteErrors.AnswerAsync(exchange, error.RootElement);
        }
    }

    private async Task AskAsync(McpExchange exchange, ParkedState state, ReadOnlyMemory<byte> question)
    {
        using var message = JsonDocument.Parse(question);
        await RepeatAsync(exchange, state with
        {
            Id = message.RootElement.GetProperty("id").GetRawText(),
            Question = $"{{{Encoding.UTF8.GetString(UpstreamTool.MembersOf(message.RootElement, "jsonrpc", "id").Span)}}}",
        });
    }

    private async Task RepeatAsync(McpExchange exchange, ParkedState state)
    {
        var text = Prefix + await sealer.SealAsync(exchange.Caller.Org, Purpose, new Secret(JsonSerializer.Serialize(state, SealedJson.Default.ParkedState)), exchange.Aborted);
        await exchange.ResultAsync(
            writer =>
            {
                writer.WriteStartObject("inputRequests"u8);
                writer.WritePropertyName(Key);
                writer.WriteRawValue(state.Question, skipInputValidation: true);
                writer.WriteEndObject();
                writer.WriteString("requestState"u8, text);
            },
            "input_required");
    }

    /// <summary>Reads the call to its end for whoever brings the answers. The record of its end is written before that is known to anybody.</summary>
    private async Task GoOnAsync(OrgId org, OngoingCall call, ParkedState state, Action done)
    {
        try
        {
            await using var _ = call;
            var kept = new ArrayBufferWriter<byte>();
            kept.Write([Result]);
            while (true)
            {
                if (!(await call.NextAsync(CancellationToken.None)).TryGet(out var part, out var failure))
                {
                    await call.CompleteAsync(CallOutcome.Of(failure));
                    await PutAsync(org, call, state, [Failed, .. Encoding.UTF8.GetBytes(failure.Message)]);
                    return;
                }
                if (part.Kind == AnswerPartKind.Question)
                {
                    var next = state with { Turn = state.Turn + 1 };
                    if (next.Turn == MaxQuestions)
                    {
                        var endless = $"{call.Integration.Name} does not stop asking.";
                        await call.CompleteAsync(CallOutcome.RemoteError with { ErrorMessage = endless });
                        await PutAsync(org, call, state, [Failed, .. Encoding.UTF8.GetBytes(endless)]);
                        return;
                    }
                    here[BoxOf(next)] = new(TaskCreationOptions.RunContinuationsAsynchronously);
                    await PutAsync(org, call, state, [Asked, .. part.Bytes.Span]);
                    Superseded(state);
                    state = next;
                    call.Answer.AwaitPerson();
                }
                else if (part.Kind == AnswerPartKind.Result)
                    kept.Write(part.Bytes.Span);
                if (kept.WrittenCount > MaxKept)
                {
                    await PutAsync(org, call, state, [Failed, .. "The result is too large for a call in which something was asked."u8]);
                    return;
                }
                if (!part.Last)
                    continue;
                var outcome = part.Kind == AnswerPartKind.Error ? CallOutcome.RemoteError : call.Answer.IsError ? CallOutcome.ToolError : CallOutcome.Ok;
                var said = part.Kind == AnswerPartKind.Error ? (byte[])[Error, .. part.Bytes.Span] : kept.WrittenSpan.ToArray();
                await PutAsync(org, call, state, (await call.CompleteAsync(outcome)).TryGet(out var _, out failure) ? said : [Failed, .. Encoding.UTF8.GetBytes(failure.Message)]);
                return;
            }
        }
        catch (Exception broken)
        {
            // Nobody awaits this, but somebody waits for the call.
            Log.ParkedCallBroke(log, call.Integration.Name, broken);
            await PutAsync(org, call, state, [Failed, .. "The call broke off. Make it anew."u8]);
        }
        finally
        {
            done();
            // Whoever comes later finds it in the mailbox.
            await Task.Delay(AnswerLimit, time);
            here.TryRemove(BoxOf(state), out var _);
            Superseded(state);
        }
    }

    /// <summary>Forgets what the server said before: the answer to it came, here or elsewhere. Whoever asks for it once more finds it in the mailbox.</summary>
    private void Superseded(ParkedState by) => here.TryRemove(BoxOf(by with { Turn = by.Turn - 1 }), out _);

    /// <summary>Hands on what the server said: to whoever waits on this instance at once, and to the others by the mailbox, which is tried until the call is given up.
    /// Who waits there gets the protocol's error when his time is up.</summary>
    private async Task PutAsync(OrgId org, OngoingCall call, ParkedState state, byte[] said)
    {
        if (here.TryGetValue(BoxOf(state), out var local))
            local.TrySetResult(said);
        var mailed = said.Length <= MaxMailed ? said : [Failed, .. "The result is too large to be handed from one instance to another. Make the call anew."u8];
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                await mailbox.PutAsync(org, BoxOf(state), mailed, time.GetUtcNow() + Patience, CancellationToken.None);
                return;
            }
            catch (StorageUnavailableException unavailable) when (time.GetUtcNow() + pause < state.ExpiresAt)
            {
                Log.ParkedCallWaits(log, call.Integration.Name, pause, unavailable);
            }
            catch (Exception lost)
            {
                Log.ParkedCallLost(log, call.Integration.Name, lost);
                return;
            }
            await Task.Delay(pause, time);
        }
    }
}
