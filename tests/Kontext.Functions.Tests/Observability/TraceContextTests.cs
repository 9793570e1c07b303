using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Mcp;

namespace Kontext.Functions.Tests.Observability;

/// <summary>W3C trace context where nothing is exported: it goes on all the same.</summary>
public sealed class TraceContextTests
{
    private const string Trace = "55555555555555555555555555555555";

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task The_agents_trace_goes_on_to_the_integration_and_into_the_audit_trail(bool inMessage, bool modern)
    {
        await using var upstream = await McpServerDouble.StartAsync(modern);
        var ports = new GatewayPorts();
        GatewayApp.Connect(ports, "github", upstream.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);
        var parameters = new JsonObject { ["name"] = "github__echo" };
        if (inMessage)
            parameters["_meta"] = new JsonObject { ["traceparent"] = $"00-{Trace}-b7ad6b7169203331-00", ["baggage"] = "a=b" };

        using var response = await gateway.SendAsync(modern: true, "tools/call", parameters, change: message =>
        {
            // In vain, where the message names another.
            message.Headers.Remove("traceparent");
            message.Headers.TryAddWithoutValidation("traceparent", inMessage ? $"00-{Trace.Replace('5', '6')}-b7ad6b7169203331-00" : $"00-{Trace}-b7ad6b7169203331-00");
            message.Headers.TryAddWithoutValidation("baggage", "a=b");
        });

        var seen = Assert.Single(upstream.SeenOf("tools/call"));
        var meta = seen.Body["params"]!["_meta"]!.AsObject();
        Assert.StartsWith($"00-{Trace}-", seen.Headers["traceparent"], StringComparison.Ordinal);
        Assert.Equal(seen.Headers["traceparent"], (string?)meta["traceparent"]);
        Assert.DoesNotContain("b7ad6b7169203331", seen.Headers["traceparent"], StringComparison.Ordinal);
        Assert.False(meta.ContainsKey("baggage") || seen.Headers.ContainsKey("baggage"));
        Assert.All(ports.Audit, happened => Assert.Equal(Trace, happened.TraceId));
    }
}
