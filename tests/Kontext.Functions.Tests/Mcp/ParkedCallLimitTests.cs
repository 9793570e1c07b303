using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Kontext.Functions.Limits;
using Kontext.Functions.Mcp;
using Kontext.Functions.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Kontext.Functions.Tests.Mcp;

/// <summary>Calls that wait for a person's answer are bounded in number, in questions and in what they keep.</summary>
public sealed class ParkedCallLimitTests
{
    private static readonly CallSettings NoRates = CallSettings.Default with { PerAgent = 0, PerPerson = 0 };

    [Fact]
    public async Task One_waiting_call_too_many_is_refused_until_another_ends()
    {
        await using var server = await McpServerDouble.StartAsync(modern: false);
        var asking = new Asking(server, questions: 1);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", server.Url);
        await using var gateway = await GatewayApp.StartAsync(ports, calls: NoRates with { ConcurrentPerPerson = 2 });
        var first = await CallAsync(gateway);
        var second = await CallAsync(gateway);

        var third = await CallAsync(gateway);
        await asking.Cancelled.WaitAsync(TestContext.Current.CancellationToken);
        var ended = await ContinueAsync(gateway, first);

        Assert.Equal(["input_required", "input_required"], new[] { first, second }.Select(asked => (string?)asked["result"]!["resultType"]));
        Assert.Equal("kontext_rate_limited", (string?)third["error"]!["data"]!["code"]);
        Assert.Contains("at most 2 of them are let through for one person", (string?)third["error"]!["message"], StringComparison.Ordinal);
        Assert.Equal("went on", (string?)ended["result"]!["content"]![0]!["text"]);
        // The place is free when the call is on record as ended, which its client may hear of a moment before.
        while ((await CallAsync(gateway))["error"] is not null)
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
    }

    [Fact]
    public async Task A_server_that_does_not_stop_asking_is_left()
    {
        await using var server = await McpServerDouble.StartAsync(modern: false);
        var asking = new Asking(server, questions: 100);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", server.Url);
        await using var gateway = await GatewayApp.StartAsync(ports, calls: NoRates);

        var questions = 0;
        var answer = await CallAsync(gateway);
        for (; answer["error"] is null; questions++)
            answer = await ContinueAsync(gateway, answer);

        Assert.Equal(16, questions);
        Assert.Equal("github does not stop asking.", (string?)answer["error"]!["message"]);
        await asking.Cancelled.WaitAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task What_was_answered_elsewhere_is_not_kept()
    {
        await using var server = await McpServerDouble.StartAsync(modern: false);
        _ = new Asking(server, questions: 6);
        var tables = new MemoryTables();
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", server.Url);
        await using var first = await GatewayApp.StartAsync(ports, tables: tables);
        await using var second = await GatewayApp.StartAsync(ports, tables: tables);

        var answer = await CallAsync(first);
        while (answer["result"]!["resultType"]!.ToString() == "input_required")
            answer = await ContinueAsync(second, answer);

        Assert.Equal("went on", (string?)answer["result"]!["content"]![0]!["text"]);
        Assert.InRange(first.Services.GetRequiredService<ParkedCalls>().Waiting, 1, 2);
    }

    private static Task<JsonNode> CallAsync(GatewayApp gateway) => SendAsync(gateway, new JsonObject { ["name"] = "github__echo" });

    private static Task<JsonNode> ContinueAsync(GatewayApp gateway, JsonNode asked) => SendAsync(gateway, new JsonObject
    {
        ["name"] = "github__echo",
        ["requestState"] = (string?)asked["result"]!["requestState"],
        ["inputResponses"] = new JsonObject { ["question"] = new JsonObject { ["action"] = "accept", ["content"] = new JsonObject() } },
    });

    private static Task<JsonNode> SendAsync(GatewayApp gateway, JsonObject parameters) =>
        gateway.AskAsync(modern: true, "tools/call", parameters, capabilities: new JsonObject { ["elicitation"] = new JsonObject() });

    /// <summary>Has a server of 2025-11-25 ask so many times before it answers a call.</summary>
    private sealed class Asking
    {
        private readonly ConcurrentDictionary<string, TaskCompletionSource> answers = new(StringComparer.Ordinal);
        private readonly TaskCompletionSource cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly int questions;
        private int last;

        public Asking(McpServerDouble server, int questions)
        {
            this.questions = questions;
            server.Fault = TakeAsync;
        }

        /// <summary>Completes when the server is told that a call is over.</summary>
        public Task Cancelled => cancelled.Task;

        private async Task<bool> TakeAsync(HttpContext context, JsonNode body)
        {
            if ((string?)body["method"] == "notifications/cancelled")
                cancelled.TrySetResult();
            if (body["result"] is not null)
            {
                context.Response.StatusCode = StatusCodes.Status202Accepted;
                answers[(string)body["id"]!].TrySetResult();
                return true;
            }
            if ((string?)body["method"] != "tools/call")
                return false;
            context.Response.ContentType = "text/event-stream";
            for (var asked = 0; asked < questions; asked++)
            {
                var id = $"q{Interlocked.Increment(ref last)}";
                var answered = answers[id] = new(TaskCreationOptions.RunContinuationsAsynchronously);
                await SayAsync(context, $$$"""{"jsonrpc":"2.0","id":"{{{id}}}","method":"elicitation/create","params":{"message":"Sure?","requestedSchema":{"type":"object","properties":{} } } }""");
                await answered.Task.WaitAsync(context.RequestAborted);
            }
            await SayAsync(context, $$$"""{"jsonrpc":"2.0","id":{{{body["id"]!.ToJsonString()}}},"result":{"content":[{"type":"text","text":"went on"}]}}""");
            return true;
        }

        private static async Task SayAsync(HttpContext context, string message)
        {
            await context.Response.WriteAsync($"data: {message}\n\n");
            await context.Response.Body.FlushAsync();
        }
    }
}
