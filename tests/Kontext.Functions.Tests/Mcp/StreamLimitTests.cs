using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Domain.Audit;
using Kontext.Functions.Limits;
using Kontext.Functions.Storage;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Mcp;

/// <summary>Streams on which clients wait for changes are bounded for each agent and each person.</summary>
public sealed class StreamLimitTests
{
    private static readonly CallSettings NoRates = CallSettings.Default with { PerAgent = 0, PerPerson = 0 };

    public static TheoryData<int, int, string> Bounds { get; } = new() { { 2, 0, "agent" }, { 0, 2, "person" } };

    [Theory]
    [MemberData(nameof(Bounds))]
    public async Task One_subscription_too_many_is_refused_with_a_hint_until_another_ends(int agent, int person, string whose)
    {
        var ports = new GatewayPorts();
        await using var gateway = await GatewayApp.StartAsync(ports, calls: NoRates with { StreamsPerAgent = agent, StreamsPerPerson = person });
        using var first = await SubscribeAsync(gateway);
        var second = await SubscribeAsync(gateway);

        using var third = await SubscribeAsync(gateway);
        var error = (await GatewayApp.MessagesAsync(third))[0]["error"]!;
        using var call = await gateway.SendAsync(modern: true, "tools/list");
        second.Dispose();

        Assert.Equal("text/event-stream", first.Content.Headers.ContentType!.MediaType);
        Assert.Equal(-32603, (int)error["code"]!);
        Assert.Equal("kontext_rate_limited", (string?)error["data"]!["code"]);
        Assert.Equal(30, (int)error["data"]!["retryAfterSeconds"]!);
        Assert.Contains($"at most 2 open streams are let through for one {whose}", (string?)error["message"], StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromSeconds(30), third.Headers.RetryAfter!.Delta);
        Assert.Equal(HttpStatusCode.OK, call.StatusCode);
        Assert.Equal(AuditTypes.CallsLimited, Assert.Single(ports.Audit).Type);
        await AdmittedAsync(gateway);
    }

    [Fact]
    public async Task One_session_stream_too_many_is_answered_with_429()
    {
        await using var gateway = await GatewayApp.StartAsync(new GatewayPorts(), calls: NoRates with { StreamsPerAgent = 1 });
        using var opened = await gateway.SendAsync(modern: false, "initialize", new JsonObject { ["protocolVersion"] = "2025-11-25", ["capabilities"] = new JsonObject(), ["clientInfo"] = new JsonObject { ["name"] = "test", ["version"] = "1" } });
        var session = Assert.Single(opened.Headers.GetValues("Mcp-Session-Id"));
        using var first = await ListenAsync(gateway, session);

        using var second = await ListenAsync(gateway, session);
        var error = JsonNode.Parse(await second.Content.ReadAsStringAsync())!;

        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, second.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(30), second.Headers.RetryAfter!.Delta);
        Assert.Null(error["id"]);
        Assert.Equal("kontext_rate_limited", (string?)error["error"]!["data"]!["code"]);
    }

    [Fact]
    public async Task Opening_a_stream_again_and_again_counts_as_calling()
    {
        await using var gateway = await GatewayApp.StartAsync(new GatewayPorts(), calls: CallSettings.Default with { PerAgent = 2 });
        using var first = await SubscribeAsync(gateway);
        using var second = await SubscribeAsync(gateway);
        using var third = await SubscribeAsync(gateway);

        Assert.Contains("at most 2 calls a minute", (string?)(await GatewayApp.MessagesAsync(third))[0]["error"]!["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Messages_without_an_answer_count_as_calls_and_one_too_many_does_nothing()
    {
        var tables = new FaultyTables(new MemoryTables());
        await using var gateway = await GatewayApp.StartAsync(new GatewayPorts(), calls: CallSettings.Default with { PerPerson = 3 }, tables: tables);
        using var opened = await gateway.SendAsync(modern: false, "initialize", new JsonObject { ["protocolVersion"] = "2025-11-25", ["capabilities"] = new JsonObject(), ["clientInfo"] = new JsonObject { ["name"] = "test", ["version"] = "1" } });
        var session = Assert.Single(opened.Headers.GetValues("Mcp-Session-Id"));
        using var first = await CancelAsync(gateway, session, 1);
        using var second = await CancelAsync(gateway, session, 2);
        var before = tables["mcpmailbox"].Writes;

        using var third = await CancelAsync(gateway, session, 3);
        var error = JsonNode.Parse(await third.Content.ReadAsStringAsync())!;

        Assert.Equal([HttpStatusCode.Accepted, HttpStatusCode.Accepted, HttpStatusCode.TooManyRequests], new[] { first, second, third }.Select(response => response.StatusCode));
        Assert.NotNull(third.Headers.RetryAfter);
        Assert.Null(error["id"]);
        Assert.Equal("kontext_rate_limited", (string?)error["error"]!["data"]!["code"]);
        Assert.NotEqual(0, before);
        Assert.Equal(before, tables["mcpmailbox"].Writes);
    }

    private static Task<HttpResponseMessage> CancelAsync(GatewayApp gateway, string session, int id)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, "/mcp") { Content = new StringContent($$$"""{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{{{id}}}}}""", Encoding.UTF8, "application/json") };
        message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", "agent-token");
        message.Headers.TryAddWithoutValidation("Accept", "application/json, text/event-stream");
        message.Headers.Add("Mcp-Session-Id", session);
        message.Headers.Add("MCP-Protocol-Version", "2025-11-25");
        return gateway.SendAsync(message);
    }

    private static Task<HttpResponseMessage> SubscribeAsync(GatewayApp gateway) =>
        gateway.SendAsync(modern: true, "subscriptions/listen", new JsonObject { ["notifications"] = new JsonObject { ["toolsListChanged"] = true } });

    // A server learns in its own time that a client is gone.
    private static async Task AdmittedAsync(GatewayApp gateway)
    {
        while (!TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            using var next = await SubscribeAsync(gateway);
            if (next.Content.Headers.ContentType?.MediaType == "text/event-stream")
                return;
        }
    }

    private static Task<HttpResponseMessage> ListenAsync(GatewayApp gateway, string session)
    {
        var message = new HttpRequestMessage(HttpMethod.Get, "/mcp");
        message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", "agent-token");
        message.Headers.Accept.ParseAdd("text/event-stream");
        message.Headers.Add("Mcp-Session-Id", session);
        message.Headers.Add("MCP-Protocol-Version", "2025-11-25");
        return gateway.SendAsync(message, HttpCompletionOption.ResponseHeadersRead);
    }
}
