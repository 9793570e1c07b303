using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Functions.Upstream;

namespace Kontext.Functions.Tests.Mcp;

/// <summary>An integration that an administrator moves to another host: the old one gets nothing more, least of all a credential.</summary>
public sealed class MovedIntegrationTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_session_at_the_old_host_is_over_for_its_client()
    {
        await using var old = await SseServerDouble.StartAsync();
        await using var next = await SseServerDouble.StartAsync();
        var ports = new GatewayPorts();
        var integration = GatewayApp.Connect(ports, "github", old.Url);
        await using var gateway = await GatewayApp.StartAsync(ports);
        using var opened = await gateway.SendAsync(modern: false, "initialize", new JsonObject
        {
            ["protocolVersion"] = "2025-11-25", ["capabilities"] = new JsonObject { ["roots"] = new JsonObject() }, ["clientInfo"] = new JsonObject { ["name"] = "test", ["version"] = "1" },
        }, path: "/mcp/github");
        var session = Assert.Single(opened.Headers.GetValues("Mcp-Session-Id"));
        Assert.Equal(HttpStatusCode.Accepted, await TellAsync(gateway, session));
        var told = old.Seen.ToArray();
        Assert.Equal("notifications/roots/list_changed", told[^1]);

        ports.Integrations[0] = integration with { Url = next.Url.AbsoluteUri };

        Assert.Equal(HttpStatusCode.NotFound, await TellAsync(gateway, session));
        using var listed = await gateway.SendAsync(modern: false, "tools/list", path: "/mcp/github", change: message => message.Headers.Add("Mcp-Session-Id", session));
        Assert.Equal(HttpStatusCode.NotFound, listed.StatusCode);
        Assert.Single((await gateway.AskAsync(modern: false, "tools/list", path: "/mcp/github"))["result"]!["tools"]!.AsArray());
        Assert.Equal(told.AsEnumerable(), old.Seen);
        Assert.Contains("tools/list", next.Seen);
    }

    [Fact]
    public async Task Whatever_names_an_address_of_the_old_host_leads_nowhere()
    {
        await using var old = await SseServerDouble.StartAsync();
        await using var next = await SseServerDouble.StartAsync();
        var integration = GatewayApp.Connect(new GatewayPorts(), "github", next.Url);
        var upstream = new HttpMcpUpstream(GuardedHttp.Create(allowPrivateAddresses: true), GuardedHttp.Create(allowPrivateAddresses: true), new UpstreamEras(TimeProvider.System), UpstreamLimits.Ordinary);

        var posted = await upstream.PostAsync(integration, new Secret("upstream-secret-1"), $"sse {new Uri(old.Url, "/messages?stream=1")}", """{"jsonrpc":"2.0","id":"q","result":{}}"""u8.ToArray(), Cancelled);

        Assert.False(posted.TryGet(out _, out var failure));
        Assert.Equal(FailureCode.NotFound, failure.Code);
        Assert.Empty(old.Seen);
        Assert.Empty(next.Seen);
    }

    private static async Task<HttpStatusCode> TellAsync(GatewayApp gateway, string session)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, "/mcp/github") { Content = new StringContent("""{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}""", Encoding.UTF8, "application/json") };
        message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", "agent-token");
        message.Headers.TryAddWithoutValidation("Accept", "application/json, text/event-stream");
        message.Headers.Add("Mcp-Session-Id", session);
        message.Headers.Add("MCP-Protocol-Version", "2025-11-25");
        using var response = await gateway.SendAsync(message);
        return response.StatusCode;
    }
}
