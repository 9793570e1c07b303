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

    /// <summary>Takes a message that has no answer, unless it is one too many; gives what is wrong with it, or null. It may belong to a call under way, so it is no further call at the same time.</summary>
    public async Task<McpError?> TakeAsync(HttpContext http, AgentCaller caller, Func<Task<McpError?>> take)
    {
        using var admission = await limits.CountAsync(caller);
        if (admission.Refusal is not { } refused)
            return await take();
        SayWhen(http, refused);
        return McpErrors.Of(refused) with { Status = StatusCodes.Status429TooManyRequests };
    }

    private Task RefuseAsync(McpExchange exchange, Failure refused)
    {
        SayWhen(exchange.Http, refused);
        return exchange.Request.Method is null
            ? exchange.ErrorAsync(McpErrors.Of(refused) with { Status = StatusCodes.Status429TooManyRequests })
            : failures.AnswerAsync(exchange, refused);
    }

    private static void SayWhen(HttpContext http, Failure refused)
    {
        // Before it, other messages of a batch may have been answered.
        if (!http.Response.HasStarted)
            http.Response.Headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(refused.RetryAfter!.Value.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
    }
}
