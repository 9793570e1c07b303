using System.Text.Json;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Mcp;

/// <summary>The three tools that stand for all others where a long list would be too much for a model (contract 4.3, 4.5).</summary>
internal sealed class MetaTools(ToolSearching search, CapabilityAsking asking, ToolsCall calls)
{
    private const string Search = "SEARCH_TOOLS";
    private const string Execute = "EXECUTE_TOOL";
    private const string Request = "REQUEST_CAPABILITY";

    private static readonly byte[] List = """
        [{"name":"EXECUTE_TOOL","description":"Calls a tool that SEARCH_TOOLS found, by its id.","inputSchema":{"type":"object","properties":{"tool_id":{"type":"string","description":"The id of the tool, such as linear:list_issues."},"tool_arguments":{"type":"object","description":"Arguments as the tool's inputSchema describes them."}},"required":["tool_id"]}},
        {"name":"REQUEST_CAPABILITY","description":"Asks for what is missing: gives a fresh link with which the person connects integrations, and asks an administrator for what this agent does not have. Never reuse an earlier link.","inputSchema":{"type":"object","properties":{"capability_name":{"type":"string","description":"Name of the integration, tool or ability that is needed."},"reason":{"type":"string","description":"What it is needed for, in a sentence for the administrator."}}}},
        {"name":"SEARCH_TOOLS","description":"Finds tools of the connected integrations by what they do. Say in a few words what you want to get done, such as: reply to an email.","inputSchema":{"type":"object","properties":{"query":{"type":"string","description":"What is to be done. Without it all tools are listed."},"limit":{"type":"integer","minimum":1,"maximum":500,"description":"How many tools at most: 10 with a query, 50 without, unless given."},"include_unavailable":{"type":"boolean","description":"Also find tools that policy does not let this agent call."}}}}]
        """u8.ToArray();

    /// <summary>Whether a name is one of the three.</summary>
    public static bool Has(string name) => name is Search or Execute or Request;

    /// <summary>Whether a client gets them in place of the others: as the address says, <c>?mode=search</c> or <c>?mode=list</c>, or else as its application is set.</summary>
    public static bool AreListed(McpExchange exchange) => exchange.Only is null && exchange.Http.Request.Query["mode"].ToString() switch
    {
        "search" => true,
        "list" => false,
        _ => exchange.Caller.Application.ToolDiscovery == ToolDiscovery.Search,
    };

    /// <summary>Writes their list.</summary>
    public static void WriteList(Utf8JsonWriter writer)
    {
        writer.WritePropertyName("tools"u8);
        writer.WriteRawValue(List, skipInputValidation: true);
    }

    /// <summary>Runs one of them.</summary>
    public Task RunAsync(McpExchange exchange, string name, JsonElement arguments) => name switch
    {
        Search => search.RunAsync(exchange, arguments),
        Execute => ExecuteAsync(exchange, arguments),
        _ => asking.RunAsync(exchange, arguments),
    };

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

    private static JsonElement First(JsonElement arguments, params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (arguments.ValueKind == JsonValueKind.Object && arguments.TryGetProperty(name, out var value))
                return value;
        }
        return default;
    }
}
