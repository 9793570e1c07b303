using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Kontext.Functions.Tests.Mcp;

/// <summary>A server's errors reach each client in the words of its own revision.</summary>
public sealed class RemoteErrorsTests
{
    private const string Link = "https://example.com/link";
    private const string NotFound = """{"code":-32002,"message":"No such resource","data":{"uri":"demo://1","hint":"gone"}}""";
    private const string NotFoundAnew = """{"code":-32602,"message":"No such resource","data":{"uri":"demo://1","hint":"gone"}}""";
    private const string LinkNeeded = """{"code":-32042,"message":"Link your account","data":{"elicitations":[{"mode":"url","elicitationId":"e1","url":"https://example.com/link","message":"Open it"}]}}""";

    [Theory]
    [InlineData(true, "resources/read", NotFound, -32602)]
    [InlineData(true, "resources/read", """{"code":-32002,"message":"No such resource"}""", -32602)]
    [InlineData(true, "tools/call", NotFound, -32603)]
    [InlineData(true, "prompts/get", NotFound, -32603)]
    [InlineData(true, "resources/read", NotFoundAnew, -32602)]
    [InlineData(false, "resources/read", NotFound, -32002)]
    [InlineData(false, "tools/call", NotFound, -32002)]
    [InlineData(false, "resources/read", NotFoundAnew, -32002)]
    [InlineData(false, "resources/read", """{"code":-32602,"message":"Wrong"}""", -32602)]
    [InlineData(false, "prompts/get", NotFoundAnew, -32602)]
    [InlineData(true, "tools/call", """{"code":-32020,"message":"Headers"}""", -32603)]
    [InlineData(false, "tools/call", """{"code":-32022,"message":"Revision"}""", -32603)]
    [InlineData(true, "prompts/get", """{"code":-32021,"message":"Capability"}""", -32021)]
    [InlineData(false, "prompts/get", """{"code":-32021,"message":"Capability"}""", -32603)]
    [InlineData(true, "prompts/get", LinkNeeded, -32603)]
    [InlineData(true, "resources/read", LinkNeeded, -32603)]
    [InlineData(false, "tools/call", LinkNeeded, -32042)]
    [InlineData(false, "prompts/get", LinkNeeded, -32042)]
    [InlineData(false, "resources/read", LinkNeeded, -32042)]
    public async Task A_code_becomes_what_the_clients_revision_calls_it(bool client, string method, string error, int code)
    {
        await using var upstream = await FailingAsync(error);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);

        var answer = await gateway.AskAsync(client, method, ParametersOf(method), "/mcp/github");

