using System.Runtime.InteropServices;
using System.Text.Json;
using Kontext.Domain.Gateway;

namespace Kontext.Functions.Mcp;

/// <summary>Resources, prompts, completion and tasks of the one integration at <c>/mcp/{integration}</c>: under policy like tools, the method standing for the operation.</summary>
internal sealed class ForwardedMethods(CallRelay relay, TaskOwners tasks)
{
    /// <summary>Whether a method is one of them. Tasks of 2025-11-25 and those of the later extension have methods in common, and some of their own.</summary>
    public static bool Has(McpExchange exchange) => exchange.Request.Method switch
    {
        "resources/list" or "resources/read" or "resources/templates/list" or "prompts/list" or "prompts/get" or "completion/complete" => true,
        "tasks/get" or "tasks/cancel" => true,
        "tasks/update" => exchange.Modern,
        "tasks/result" => !exchange.Modern,
        "tasks/list" => !exchange.Modern && TaskOwners.AreTold(exchange.Only!),
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
            _ when TaskOwners.IsAbout(method) => exchange.Request.Text("taskId"),
            _ => "",
        };
        if (name is null)
        {
            await exchange.ErrorAsync(new McpError(200, McpProtocol.InvalidParams, $"{method} needs {(method == "prompts/get" ? "name" : method == "resources/read" ? "uri" : "taskId")}."));
            return;
        }
        if (TaskOwners.IsAbout(method) && !await tasks.IsOwnAsync(exchange, name))
        {
            await exchange.ErrorAsync(new McpError(200, McpProtocol.InvalidParams, "Task not found"));
            return;
        }
        var retried = ConnectOffer.IsOurs(exchange.Request.Text("requestState"));
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
