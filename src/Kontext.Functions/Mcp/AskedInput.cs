using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Gateway;

namespace Kontext.Functions.Mcp;

/// <summary>Input that a server of 2026-07-28 asks for in place of a result, put to a client of the older revisions as requests in its session (protocols 1.5).</summary>
internal sealed class AskedInput(ClientQuestions questions)
{
    private const int MaxQuestions = 16;

    /// <summary>Puts every question and waits for the answers; gives the members the request has to be repeated with, or nothing when the client cannot be asked.</summary>
    public async Task<ReadOnlyMemory<byte>> AskAsync(McpExchange exchange, OngoingCall call, ReadOnlyMemory<byte> members, CancellationToken cancellationToken)
    {
        if (exchange.Session is not { } session)
            return default;
        using var result = JsonDocument.Parse((byte[])[(byte)'{', .. members.Span, (byte)'}'], JsonText.Deep);
        // Without questions the server only wants to be asked again, with its state.
        var asked = result.RootElement.TryGetProperty("inputRequests", out var requests) && requests.ValueKind == JsonValueKind.Object ? requests.EnumerateObject().ToList() : [];
        if (asked.Count > MaxQuestions || asked.Exists(one => one.Value.ValueKind != JsonValueKind.Object || JsonRpcRequest.TextOf(one.Value, "method") is not { } method || !session.Answers(method)))
            return default;
        var retry = new ArrayBufferWriter<byte>(512);
        retry.Write("\"inputResponses\":{"u8);
        var first = true;
        foreach (var one in asked)
        {
            var method = JsonRpcRequest.TextOf(one.Value, "method")!;
            var parameters = one.Value.TryGetProperty("params", out var given) ? (ReadOnlyMemory<byte>)JsonMarshal.GetRawUtf8Value(given).ToArray() : default;
            var answer = await questions.AskAsync(exchange, call.Integration, method, parameters, cancellationToken) ?? (method == "elicitation/create" ? "{\"action\":\"cancel\"}"u8.ToArray() : default(ReadOnlyMemory<byte>?));
            if (answer is not { } said)
                return default;
            retry.Write(first ? "\""u8 : ",\""u8);
            first = false;
            retry.Write(JsonMarshal.GetRawUtf8PropertyName(one));
            retry.Write("\":"u8);
            retry.Write(said.Span);
        }
        retry.Write("}"u8);
        if (result.RootElement.TryGetProperty("requestState", out var state))
        {
            retry.Write(",\"requestState\":"u8);
            retry.Write(JsonMarshal.GetRawUtf8Value(state));
        }
        // The answer so far is an answer; the repeated request makes an entry of its own.
        return (await call.CompleteAsync(CallOutcome.Ok)).TryGet(out _, out _) ? retry.WrittenMemory : default;
    }

    /// <summary>Whether a question of an older server can be told to this client of 2026-07-28, which is only asked in place of the results of some methods (MCP 2026-07-28, multi round-trip requests).</summary>
    public static bool CanPark(McpExchange exchange, McpAnswer answer, ReadOnlyMemory<byte> question)
    {
        if (!exchange.Modern || exchange.Request.Method is not ("tools/call" or "prompts/get" or "resources/read") || answer.Route is null || !exchange.Request.Meta.TryGetProperty(McpProtocol.MetaCapabilities, out var capabilities))
            return false;
        using var message = JsonDocument.Parse(question);
        return capabilities.TryGetProperty(JsonRpcRequest.TextOf(message.RootElement, "method")!.Split('/')[0], out _);
    }
}
