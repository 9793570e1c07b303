using System.Globalization;
using System.Text.Json;

namespace Kontext.Functions.Mcp;

/// <summary>Says a server's error in the words of the client's revision. Codes moved between the revisions: 2026-07-28 has no error for a missing resource or for a link to open (protocols 1.4), the older ones have none for what they do not know.</summary>
internal static class RemoteErrors
{
    /// <summary>Marks a retry after a server's own links were put to the person.</summary>
    public const string LinkState = "kontext-link";

    private const int MaxLinks = 16;

    /// <summary>Answers with the error.</summary>
    public static Task AnswerAsync(McpExchange exchange, JsonElement error)
    {
        var code = AnswerWriter.CodeOf(error) ?? McpProtocol.InternalError;
        var message = JsonRpcRequest.TextOf(error, "message") ?? "The integration answered with an error.";
        var data = error.ValueKind == JsonValueKind.Object && error.TryGetProperty("data", out var given) && given.ValueKind == JsonValueKind.Object ? given : default;
        return code switch
        {
            McpProtocol.UrlElicitationRequired => OfferLinksAsync(exchange, message, data),
            McpProtocol.MissingClientCapability when !exchange.Modern && exchange.Request.Method == "tools/call" =>
                // An older client cannot be asked through us; its model and its person can at least read why.
                ToolErrorAsync(exchange, $"The integration asks for input, which this client's revision of MCP cannot deliver through the gateway. {message}"),
            // Faults between us and the server are not the client's to mend.
            McpProtocol.HeaderMismatch or McpProtocol.UnsupportedVersion => SayAsync(exchange, McpProtocol.InternalError, message, data),
            McpProtocol.MissingClientCapability when !exchange.Modern => SayAsync(exchange, McpProtocol.InternalError, message, data),
            McpProtocol.ResourceNotFound when exchange.Modern => IsAboutResources(exchange)
                ? SayAsync(exchange, McpProtocol.InvalidParams, message, data, UriOf(exchange, data))
                : SayAsync(exchange, McpProtocol.InternalError, message, data),
            // Of the errors in parameters, this is the one that names a resource.
            McpProtocol.InvalidParams when !exchange.Modern && IsAboutResources(exchange) && JsonRpcRequest.TextOf(data, "uri") is not null => SayAsync(exchange, McpProtocol.ResourceNotFound, message, data),
            _ => SayAsync(exchange, code, message, data),
        };
    }

    /// <summary>A server wants a link opened before it does what was asked: in 2026-07-28 that is a question, and whoever cannot be asked gets the link to read.</summary>
    private static Task OfferLinksAsync(McpExchange exchange, string message, JsonElement data)
    {
        var links = LinksOf(data);
        var text = string.Join('\n', [message, .. links.Select(link => link.Url)]);
        if (exchange.Modern && links.Count > 0 && ConnectOffer.MayAsk(exchange, LinkState))
            return exchange.ResultAsync(
                writer =>
                {
                    writer.WriteStartObject("inputRequests"u8);
                    for (var place = 0; place < links.Count; place++)
                    {
                        writer.WriteStartObject(string.Create(CultureInfo.InvariantCulture, $"link-{place + 1}"));
                        writer.WriteString("method"u8, "elicitation/create"u8);
                        writer.WriteStartObject("params"u8);
                        writer.WriteString("mode"u8, "url"u8);
                        writer.WriteString("elicitationId"u8, links[place].Id);
                        writer.WriteString("url"u8, links[place].Url);
                        writer.WriteString("message"u8, links[place].Message ?? message);
                        writer.WriteEndObject();
                        writer.WriteEndObject();
                    }
                    writer.WriteEndObject();
                    writer.WriteString("requestState"u8, LinkState);
                },
                "input_required");
        if (exchange.Request.Method == "tools/call" && (exchange.Modern || exchange.Session is { OpensLinks: false }))
            return ToolErrorAsync(exchange, text);
        return SayAsync(exchange, exchange.Modern ? McpProtocol.InternalError : McpProtocol.UrlElicitationRequired, text, data);
    }

    private static Task ToolErrorAsync(McpExchange exchange, string text) => exchange.ResultAsync(writer =>
    {
        ConnectOffer.WriteText(writer, text);
        writer.WriteBoolean("isError"u8, true);
    });

    private static Task SayAsync(McpExchange exchange, int code, string message, JsonElement data, string? uri = null) =>
        exchange.ErrorAsync(new McpError(code switch { McpProtocol.MethodNotFound => 404, McpProtocol.MissingClientCapability => 400, _ => 200 }, code, message)
        {
            Data = data.ValueKind != JsonValueKind.Object && uri is null ? null : writer =>
            {
                if (uri is not null)
                    writer.WriteString("uri"u8, uri);
                if (data.ValueKind != JsonValueKind.Object)
                    return;
                foreach (var member in data.EnumerateObject())
                {
                    if (uri is null || member.Name != "uri")
                        member.WriteTo(writer);
                }
            },
        });

    private static bool IsAboutResources(McpExchange exchange) => exchange.Request.Method?.StartsWith("resources/", StringComparison.Ordinal) == true;

    private static string? UriOf(McpExchange exchange, JsonElement data) => JsonRpcRequest.TextOf(data, "uri") ?? exchange.Request.Text("uri");

    private static List<(string Id, string Url, string? Message)> LinksOf(JsonElement data)
    {
        var links = new List<(string, string, string?)>();
        if (data.ValueKind != JsonValueKind.Object || !data.TryGetProperty("elicitations", out var elicitations) || elicitations.ValueKind != JsonValueKind.Array)
            return links;
        foreach (var elicitation in elicitations.EnumerateArray())
        {
            if (links.Count < MaxLinks && JsonRpcRequest.TextOf(elicitation, "url") is { } url)
                links.Add((JsonRpcRequest.TextOf(elicitation, "elicitationId") ?? $"{LinkState}-{links.Count + 1}", url, JsonRpcRequest.TextOf(elicitation, "message")));
        }
        return links;
    }
}
