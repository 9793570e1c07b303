using System.Runtime.InteropServices;
using System.Text.Json;
using Kontext.Domain.Gateway;

namespace Kontext.Functions.Mcp;

/// <summary>Resources, prompts, completion and tasks of the one integration at <c>/mcp/{integration}</c>: under policy like tools, the method standing for the operation.</summary>
internal sealed class ForwardedMethods(CallRelay relay)
{
    /// <summary>Whether a method is one of them. The extension for tasks is of 2026-07-28; what was a task before is not.</summary>
    public static bool Has(McpExchange exchange) => exchange.Request.Method switch
    {
        "resources/list" or "resources/read" or "resources/templates/list" or "prompts/list" or "prompts/get" or "completion/complete" => true,
        "tasks/get" or "tasks/update" or "tasks/cancel" => exchange.Modern,
        _ => false,
    };

    /// <summary>Passes the request on.</summary>
    public async Task RunAsync(McpExchange exchange)
    {
        var method = exchange.Request.Method!;
        var name = method switch
        {
            "resources/read" => exchange.Request.Text("uri"),
            "prompts/get" => exchange.Request.Text("name"),
            "tasks/get" or "tasks/update" or "tasks/cancel" => exchange.Request.Text("taskId"),
            _ => "",
        };
        if (name is null)
        {
            await exchange.ErrorAsync(new McpError(200, McpProtocol.InvalidParams, $"{method} needs {(method == "prompts/get" ? "name" : method == "resources/read" ? "uri" : "taskId")}."));
            return;
        }
        var retried = exchange.Request.Text("requestState") == ConnectOffer.RetryState;
        var parameters = exchange.Request.Params;
        var request = new McpRequest
        {
            Method = method,
            Name = name.Length > 0 ? name : null,
            Members = retried ? UpstreamTool.MembersOf(parameters, "_meta", "requestState", "inputResponses") : UpstreamTool.MembersOf(parameters, "_meta"),
            Meta = exchange.Request.Meta,
            Modern = exchange.Modern,
        };
        // For policy the parameters are the arguments: a rule can look at the URI that is read.
        var raw = parameters.ValueKind == JsonValueKind.Object ? (ReadOnlyMemory<byte>)JsonMarshal.GetRawUtf8Value(parameters).ToArray() : default;
        await relay.RunAsync(exchange, exchange.Only!, method, parameters, raw, request);
    }
}
