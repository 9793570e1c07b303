using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Mcp;

/// <summary>Asks the person to connect an integration or to approve a call, in the way each revision of the protocol has for it (contract 4.7, protocols 1.3).</summary>
internal sealed class ConnectOffer(IConnectLinks links)
{
    /// <summary>Marks a retry after our own question. It proves nothing: the connection is looked up anew.</summary>
    public const string RetryState = "kontext-connect";

    /// <summary>The same after a call was put to the person for approval.</summary>
    public const string ApprovalState = "kontext-approval";

    /// <summary>Answers a request that failed for want of a connection or an approval.</summary>
    public async Task AnswerAsync(McpExchange exchange, Failure failure)
    {
        var link = await LinkAsync(exchange, failure);
        var text = $"{failure.Message} Open this address to {link.Act}, then try again: {link.Url}";
        var method = exchange.Request.Method;
        if (!exchange.Modern)
        {
            // Programs that cannot open links show a message at most, and to models only results.
            text = $"URL elicitation required: {text}";
            if (method == "tools/call" && exchange.Session is { OpensLinks: false })
            {
                await ToolErrorAsync(exchange, text, failure);
                return;
            }
            await exchange.ErrorAsync(new McpError(200, McpProtocol.UrlElicitationRequired, text)
            {
                Data = writer =>
                {
                    writer.WriteStartArray("elicitations"u8);
                    writer.WriteStartObject();
                    WriteQuestion(writer, failure, link);
                    writer.WriteEndObject();
                    writer.WriteEndArray();
                    McpErrors.Of(failure).Data!(writer);
                },
            });
            return;
        }
        if (MayAsk(exchange, link.State))
        {
            await exchange.ResultAsync(
                writer =>
                {
                    writer.WriteStartObject("inputRequests"u8);
                    writer.WriteStartObject(link.State);
                    writer.WriteString("method"u8, "elicitation/create"u8);
                    writer.WriteStartObject("params"u8);
                    WriteQuestion(writer, failure, link);
                    writer.WriteEndObject();
                    writer.WriteEndObject();
                    writer.WriteEndObject();
                    writer.WriteString("requestState"u8, link.State);
                },
                "input_required");
            return;
        }
        if (method == "tools/call")
        {
            await ToolErrorAsync(exchange, text, failure);
            return;
        }
        await exchange.ErrorAsync(McpErrors.Of(failure) with
        {
            Message = text,
            Data = writer =>
            {
                McpErrors.Of(failure).Data!(writer);
                writer.WriteString(failure.Approval is null ? "connectUrl"u8 : "approvalUrl"u8, link.Url.AbsoluteUri);
            },
        });
    }

    /// <summary>Whether a state is one that our own questions go with, which the integration's server must not see.</summary>
    public static bool IsOurs(string? state) => state is RetryState or ApprovalState or RemoteErrors.LinkState;

    /// <summary>Whether a client of 2026-07-28 can be asked to open a link in place of a result, and was not asked that before (protocols 1.4).</summary>
    public static bool MayAsk(McpExchange exchange, string state) =>
        exchange.Request.Method is "tools/call" or "prompts/get" or "resources/read" && CanOpenLinks(exchange) && exchange.Request.Text("requestState") != state;

    /// <summary>Answers a tool call with an error that models and people can read, and programs too in <c>_meta</c>.</summary>
    public static Task ToolErrorAsync(McpExchange exchange, string text, Failure failure) => exchange.ResultAsync(
        writer =>
        {
            WriteText(writer, text);
            writer.WriteBoolean("isError"u8, true);
        },
        meta: writer =>
        {
            writer.WriteStartObject("kontext/error"u8);
            McpErrors.Of(failure).Data!(writer);
            writer.WriteEndObject();
        });

    /// <summary>Writes a tool result's content of one text.</summary>
    public static void WriteText(Utf8JsonWriter writer, string text)
    {
        writer.WriteStartArray("content"u8);
        writer.WriteStartObject();
        writer.WriteString("type"u8, "text"u8);
        writer.WriteString("text"u8, text);
        writer.WriteEndObject();
        writer.WriteEndArray();
    }

    private async Task<Offered> LinkAsync(McpExchange exchange, Failure failure)
    {
        if (failure.Approval is { } approval)
            return new Offered(approval.Url, approval.Id, ApprovalState, "approve or refuse it");
        var link = await links.CreateAsync(exchange.Caller, failure.Integration?.Id, returnUrl: null, exchange.Aborted);
        return new Offered(link.Url, link.SessionId, RetryState, "connect it");
    }

    /// <summary>A link for the person, how it is named in the protocol, and what it is for. The state names the question as well.</summary>
    private sealed record Offered(Uri Url, string Id, string State, string Act);

    private static bool CanOpenLinks(McpExchange exchange) =>
        exchange.Request.Meta.TryGetProperty(McpProtocol.MetaCapabilities, out var capabilities)
        && capabilities.TryGetProperty("elicitation", out var elicitation) && elicitation.ValueKind == JsonValueKind.Object
        && elicitation.TryGetProperty("url", out var url) && url.ValueKind == JsonValueKind.Object;

    private static void WriteQuestion(Utf8JsonWriter writer, Failure failure, Offered link)
    {
        writer.WriteString("mode"u8, "url"u8);
        writer.WriteString("elicitationId"u8, link.Id);
        writer.WriteString("url"u8, link.Url.AbsoluteUri);
        writer.WriteString("message"u8, failure.Message);
    }
}
