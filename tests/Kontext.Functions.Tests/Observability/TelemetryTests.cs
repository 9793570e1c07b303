using System.Text.Json.Nodes;
using Kontext.Testing;
using Kontext.Testing.Telemetry;

namespace Kontext.Functions.Tests.Observability;

/// <summary>What a collector gets of the running product, and what it must never get.</summary>
public sealed class TelemetryTests(ObservedKontext kontext) : IClassFixture<ObservedKontext>
{
    private const string Calling = "b7ad6b7169203331";

    [Fact]
    public async Task A_tool_call_is_a_trace_from_the_agent_through_every_stage_to_the_integration()
    {
        const string trace = "11111111111111111111111111111111";
        var answer = await kontext.CallAsync("notes__echo", header: null, meta: $"00-{trace}-{Calling}-01");
        Assert.Equal(ObservedKontext.Argument, (string?)answer["result"]!["content"]![0]!["text"]);

        var request = await kontext.Receiver.SpanAsync(span => span.Trace == trace && span.Name == "tools/call echo" && span.Kind == 2);
        Assert.Equal((Calling, "vendor=1", false), (request.Parent, request.State, request.Failed));
        Assert.Equal(("tools/call", "echo", "execute_tool", "notes"), (request.Attributes["mcp.method.name"], request.Attributes["gen_ai.tool.name"], request.Attributes["gen_ai.operation.name"], request.Attributes["kontext.integration.name"]));
        var transport = Assert.Single(request.LinkedTraces);
        Assert.NotEqual(trace, transport);
        foreach (var stage in new[] { "kontext.policy", "kontext.vault", "kontext.audit.commit" })
            Assert.Equal(request.Id, (await kontext.Receiver.SpanAsync(span => span.Trace == trace && span.Name == stage)).Parent);
        var http = await kontext.Receiver.SpanAsync(span => span.Trace == transport && span.Name == "POST /mcp/");
        Assert.Equal(("POST", "/mcp/", "200"), (http.Attributes["http.request.method"], http.Attributes["http.route"], http.Attributes["http.response.status_code"]));
        Assert.Equal(http.Id, (await kontext.Receiver.SpanAsync(span => span.Trace == transport && span.Name == "kontext.authenticate")).Parent);

        var upstream = await kontext.Receiver.SpanAsync(span => span.Trace == trace && span.Name == "tools/call echo" && span.Kind == 3);
        Assert.Equal((request.Id, "127.0.0.1"), (upstream.Parent, upstream.Attributes["server.address"]));
        var seen = kontext.Mcp.SeenOf("tools/call").Single(call => ((string?)call.Body["params"]!["_meta"]!["traceparent"])!.Contains(trace, StringComparison.Ordinal));
        var context = $"00-{trace}-{upstream.Id}-01";
        Assert.Equal((context, context), (seen.Headers["traceparent"], (string?)seen.Body["params"]!["_meta"]!["traceparent"]));
        Assert.Equal(("vendor=1", "vendor=1", "p1"), (seen.Headers["tracestate"], (string?)seen.Body["params"]!["_meta"]!["tracestate"], (string?)seen.Body["params"]!["_meta"]!["progressToken"]));
        Assert.False(seen.Headers.ContainsKey("baggage") || seen.Body["params"]!["_meta"]!.AsObject().ContainsKey("baggage"));
        var recorded = await kontext.Agent.ApiAsync(HttpMethod.Get, "/audit/events?type=api.call&limit=50", kontext.OwnerToken);
        Assert.Contains(recorded.Json!["items"]!.AsArray(), item => (string?)item!["traceId"] == trace && (string?)item["capability"] == "notes:echo");
    }