        Assert.Equal(code, (int?)answer["error"]?["code"]);
        if (method == "resources/read" && code is -32602 or -32002 && error != """{"code":-32602,"message":"Wrong"}""")
            Assert.Equal("demo://1", (string?)answer["error"]!["data"]!["uri"]);
        if (error == NotFound)
            Assert.Equal("gone", (string?)answer["error"]!["data"]!["hint"]);
        if (error == LinkNeeded)
            Assert.Contains(Link, (string?)answer["error"]!["message"]);
        Assert.Equal("error_remote", ports.Audit.Last(happened => happened.Type == "api.call").Status);
    }

    [Theory]
    [InlineData("tools/call")]
    [InlineData("prompts/get")]
    [InlineData("resources/read")]
    public async Task A_modern_client_that_opens_links_is_asked_once_to_open_the_servers(string method)
    {
        await using var upstream = await FailingAsync(LinkNeeded);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);
        JsonObject Capable() => new() { ["elicitation"] = new JsonObject { ["url"] = new JsonObject() } };

        var asked = (await gateway.AskAsync(true, method, ParametersOf(method), "/mcp/github", Capable()))["result"]!;
        var (name, question) = Assert.Single(asked["inputRequests"]!.AsObject());
        var again = ParametersOf(method);
        again["requestState"] = (string?)asked["requestState"];
        again["inputResponses"] = new JsonObject { [name] = new JsonObject { ["action"] = "accept" } };
        var retried = await gateway.AskAsync(true, method, again, "/mcp/github", Capable());

        Assert.Equal("input_required", (string?)asked["resultType"]);
        Assert.Equal("elicitation/create", (string?)question!["method"]);
        Assert.Equal(("url", Link, "e1", "Open it"), ((string?)question["params"]!["mode"], (string?)question["params"]!["url"], (string?)question["params"]!["elicitationId"], (string?)question["params"]!["message"]));
        Assert.Contains(Link, method == "tools/call" ? (string?)retried["result"]!["content"]![0]!["text"] : (string?)retried["error"]!["message"]);
        var calls = upstream.SeenOf(method).ToList();
        Assert.Equal(2, calls.Count);
        Assert.All(calls, call => Assert.Null(call.Body["params"]!["requestState"] ?? call.Body["params"]!["inputResponses"]));
    }

    [Theory]
    [InlineData(false, "{}")]
    [InlineData(true, """{"url":{}}""")]
    public async Task An_older_client_that_opens_no_links_gets_them_as_the_tools_error(bool opens, string elicitation)
    {
        await using var upstream = await FailingAsync(LinkNeeded, modern: false);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);
        var session = await GatewaySession.OpenAsync(gateway, capabilities: new JsonObject { ["elicitation"] = JsonNode.Parse(elicitation) });

        var answer = await session.AskAsync("tools/call", new JsonObject { ["name"] = "github__echo" });

        Assert.Equal(opens ? -32042 : null, (int?)answer["error"]?["code"]);
        Assert.Equal(opens ? null : true, (bool?)answer["result"]?["isError"]);
        Assert.Contains(Link, opens ? (string?)answer["error"]!["message"] : (string?)answer["result"]!["content"]![0]!["text"]);
    }

    [Fact]
    public async Task An_error_after_a_question_is_translated_like_any_other()
    {
        var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var upstream = await McpServerDouble.StartAsync(modern: false);
        upstream.Fault = async (context, body) =>
        {
            if (body["result"]?["action"] is not null)
            {
                context.Response.StatusCode = 202;
                answered.TrySetResult();
                return true;
            }
            if ((string?)body["method"] != "resources/read")
                return false;
            context.Response.ContentType = "text/event-stream";
            await SayAsync(context, """{"jsonrpc":"2.0","id":"q1","method":"elicitation/create","params":{"message":"Sure?","requestedSchema":{"type":"object","properties":{}}}}""");
            await answered.Task.WaitAsync(context.RequestAborted);
            await SayAsync(context, $$$"""{"jsonrpc":"2.0","id":{{{body["id"]!.ToJsonString()}}},"error":{{{NotFound}}} }""");
            return true;
        };
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);
        JsonObject Asked() => new() { ["elicitation"] = new JsonObject() };

        var asked = await gateway.AskAsync(true, "resources/read", ParametersOf("resources/read"), "/mcp/github", Asked());
        var again = ParametersOf("resources/read");
        again["requestState"] = (string?)asked["result"]!["requestState"];
        again["inputResponses"] = new JsonObject { ["question"] = new JsonObject { ["action"] = "accept", ["content"] = new JsonObject() } };
        var error = (await gateway.AskAsync(true, "resources/read", again, "/mcp/github", Asked()))["error"]!;

        Assert.Equal(-32602, (int)error["code"]!);
        Assert.Equal(("demo://1", "gone"), ((string?)error["data"]!["uri"], (string?)error["data"]!["hint"]));
    }

    private static JsonObject ParametersOf(string method) => method switch
    {
        "tools/call" => new JsonObject { ["name"] = "echo" },
        "prompts/get" => new JsonObject { ["name"] = "greet" },
        _ => new JsonObject { ["uri"] = "demo://1" },
    };

    private static async Task<McpServerDouble> FailingAsync(string error, bool modern = true)
    {
        var upstream = await McpServerDouble.StartAsync(modern);
        upstream.Fault = async (context, body) =>
        {
            if ((string?)body["method"] is not ("tools/call" or "prompts/get" or "resources/read"))
                return false;
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync($$$"""{"jsonrpc":"2.0","id":{{{body["id"]!.ToJsonString()}}},"error":{{{error}}} }""");
            return true;
        };
        return upstream;
    }

    private static async Task SayAsync(HttpContext context, string message)
    {
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes($"data: {message}\n\n"));
        await context.Response.Body.FlushAsync();
    }
}
