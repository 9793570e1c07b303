using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Functions.Limits;

namespace Kontext.Functions.Tests.Mcp;

/// <summary>Clients of 2025-03-26 may send several messages at once, and no others may.</summary>
public sealed class BatchTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Each_message_of_a_batch_is_answered_for_itself(bool header)
    {
        await using var upstream = await McpServerDouble.StartAsync(modern: true);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);
        var batch = new JsonArray(
            GatewaySession.Request(1, "tools/call", new JsonObject { ["name"] = "github__echo", ["arguments"] = new JsonObject { ["text"] = "one" } }),
            new JsonObject { ["jsonrpc"] = "2.0", ["method"] = "notifications/initialized" },
            GatewaySession.Request("two", "ping"),
            new JsonObject { ["id"] = 3 },
            GatewaySession.Request(4, "initialize"),
            GatewaySession.Request(5, "no/such"));

        using var response = header ? await PostAsync(gateway, batch.ToJsonString(), "2025-03-26") : await (await GatewaySession.OpenAsync(gateway, version: "2025-03-26")).PostAsync(batch);
        var answers = await GatewayApp.MessagesAsync(response);

        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal(["1", "\"two\"", "null", "4", "5"], answers.Select(answer => answer["id"]?.ToJsonString() ?? "null"));
        Assert.Equal("one", (string?)answers[0]["result"]!["content"]![0]!["text"]);
        Assert.Empty(answers[1]["result"]!.AsObject());
        Assert.Equal([-32600, -32600, -32601], answers.Skip(2).Select(answer => (int)answer["error"]!["code"]!));
    }

    [Fact]
    public async Task What_needs_no_answer_gets_none()
    {
        await using var gateway = await GatewayApp.StartAsync(new GatewayPorts());

        using var response = await PostAsync(gateway, """[{"jsonrpc":"2.0","method":"notifications/initialized"},{"jsonrpc":"2.0","method":"notifications/cancelled"}]""", "2025-03-26");

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        Assert.Empty(await response.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("2025-06-18", 1)]
    [InlineData("2025-11-25", 1)]
    [InlineData("2026-07-28", 1)]
    [InlineData(null, 1)]
    [InlineData("2025-03-26", 0)]
    [InlineData("2025-03-26", 51)]
    public async Task A_batch_of_another_revision_or_size_is_refused(string? version, int messages)
    {
        await using var gateway = await GatewayApp.StartAsync(new GatewayPorts());

        using var response = await PostAsync(gateway, new JsonArray([.. Enumerable.Range(1, messages).Select(id => GatewaySession.Request(id, "ping"))]).ToJsonString(), version);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal(-32600, (int)(await GatewayApp.MessagesAsync(response))[0]["error"]!["code"]!);
    }

    [Fact]
    public async Task Each_message_counts_against_the_limits()
    {
        await using var gateway = await GatewayApp.StartAsync(new GatewayPorts(), calls: CallSettings.Default with { PerAgent = 2 });

        using var response = await PostAsync(gateway, new JsonArray([.. Enumerable.Range(1, 4).Select(id => GatewaySession.Request(id, "ping"))]).ToJsonString(), "2025-03-26");
        var answers = await GatewayApp.MessagesAsync(response);

        Assert.Equal([null, null, "kontext_rate_limited", "kontext_rate_limited"], answers.Select(answer => (string?)answer["error"]?["data"]?["code"]));
    }

    private static Task<HttpResponseMessage> PostAsync(GatewayApp gateway, string body, string? version)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, "/mcp") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        message.Headers.Accept.ParseAdd("application/json, text/event-stream");
        if (version is not null)
            message.Headers.Add("MCP-Protocol-Version", version);
        return gateway.SendAsync(message);
    }
}