    [Fact]
    public async Task A_trace_in_the_header_is_followed_where_the_message_names_none()
    {
        await kontext.CallAsync("notes__echo", header: $"00-{ObservedKontext.Trace}-{Calling}-01", meta: null);

        var http = await kontext.Receiver.SpanAsync(span => span.Trace == ObservedKontext.Trace && span.Name == "POST /mcp/");
        var request = await kontext.Receiver.SpanAsync(span => span.Trace == ObservedKontext.Trace && span.Kind == 2 && span.Name == "tools/call echo");

        Assert.Equal((Calling, http.Id), (http.Parent, request.Parent));
        Assert.Empty(request.LinkedTraces);
        Assert.Contains(kontext.Mcp.SeenOf("tools/call"), call => call.Headers["traceparent"].Contains(ObservedKontext.Trace, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_broken_trace_context_counts_as_none()
    {
        var answer = await kontext.CallAsync("notes__echo", header: "00-xyz", meta: "00-00000000000000000000000000000000-0000000000000000-01");
        Assert.NotNull(answer["result"]);
        Assert.DoesNotContain(kontext.Receiver.Spans, span => span.Trace.All(character => character == '0'));
    }

    [Fact]
    public async Task A_refresh_during_an_exchange_is_a_stage_with_the_provider_below_it()
    {
        // The simulator's tokens live for a second, so sooner or later an exchange finds one due that the sweep has not renewed.
        ReceivedSpan? stage = null;
        for (var exchanges = 1; stage is null; exchanges++)
        {
            var exchanged = await kontext.Agent.ExchangeAsync(kontext.ClientId, kontext.AgentToken, "files");
            Assert.True(exchanged["access_token"] is not null, exchanged.Json?.ToJsonString());
            await kontext.Receiver.SpanAsync(_ => kontext.Receiver.Spans.Count(span => span.Name == "POST /oauth2/token") >= exchanges);
            stage = kontext.Receiver.Spans.FirstOrDefault(span => span.Name == "kontext.refresh"
                && kontext.Receiver.Spans.Any(other => other.Id == span.Parent && other.Name == "POST /oauth2/token") && kontext.Receiver.Spans.Any(other => other.Parent == span.Id && other.Name == "POST"));
        }

        var call = kontext.Receiver.Spans.First(span => span.Parent == stage.Id && span.Name == "POST");
        Assert.Equal((3, "127.0.0.1", "200"), (call.Kind, call.Attributes["server.address"], call.Attributes["http.response.status_code"]));
        await kontext.Receiver.SpanAsync(span => span.Name == "kontext.connection" && span.Trace == stage.Trace);
        await kontext.Receiver.SpanAsync(span => span.Name == "POST /oauth2/token" && span.Trace == stage.Trace);
        await kontext.Receiver.PointAsync("kontext.refreshes", point => point.Attributes["kontext.outcome"] == "renewed");
        await kontext.Receiver.PointAsync("kontext.exchanges", point => point.Attributes["kontext.outcome"] == "issued");
    }

    [Fact]
    public async Task Requests_refusals_and_failures_are_measured()
    {
        var rule = await kontext.Agent.ApiAsync(HttpMethod.Post, "/policy/rules", kontext.OwnerToken, new JsonObject
        {
            ["action"] = "deny", ["level"] = "org", ["integrationId"] = kontext.Notes, ["toolName"] = "delete_item",
        });
        Assert.Equal(System.Net.HttpStatusCode.Created, rule.Status);
        JsonNode denied;
        do
        {
            denied = await kontext.CallAsync("notes__delete_item", header: null, meta: null);
        }
        while ((string?)denied["result"]?["_meta"]?["kontext/error"]?["code"] != "kontext_policy_denied");
        await kontext.Agent.ExchangeAsync(kontext.ClientId, kontext.AgentToken, "unheard-of");

        await kontext.Receiver.PointAsync("kontext.denials", point => point.Attributes["kontext.policy.layer"] == "org" && point.Value >= 1);
        await kontext.Receiver.PointAsync("kontext.exchanges", point => point.Attributes["kontext.outcome"] == "invalid_target");
        var server = await kontext.Receiver.PointAsync("mcp.server.operation.duration", point => point.Attributes.GetValueOrDefault("error.type") == "policy_denied");
        Assert.Equal(("s", "tools/call"), (server.Unit, server.Attributes["mcp.method.name"]));
        await kontext.CallAsync("notes__echo", header: null, meta: null);
        await kontext.Receiver.PointAsync("mcp.client.operation.duration", point => point.Attributes["kontext.integration.name"] == "notes" && !point.Attributes.ContainsKey("error.type"));
        await kontext.Receiver.PointAsync("kontext.audit.commit.duration", point => point.Value >= 1);
        await kontext.Receiver.PointAsync("http.server.request.duration", point => point.Attributes.GetValueOrDefault("http.route") == "/mcp/");
        var refused = await kontext.Receiver.SpanAsync(span => span.Failed && span.Name == "tools/call delete_item");
        Assert.Equal("policy_denied", refused.Attributes["error.type"]);
    }

    [Fact]
    public async Task Neither_telemetry_nor_logs_hold_a_secret_an_argument_or_a_query()
    {
        await kontext.CallAsync("notes__echo", header: null, meta: $"00-22222222222222222222222222222222-{Calling}-01");
        var credential = (await kontext.Agent.ExchangeAsync(kontext.ClientId, kontext.AgentToken, "files"))["access_token"]!;
        await kontext.Agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = kontext.ClientId, ["refresh_token"] = "canary-refresh-token-90ef" });
        using (await kontext.Server.Http.GetAsync(new Uri($"/oauth2/auth?client_id={ObservedKontext.Query}", UriKind.Relative)))
        {
        }
        await kontext.CallAsync("unheard-of__tool", header: null, meta: $"00-33333333333333333333333333333333-{Calling}-01");
        await kontext.Receiver.SpanAsync(span => span.Trace == "33333333333333333333333333333333");
        await kontext.Receiver.SpanAsync(span => span.Trace == "22222222222222222222222222222222" && span.Kind == 3);

        foreach (var secret in new[] { ObservedKontext.UpstreamToken, ObservedKontext.Argument, ObservedKontext.Query, "canary-refresh-token-90ef", credential, kontext.AgentToken.Split('.')[2], kontext.OwnerToken.Split('.')[2], kontext.RefreshToken })
        {
            Assert.DoesNotContain(secret, kontext.Receiver.Everything, StringComparison.Ordinal);
            Assert.DoesNotContain(secret, kontext.Server.Output, StringComparison.Ordinal);
        }
        Assert.Contains("kontext-under-test", kontext.Receiver.Everything, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_log_line_is_an_object_with_the_trace_it_belongs_to()
    {
        const string trace = "44444444444444444444444444444444";
        await kontext.CallAsync("unheard-of__tool", header: null, meta: $"00-{trace}-{Calling}-01");
        await kontext.Agent.ExchangeAsync(kontext.ClientId, "not-a-token", "files");
        await kontext.CallAsync("files__anything", header: null, meta: $"00-{trace}-{Calling}-01");

        List<JsonNode> lines;
        do
        {
            // What the process wrote arrives when the pipe is read.
            await Task.Yield();
            lines = [.. kontext.Server.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(line => JsonNode.Parse(line)!)];
        }
        while (!lines.Exists(line => (string?)line["traceId"] == trace));
        Assert.All(lines, line => Assert.Equal(["timestamp", "level", "category", "eventId", "message"], line.AsObject().Select(member => member.Key).Take(5)));
        var refused = Assert.Single(lines, line => (string?)line["traceId"] == trace);
        Assert.Equal("tools/call", (string?)refused["fields"]!["Method"]);
    }
}
