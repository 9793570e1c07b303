using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Mcp;

/// <summary>The official conformance suite and the official clients through the gateway: two instances in turn, so that each message of a session may come to another one.</summary>
public sealed class GatewayConformanceTests(AzuriteFixture azurite)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("2025-11-25", "legacy")]
    [InlineData("2025-11-25", "modern")]
    [InlineData("2026-07-28", "modern")]
    public async Task The_conformance_suite_passes_through_two_instances(string revision, string server)
    {
        await using var gateway = await StartAsync();
        await using var front = await gateway.FrontAsync("/" + server);

        var outcome = await NodeProgram.RunAsync("tests/mcp-conformance/run.mjs", new Dictionary<string, string> { ["URL"] = front.Address.OriginalString, ["REVISION"] = revision }, Cancelled);

        Assert.True(outcome.ExitCode == 0, outcome.Output);
    }

    [Fact]
    public async Task Clients_and_servers_of_different_revisions_do_not_notice_each_other()
    {
        await using var gateway = await StartAsync();
        await using var old = await gateway.FrontAsync("/legacy");
        await using var modern = await gateway.FrontAsync("/modern");
        await using var sse = await gateway.FrontAsync("/sse");
        await using var all = await gateway.FrontAsync("");

        var outcome = await NodeProgram.RunAsync("tests/mcp-client/bridges.mjs", new Dictionary<string, string>
        {
            ["OLD"] = old.Address.OriginalString,
            ["NEW"] = modern.Address.OriginalString,
            ["SSE"] = sse.Address.OriginalString,
            ["ALL"] = all.Address.OriginalString,
        }, Cancelled);

        Assert.True(outcome.ExitCode == 0, outcome.Output);
    }

    [Fact]
    public async Task A_session_is_its_persons_and_no_substitute_for_a_token()
    {
        await using var gateway = await StartAsync();
        using var opened = await gateway.PostAsync(gateway.Token, session: null, "initialize", new JsonObject { ["protocolVersion"] = "2025-11-25", ["capabilities"] = new JsonObject(), ["clientInfo"] = new JsonObject { ["name"] = "test", ["version"] = "1" } });
        var session = Assert.Single(opened.Headers.GetValues("Mcp-Session-Id"));
        using var own = await gateway.PostAsync(gateway.Token, session, "tools/list", []);
        using var others = await gateway.PostAsync(await gateway.TokenAsync("bob"), session, "tools/list", []);
        using var nobodys = await gateway.PostAsync(token: null, session, "tools/list", []);
        using var changed = await gateway.PostAsync(gateway.Token, session[..^4] + "AAAA", "tools/list", []);

        Assert.Equal(HttpStatusCode.OK, own.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, others.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, nobodys.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, changed.StatusCode);
    }

    private Task<TwoInstances> StartAsync() => TwoInstances.StartAsync(azurite);
}
