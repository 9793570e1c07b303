using System.Globalization;
using Kontext.Functions.Limits;

namespace Kontext.Functions.Mcp;

/// <summary>Puts the gateway's messages under the limits of their agent and person.</summary>
internal sealed class McpLimits(CallLimits limits, FailureReply failures)
{
    /// <summary>Answers a message, unless it is one too many.</summary>
    public async Task RunAsync(McpExchange exchange, Func<McpExchange, Task> answer)
    {
        using var admission = await limits.EnterAsync(exchange.Caller);
        if (admission.Refusal is not { } refused)
        {
            await answer(exchange);
            return;
        }
        exchange.Http.Response.Headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(refused.RetryAfter!.Value.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        await failures.AnswerAsync(exchange, refused);
    }
}
