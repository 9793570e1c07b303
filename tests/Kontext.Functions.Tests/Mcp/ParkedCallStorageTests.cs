using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Functions.Storage;
using Kontext.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kontext.Functions.Tests.Mcp;

/// <summary>A call in which something was asked goes on between two instances while storage fails, and ends in the protocol's way when it fails for too long.</summary>
public sealed class ParkedCallStorageTests
{
    private const string Mailbox = "mcpmailbox";
    private static readonly JsonObject Elicitation = new() { ["elicitation"] = new JsonObject() };

    [Fact]
    public async Task The_rest_of_a_call_is_handed_on_as_soon_as_storage_takes_it()
    {
        await using var server = await AskingServer.StartAsync();
        var tables = new FaultyTables(new MemoryTables());
        var logs = new Lines();
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", server.Url);
        await using var first = await GatewayApp.StartAsync(ports, tables: tables, logs: logs);
        await using var second = await GatewayApp.StartAsync(ports, tables: tables);
        var asked = await CallAsync(first, new JsonObject { ["name"] = "github__echo" });
        tables[Mailbox].FailWrite(1);
        tables[Mailbox].FailWrite(2);

        var answer = await ContinueAsync(second, asked);

        Assert.Equal("input_required", (string?)asked["result"]!["resultType"]);
        Assert.Equal("went on", (string?)answer["result"]!["content"]![0]!["text"]);
        Assert.Equal(2, logs.All.Count(line => line.Contains("cannot be handed on yet", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Whoever_waits_for_the_rest_waits_on_while_storage_cannot_be_read()
    {
        await using var server = await AskingServer.StartAsync();
        var tables = new FaultyTables(new MemoryTables());
        var logs = new Lines();
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", server.Url);
        await using var first = await GatewayApp.StartAsync(ports, tables: tables);
        await using var second = await GatewayApp.StartAsync(ports, tables: tables, logs: logs);
        var asked = await CallAsync(first, new JsonObject { ["name"] = "github__echo" });
        tables[Mailbox].FailRead(1);
        tables[Mailbox].FailRead(2);

        var answer = await ContinueAsync(second, asked);

        Assert.Equal("went on", (string?)answer["result"]!["content"]![0]!["text"]);
        Assert.Single(logs.All, line => line.Contains("mailbox between instances", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_call_whose_rest_does_not_come_in_time_ends_with_an_error_of_the_protocol()
    {
        await using var server = await AskingServer.StartAsync();
        var tables = new FaultyTables(new MemoryTables());
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", server.Url);
        await using var first = await GatewayApp.StartAsync(ports, tables: tables);
        await using var second = await GatewayApp.StartAsync(ports, time: new FastTime(), tables: tables);
        var asked = await CallAsync(first, new JsonObject { ["name"] = "github__echo" });
        for (var write = 1; write <= 20; write++)
            tables[Mailbox].FailWrite(write);

        var answer = await ContinueAsync(second, asked);

        Assert.Equal(-32603, (int)answer["error"]!["code"]!);
        Assert.Contains("did not go on in time", (string?)answer["error"]!["message"], StringComparison.Ordinal);
    }

    private static Task<JsonNode> CallAsync(GatewayApp gateway, JsonObject parameters) => gateway.AskAsync(modern: true, "tools/call", parameters, capabilities: (JsonObject)Elicitation.DeepClone());

    private static Task<JsonNode> ContinueAsync(GatewayApp gateway, JsonNode asked) => CallAsync(gateway, new JsonObject
    {
        ["name"] = "github__echo",
        ["requestState"] = (string?)asked["result"]!["requestState"],
        ["inputResponses"] = new JsonObject { ["question"] = new JsonObject { ["action"] = "accept", ["content"] = new JsonObject() } },
    });

    /// <summary>A server of 2025-11-25 whose tool asks before it answers.</summary>
    private static class AskingServer
    {
        public static async Task<McpServerDouble> StartAsync()
        {
            var server = await McpServerDouble.StartAsync(modern: false);
            var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            server.Fault = async (context, body) =>
            {
                if ((string?)body["method"] == "tools/call")
                {
                    context.Response.ContentType = "text/event-stream";
                    await SayAsync(context, """{"jsonrpc":"2.0","id":"q1","method":"elicitation/create","params":{"message":"Sure?","requestedSchema":{"type":"object","properties":{}}}}""");
                    await answered.Task.WaitAsync(context.RequestAborted);
                    await SayAsync(context, $$$"""{"jsonrpc":"2.0","id":{{{body["id"]!.ToJsonString()}}},"result":{"content":[{"type":"text","text":"went on"}]}}""");
                    return true;
                }
                if (body["result"] is null)
                    return false;
                context.Response.StatusCode = StatusCodes.Status202Accepted;
                answered.TrySetResult();
                return true;
            };
            return server;
        }

        private static async Task SayAsync(HttpContext context, string message)
        {
            await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes($"data: {message}\n\n"));
            await context.Response.Body.FlushAsync();
        }
    }

    /// <summary>A clock on which a minute of waiting is over in a moment; the time of day is the ordinary one.</summary>
    private sealed class FastTime : TimeProvider
    {
        public override long TimestampFrequency => base.TimestampFrequency / 1000;
    }

    private sealed class Lines : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> All { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => All.Enqueue(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
