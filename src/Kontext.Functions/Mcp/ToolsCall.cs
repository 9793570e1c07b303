using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Functions.Observability;

namespace Kontext.Functions.Mcp;

/// <summary><c>tools/call</c>: finds the tool behind a name, then lets the domain call it and passes the answer on.</summary>
internal sealed class ToolsCall(AttachedIntegrations attached, ToolCatalog catalog, ToolCall calls, CallRelay relay, FailureReply failures)
{
    private static readonly ReadOnlyMemory<byte> NoArguments = "{}"u8.ToArray();

    /// <summary>Calls a tool by the name it has in the list the client sees.</summary>
    public async Task RunAsync(McpExchange exchange, string name, JsonElement arguments)
    {
        if (arguments.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Object))
        {
            await exchange.ErrorAsync(new McpError(200, McpProtocol.InvalidParams, "The arguments have to be an object."));
            return;
        }
        var integration = exchange.Only;
        var tool = name;
        if (integration is null)
        {
            var handles = new IntegrationHandles(await attached.ProxiedAsync(exchange.Caller, exchange.Aborted));
            if (!handles.TryResolve(name, out integration, out var part))
            {
                await exchange.ErrorAsync(new McpError(200, McpProtocol.InvalidParams, $"Unknown tool: {name}"));
                return;
            }
            tool = ToolId.MayBeMarked(part) ? await UnmarkAsync(exchange, integration, handles.HandleOf(integration), part) : part;
        }

        McpSpan.NameTool(integration.Name, tool);
        if (integration.QuarantineChangedTools && await QuarantineAsync(exchange, integration, tool) is { } held)
        {
            await failures.AnswerAsync(exchange, held);
            return;
        }
        var known = await catalog.PeekAsync(exchange.Caller, integration, tool, exchange.Aborted);
        // Mirrored arguments are worth nothing to anybody before they were held against the list.
        if (known is null && ForwardedHeaders(exchange).Count > 0 && (await catalog.OfAsync(exchange.Caller, integration, exchange.Aborted)).TryGet(out var listed, out _))
            known = listed.Find(tool);
        if (known is not null && exchange.Modern && exchange.Request.Text("name") == name && HeaderFault(exchange, known, arguments) is { } fault)
        {
            await exchange.ErrorAsync(fault);
            return;
        }
        if (await TryCallAsync(exchange, integration, tool, arguments, known))
            return;
        // The server misses headers that its list would have told of; now that it is asked, the call can be made in full.
        known = (await catalog.OfAsync(exchange.Caller, integration, exchange.Aborted)).TryGet(out var tools, out _) ? tools.Find(tool) : null;
        await TryCallAsync(exchange, integration, tool, arguments, known, final: true);
    }

    /// <summary>Calls; false when the server refused for want of headers that only its list could have told of.</summary>
    private async Task<bool> TryCallAsync(McpExchange exchange, Integration integration, string tool, JsonElement arguments, UpstreamTool? known, bool final = false)
    {
        var raw = arguments.ValueKind == JsonValueKind.Object ? (ReadOnlyMemory<byte>)JsonMarshal.GetRawUtf8Value(arguments).ToArray() : NoArguments;
        var request = new McpRequest
        {
            Method = "tools/call",
            Name = tool,
            Members = MembersOf(exchange, tool, raw),
            Meta = exchange.Request.Meta,
            Modern = exchange.Modern,
            ParameterHeaders = known is null ? ForwardedHeaders(exchange) : HeaderParameter.Of(known.Headers, arguments),
        };
        return await relay.RunAsync(exchange, integration, tool, arguments, raw, request, final || known is not null ? null : async (call, first) =>
        {
            if (!first.TryGet(out var part, out _) || part.Kind != AnswerPartKind.Error || !IsHeaderMismatch(part.Bytes))
                return false;
            await call.CompleteAsync(CallOutcome.RemoteError with { ErrorMessage = "The server asks for parameter headers; the call is repeated with them." });
            return true;
        });
    }

    // The list is at hand for a minute at a time: a tool that changed is held back before it is called, not only left out of lists. One that is in no list was never held against anything.
    private async Task<Failure?> QuarantineAsync(McpExchange exchange, Integration integration, string tool)
    {
        if (!(await catalog.OfAsync(exchange.Caller, integration, exchange.Aborted)).TryGet(out var tools, out var failure))
            return failure;
        var listed = tools.Find(tool);
        return listed is { Quarantined: false } ? null : await calls.HoldAsync(exchange.Caller, integration, tool, listed is not null, exchange.TraceId, exchange.Aborted);
    }

    private async Task<string> UnmarkAsync(McpExchange exchange, Integration integration, string handle, string part)
    {
        if (!(await catalog.OfAsync(exchange.Caller, integration, exchange.Aborted)).TryGet(out var tools, out _))
            return part;
        var flat = handle + ToolId.Separator + part;
        return tools.Offered.FirstOrDefault(tool => string.Equals(ToolId.Format(handle, tool.Name), flat, StringComparison.OrdinalIgnoreCase))?.Name ?? part;
    }

    private static ReadOnlyMemory<byte> MembersOf(McpExchange exchange, string tool, ReadOnlyMemory<byte> arguments)
    {
        var members = new ArrayBufferWriter<byte>(arguments.Length + 128);
        members.Write("\"name\":\""u8);
        members.Write(JsonEncodedText.Encode(tool).EncodedUtf8Bytes);
        members.Write("\",\"arguments\":"u8);
        members.Write(arguments.Span);
        foreach (var member in exchange.Request.Params.EnumerateObject())
        {
            // Where no tasks are offered, a wish for one is to be ignored (MCP 2025-11-25, tasks).
            if (member.Name is "name" or "arguments" or "_meta" || (member.Name == "task" && exchange is { Only: null, Modern: false }) || (member.Name is "requestState" or "inputResponses" && ConnectOffer.IsOurs(exchange.Request.Text("requestState"))))
                continue;
            members.Write(",\""u8);
            members.Write(JsonMarshal.GetRawUtf8PropertyName(member));
            members.Write("\":"u8);
            members.Write(JsonMarshal.GetRawUtf8Value(member.Value));
        }
        return members.WrittenMemory;
    }

    /// <summary>Whether mirrored arguments agree with the body (MCP 2026-07-28, Streamable HTTP; protocols 1.3).</summary>
    private static McpError? HeaderFault(McpExchange exchange, UpstreamTool tool, JsonElement arguments)
    {
        foreach (var parameter in tool.Headers)
        {
            if (parameter.ValueIn(arguments) is not { } expected)
                continue;
            var header = exchange.Http.Request.Headers[parameter.Header];
            if (header.Count != 1 || HeaderText.Decode(header.ToString()) != expected)
                return new McpError(400, McpProtocol.HeaderMismatch, $"The header {parameter.Header} does not agree with the argument {string.Join('.', parameter.Path)}.");
        }
        return null;
    }

    private static List<KeyValuePair<string, string>> ForwardedHeaders(McpExchange exchange)
    {
        var forwarded = new List<KeyValuePair<string, string>>();
        if (!exchange.Modern)
            return forwarded;
        foreach (var (name, value) in exchange.Http.Request.Headers)
        {
            if (name.StartsWith("Mcp-Param-", StringComparison.OrdinalIgnoreCase) && value.Count == 1)
                forwarded.Add(new(name, value.ToString()));
        }
        return forwarded;
    }

    private static bool IsHeaderMismatch(ReadOnlyMemory<byte> error)
    {
        using var document = JsonDocument.Parse(error);
        return AnswerWriter.CodeOf(document.RootElement) == McpProtocol.HeaderMismatch;
    }
}
