using System.Text;
using System.Text.Json;
using Kontext.Domain.Gateway;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Mcp;

/// <summary>The three tools that stand for all others where a long list would be too much for a model (contract 4.3, 4.5).</summary>
internal sealed class MetaTools(OfferedTools offered, AttachedIntegrations attached, IConnectionStore connections, IConnectLinks links, ToolsCall calls)
{
    private const string Search = "SEARCH_TOOLS";
    private const string Execute = "EXECUTE_TOOL";
    private const string Request = "REQUEST_CAPABILITY";
    private const int DefaultLimit = 50;
    private const int MaxLimit = 500;

    private static readonly byte[] List = """
        [{"name":"EXECUTE_TOOL","description":"Calls a tool that SEARCH_TOOLS found, by its id.","inputSchema":{"type":"object","properties":{"tool_id":{"type":"string","description":"The id of the tool, such as linear:list_issues."},"tool_arguments":{"type":"object","description":"Arguments as the tool's inputSchema describes them."}},"required":["tool_id"]}},
        {"name":"REQUEST_CAPABILITY","description":"Gives a fresh link with which the person connects integrations. Never reuse an earlier link.","inputSchema":{"type":"object","properties":{"capability_name":{"type":"string","description":"Name of the integration that is needed."}}}},
        {"name":"SEARCH_TOOLS","description":"Finds tools of the connected integrations.","inputSchema":{"type":"object","properties":{"query":{"type":"string","description":"Words to look for in names and descriptions."},"limit":{"type":"integer","minimum":1,"maximum":500}}}}]
        """u8.ToArray();

    /// <summary>Whether a name is one of the three.</summary>
    public static bool Has(string name) => name is Search or Execute or Request;

    /// <summary>Writes their list.</summary>
    public static void WriteList(Utf8JsonWriter writer)
    {
        writer.WritePropertyName("tools"u8);
        writer.WriteRawValue(List, skipInputValidation: true);
    }

    /// <summary>Runs one of them.</summary>
    public Task RunAsync(McpExchange exchange, string name, JsonElement arguments) => name switch
    {
        Search => SearchAsync(exchange, arguments),
        Execute => ExecuteAsync(exchange, arguments),
        _ => RequestAsync(exchange, arguments),
    };

    private async Task SearchAsync(McpExchange exchange, JsonElement arguments)
    {
        var limit = arguments.ValueKind == JsonValueKind.Object && arguments.TryGetProperty("limit", out var asked) && asked.ValueKind == JsonValueKind.Number && asked.TryGetInt32(out var number)
            ? Math.Clamp(number, 1, MaxLimit)
            : DefaultLimit;
        var words = (JsonRpcRequest.TextOf(arguments, "query") ?? "").Split([' ', '_', '-', ':', '.', ','], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var (tools, unavailable) = await offered.OfAsync(exchange.Caller, exchange.Aborted);
        var found = tools
            .Select(tool => (tool, score: ScoreOf(tool, words)))
            .Where(candidate => words.Length == 0 || candidate.score > 0)
            .OrderByDescending(candidate => candidate.score)
            .Take(limit)
            .Select(candidate => candidate.tool)
            .ToList();
        var elicitations = new List<(UnavailableIntegration Missing, ConnectLink Link)>();
        foreach (var missing in unavailable.Where(missing => missing.Reason == "not_connected"))
            elicitations.Add((missing, await links.CreateAsync(exchange.Caller, missing.Integration.Id, returnUrl: null, exchange.Aborted)));
        var text = JsonText(writer => WriteFound(writer, found, unavailable, elicitations));
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

    private async Task ExecuteAsync(McpExchange exchange, JsonElement arguments)
    {
        var id = First(arguments, "tool_id", "toolId", "id", "name");
        if (id.ValueKind != JsonValueKind.String)
        {
            await exchange.ErrorAsync(new McpError(200, McpProtocol.InvalidParams, "EXECUTE_TOOL needs tool_id."));
            return;
        }
        await calls.RunAsync(exchange, id.GetString()!, First(arguments, "tool_arguments", "toolArguments", "arguments", "args"));
    }

    private async Task RequestAsync(McpExchange exchange, JsonElement arguments)
    {
        var asked = JsonRpcRequest.TextOf(arguments, "capability_name");
        var disconnected = new List<Domain.Integrations.Integration>();
        foreach (var integration in (await attached.OfAsync(exchange.Caller, exchange.Aborted)).Where(integration => integration.NeedsConnection))
        {
            var connection = await connections.CurrentAsync(exchange.Caller.Org, exchange.Caller.User.Id, integration.Id, exchange.Aborted);
            if (connection is not { Status: ConnectionStatus.Connected } || connection.Epoch != integration.ConnectionEpoch)
                disconnected.Add(integration);
        }
        var named = asked is null ? null : disconnected.Find(integration =>
            string.Equals(integration.Name, asked, StringComparison.OrdinalIgnoreCase) || string.Equals(integration.Id.ToString(), asked, StringComparison.OrdinalIgnoreCase));
        var link = await links.CreateAsync(exchange.Caller, named?.Id, returnUrl: null, exchange.Aborted);
        var what = named is not null ? $"{named.Name} is not connected. Open this address to connect it: "
            : disconnected.Count == 0 ? "Every integration of this agent is connected. Connections are managed here: "
            : $"Not connected: {string.Join(", ", disconnected.Select(integration => integration.Name))}. Open this address to connect: ";
        await exchange.ResultAsync(writer => ConnectOffer.WriteText(writer, what + link.Url.AbsoluteUri));
    }

    private static void WriteFound(Utf8JsonWriter writer, List<OfferedTool> found, List<UnavailableIntegration> unavailable, List<(UnavailableIntegration Missing, ConnectLink Link)> elicitations)
    {
        writer.WriteStartObject();
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
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
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
        writer.WriteEndObject();
    }

    /// <summary>Names weigh more than descriptions, whole words more than parts.</summary>
    private static int ScoreOf(OfferedTool tool, string[] words) => words.Sum(word =>
        WeightOf(tool.Tool.Name, word, 8) + WeightOf(tool.Integration.Name, word, 4) + WeightOf(tool.Tool.Description ?? "", word, 2));

    private static int WeightOf(string text, string word, int weight)
    {
        var at = text.IndexOf(word, StringComparison.OrdinalIgnoreCase);
        if (at < 0)
            return 0;
        var whole = (at == 0 || !char.IsLetterOrDigit(text[at - 1])) && (at + word.Length == text.Length || !char.IsLetterOrDigit(text[at + word.Length]));
        return whole ? weight : weight / 2;
    }

    private static JsonElement First(JsonElement arguments, params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (arguments.ValueKind == JsonValueKind.Object && arguments.TryGetProperty(name, out var value))
                return value;
        }
        return default;
    }

    private static string JsonText(Action<Utf8JsonWriter> write)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
            write(writer);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
