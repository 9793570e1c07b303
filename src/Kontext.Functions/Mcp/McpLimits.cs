using System.Globalization;
using Kontext.Domain;
using Kontext.Functions.Limits;

namespace Kontext.Functions.Mcp;

/// <summary>Puts the gateway's messages under the limits of their agent and person.</summary>
internal sealed class McpLimits(CallLimits limits, FailureReply failures)
{
    /// <summary>Answers a message, unless it is one too many.</summary>
    public async Task RunAsync(McpExchange exchange, Func<McpExchange, Task> answer)
    {
        using var admission = await limits.EnterAsync(exchange.Caller);
        if (admission.Refusal is { } refused)
            await RefuseAsync(exchange, refused);
        else
            await answer(exchange);
    }

    /// <summary>Serves a stream, which may last, unless it is one too many. A GET, which has no JSON-RPC request to answer, is refused with its status.</summary>
    public async Task StreamAsync(McpExchange exchange, Func<McpExchange, Task> serve)
    {
        using var admission = await limits.OpenAsync(exchange.Caller);
        if (admission.Refusal is { } refused)
            await RefuseAsync(exchange, refused);
        else
            await serve(exchange);
    }

    private Task RefuseAsync(McpExchange exchange, Failure refused)
    {
        // Before it, other messages of a batch may have been answered.
        if (!exchange.Http.Response.HasStarted)
            exchange.Http.Response.Headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(refused.RetryAfter!.Value.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        return exchange.Request.Method is null
            ? exchange.ErrorAsync(McpErrors.Of(refused) with { Status = StatusCodes.Status429TooManyRequests })
            : failures.AnswerAsync(exchange, refused);
    }
}
