using Kontext.Domain;
using Kontext.Domain.Observability;

namespace Kontext.Functions.Mcp;

/// <summary>Answers a message whose request failed.</summary>
internal sealed class FailureReply(ConnectOffer offer, ILogger<FailureReply> log)
{
    /// <summary>Says the failure in the way the method and the client's revision have for it.</summary>
    public Task AnswerAsync(McpExchange exchange, Failure failure)
    {
        exchange.ErrorType ??= Stages.WordOf(failure.Code);
        Log.Refused(log, exchange.Request.Method ?? "", exchange.Only?.Name, failure.Code, failure.Detail);
        if (failure.Code is FailureCode.NotConnected or FailureCode.ApprovalRequired)
            return offer.AnswerAsync(exchange, failure);
        if (failure.Code != FailureCode.PolicyDenied)
            return exchange.ErrorAsync(McpErrors.Of(failure));
        var layer = failure.Decision?.Denial is { } denial ? $" (layer: {McpErrors.LayerName(denial.Layer)})" : "";
        return exchange.Request.Method == "tools/call"
            ? ConnectOffer.ToolErrorAsync(exchange, $"kontext_policy_denied: {failure.Message}{layer}", failure)
            : exchange.ErrorAsync(McpErrors.Of(failure) with { Message = $"kontext_policy_denied: {failure.Message}{layer}" });
    }
}
