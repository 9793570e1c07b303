using System.Buffers;
using System.Text;
using System.Text.Json;
using Kontext.Domain.Gateway;
using Kontext.Domain.Gateway.Search;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Mcp;

/// <summary><c>SEARCH_TOOLS</c>: the tools that do what a model asks for, with their schemas, and what keeps others from being found (contract 4.5).</summary>
internal sealed class ToolSearching(OfferedTools offered, IConnectLinks links)
{
    // What a model is to read before it goes on, and what a client is to list.
    private const int FoundUnlessAsked = 10;
    private const int ListedUnlessAsked = 50;
    private const int MaxLimit = 500;
    private const int MaxQuery = 1000;

    /// <summary>Answers with the tools.</summary>
    public async Task RunAsync(McpExchange exchange, JsonElement arguments)
    {
        var query = (JsonRpcRequest.TextOf(arguments, "query") ?? "").Trim();
        query = query[..Math.Min(query.Length, MaxQuery)];
        var limit = LimitOf(arguments) ?? (query.Length > 0 ? FoundUnlessAsked : ListedUnlessAsked);
        var (tools, unavailable) = await offered.OfAsync(exchange.Caller, IncludesDenied(arguments), exchange.Aborted);
        var found = query.Length == 0
            ? tools.GetRange(0, Math.Min(limit, tools.Count))
            : new ToolSearch([.. tools.Select(tool => ToolText.Of(tool.Integration.Name, tool.Tool))]).Find(query, limit).ConvertAll(at => tools[at]);
        var elicitations = new List<(UnavailableIntegration Missing, ConnectLink Link)>();
        foreach (var missing in unavailable.Where(missing => missing.Reason == "not_connected"))
            elicitations.Add((missing, await links.CreateAsync(exchange.Caller, missing.Integration.Id, returnUrl: null, exchange.Aborted)));
        var text = TextOf(found, unavailable, elicitations);
        await exchange.ResultAsync(writer =>
        {
            writer.WriteStartArray("content"u8);
            writer.WriteStartObject();
            writer.WriteString("type"u8, "resource"u8);
            writer.WriteStartObject("resource"u8);
            writer.WriteString("uri"u8, "kontext://tools"u8);
            writer.WriteString("mimeType"u8, "application/json"u8);
            writer.WriteString("text"u8, text);
            writer.WriteEndObject();
            writer.WriteEndObject();
            writer.WriteEndArray();
        });
    }

    private static int? LimitOf(JsonElement arguments) =>
        arguments.ValueKind == JsonValueKind.Object && arguments.TryGetProperty("limit", out var asked) && asked.ValueKind == JsonValueKind.Number && asked.TryGetInt32(out var number)
            ? Math.Clamp(number, 1, MaxLimit)
            : null;

    private static bool IncludesDenied(JsonElement arguments) =>
        arguments.ValueKind == JsonValueKind.Object && arguments.TryGetProperty("include_unavailable", out var asked) && asked.ValueKind == JsonValueKind.True;

    private static string TextOf(List<OfferedTool> found, List<UnavailableIntegration> unavailable, List<(UnavailableIntegration Missing, ConnectLink Link)> elicitations)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            WriteItems(writer, found);
            WriteErrors(writer, unavailable);
            WriteElicitations(writer, elicitations);
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void WriteItems(Utf8JsonWriter writer, List<OfferedTool> found)
    {
        writer.WriteStartArray("items"u8);
        foreach (var tool in found)
        {
            writer.WriteStartObject();
            writer.WriteString("id"u8, $"{tool.Integration.Name}:{tool.Tool.Name}");
            writer.WriteString("name"u8, tool.Tool.Name);
            if (tool.Tool.Description is { } description)
                writer.WriteString("description"u8, description);
            if (!tool.Tool.InputSchema.IsEmpty)
            {
                writer.WritePropertyName("inputSchema"u8);
                writer.WriteRawValue(tool.Tool.InputSchema.Span, skipInputValidation: true);
            }
            writer.WriteStartObject("server"u8);
            writer.WriteString("id"u8, tool.Integration.Name);
            writer.WriteString("name"u8, tool.Integration.Name);
            writer.WriteEndObject();
            if (tool.Denied)
                writer.WriteString("unavailable"u8, "policy_denied"u8);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static void WriteErrors(Utf8JsonWriter writer, List<UnavailableIntegration> unavailable)
    {
        writer.WriteStartArray("errors"u8);
        foreach (var missing in unavailable)
        {
            writer.WriteStartObject();
            writer.WriteString("serverId"u8, missing.Integration.Id.ToString());
            writer.WriteString("serverName"u8, missing.Integration.Name);
            writer.WriteString("reason"u8, missing.Reason);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static void WriteElicitations(Utf8JsonWriter writer, List<(UnavailableIntegration Missing, ConnectLink Link)> elicitations)
    {
        writer.WriteStartArray("elicitations"u8);
        foreach (var (missing, link) in elicitations)
        {
            writer.WriteStartObject();
            writer.WriteString("url"u8, link.Url.AbsoluteUri);
            writer.WriteString("message"u8, missing.Message);
            writer.WriteString("elicitationId"u8, link.SessionId);
            writer.WriteString("integrationId"u8, missing.Integration.Id.ToString());
            writer.WriteString("integrationName"u8, missing.Integration.Name);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }
}
