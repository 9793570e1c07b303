using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>Traces and figures through the management API: what agents did shows at once, to whom it concerns.</summary>
public sealed class TracesTests(KontextFixture kontext)
{
    private readonly TestAgent agent = kontext.Agent;

    [Fact]
    public async Task An_exchange_is_a_trace_with_its_events_for_its_person_the_owner_and_auditors_only()
    {
        var name = ApiCalls.Unique("traced");
        var (application, trace) = await ExchangedAsync("tracy", name);
        Assert.Equal(application, (string?)trace["agentId"]);
        Assert.Equal(32, ((string)trace["traceId"]!).Length);
        Assert.Null(trace["endedAt"]);

        var path = "/traces/" + (string)trace["traceId"]!;
        foreach (var token in new[] { kontext.OwnerToken, await agent.ManagementTokenAsync("tracy"), await agent.ManagementTokenAsync("tina+auditor") })
        {
            var read = await agent.ApiAsync(HttpMethod.Get, path, token);
            Assert.Equal(HttpStatusCode.OK, read.Status);
            var issued = Assert.Single(read.Json!["events"]!.AsArray(), happened => (string?)happened!["type"] == "credential.issued")!;
            Assert.Equal((name, "ok", application), ((string?)issued["integrationName"], (string?)issued["status"], (string?)issued["agentId"]));
            Assert.Equal((int)read.Json["trace"]!["eventCount"]!, read.Json["events"]!.AsArray().Count);
            Assert.Equal("credential", (string?)issued["policyEvaluation"]!["facts"]!["access"]);
            Assert.True((bool)issued["policyEvaluation"]!["facts"]!["attached"]!);
            Assert.Equal("allow", (string?)issued["policyEvaluation"]!["org"]!["effect"]);
        }
        var stranger = await agent.ManagementTokenAsync("trent");
        Assert.Equal(HttpStatusCode.NotFound, (await agent.ApiAsync(HttpMethod.Get, path, stranger)).Status);
        Assert.Empty((await agent.ApiAsync(HttpMethod.Get, "/traces", stranger)).Json!["items"]!.AsArray());
        Assert.Empty((await agent.ApiAsync(HttpMethod.Get, $"/traces?userId={trace["ownerUserId"]}", stranger)).Json!["items"]!.AsArray());
        Assert.Equal(0, (int)(await agent.ApiAsync(HttpMethod.Get, "/traces/stats", stranger)).Json!["totalEvents"]!);
    }

    [Fact]
    public async Task Figures_of_a_person_grow_with_what_is_done_for_them()
    {
        var name = ApiCalls.Unique("counted");
        var (_, trace) = await ExchangedAsync("stacy", name);
        var token = await agent.ManagementTokenAsync("stacy");
        var figures = (await agent.ApiAsync(HttpMethod.Get, "/traces/stats?period=24h", token)).Json!;
        Assert.True((int)figures["totalTraces"]! >= 1);
        Assert.Equal((int)figures["totalEvents"]!, figures["eventCounts"]!.AsObject().Sum(count => (int)count.Value!));
        Assert.Equal(0, (double)figures["errorRate"]!);
        var everybody = (await agent.ApiAsync(HttpMethod.Get, "/traces/stats?period=30d", kontext.OwnerToken)).Json!;
        Assert.True((int)everybody["totalEvents"]! >= (int)figures["totalEvents"]!);
        var same = (await agent.ApiAsync(HttpMethod.Get, $"/traces/stats?period=7d&userId={trace["ownerUserId"]}", kontext.OwnerToken)).Json!;
        Assert.True((int)same["totalEvents"]! >= (int)figures["totalEvents"]!);
        Assert.NotNull(figures["topTools"]);
        Assert.NotNull(figures["errorsByType"]);
        Assert.NotNull(figures["bytesTransferred"]!["in"]);
    }

    [Fact]
    public async Task Lists_are_filtered_and_paged_by_cursor_and_offset()
    {
        var name = ApiCalls.Unique("paged");
        var (application, _) = await ExchangedAsync("paige", name, times: 3);
        var filter = $"/traces?agentId={application}";
        var whole = (await agent.ApiAsync(HttpMethod.Get, filter, kontext.OwnerToken)).Json!["items"]!.AsArray().Select(item => (string)item!["traceId"]!).ToList();
        Assert.True(whole.Count >= 3);
        var byCursor = new List<string>();
        string? cursor = null;
        do
        {
            var page = (await agent.ApiAsync(HttpMethod.Get, $"{filter}&limit=1{(cursor is null ? "" : "&cursor=" + cursor)}", kontext.OwnerToken)).Json!;
            byCursor.AddRange(page["items"]!.AsArray().Select(item => (string)item!["traceId"]!));
            cursor = (string?)page["nextCursor"];
        }
        while (cursor is not null);
        Assert.Equal(whole, byCursor);
        Assert.Equal(whole.Skip(1), (await agent.ApiAsync(HttpMethod.Get, filter + "&offset=1", kontext.OwnerToken)).Json!["items"]!.AsArray().Select(item => (string)item!["traceId"]!));
        Assert.Empty((await agent.ApiAsync(HttpMethod.Get, $"/traces?agentId={Guid.NewGuid()}", kontext.OwnerToken)).Json!["items"]!.AsArray());
    }

    [Fact]
    public async Task Recent_mcp_events_are_what_agents_did_for_the_caller_and_never_what_the_caller_changed()
    {
        var name = ApiCalls.Unique("mine");
        await ExchangedAsync(KontextFixture.Owner, name);
        await ExchangedAsync("eve", ApiCalls.Unique("eves"));
        await agent.ApiAsync(HttpMethod.Post, "/service-accounts", kontext.OwnerToken, new JsonObject { ["name"] = ApiCalls.Unique("robot") });
        var events = (await agent.ApiAsync(HttpMethod.Get, "/mcp-events?limit=200", kontext.OwnerToken)).Json!["items"]!.AsArray();
        Assert.Contains(events, item => (string?)item!["type"] == "credential.issued" && (string?)item["integrationName"] == name);
        Assert.All(events, item =>
        {
            Assert.Contains((string?)item!["type"], new[] { "api.call", "credential.issued", "credential.injected" });
            Assert.Equal(KontextFixture.Owner, (string?)item["user"]!["name"]);
        });
        // The newest is the agent's, not the change that came after it.
        Assert.Equal("credential.issued", (string?)Assert.Single((await agent.ApiAsync(HttpMethod.Get, "/mcp-events?limit=1", kontext.OwnerToken)).Json!["items"]!.AsArray())!["type"]);
    }

    [Fact]
    public async Task Traces_up_to_a_moment_begin_there()
    {
        var (application, _) = await ExchangedAsync("uma", ApiCalls.Unique("until"), times: 2);
        var path = $"/traces?agentId={application}";
        var whole = (await agent.ApiAsync(HttpMethod.Get, path, kontext.OwnerToken)).Json!;
        Assert.Null(whole["lookedBackTo"]);
        var newest = DateTimeOffset.Parse((string)whole["items"]![0]!["lastEventAt"]!, System.Globalization.CultureInfo.InvariantCulture);
        Assert.NotEmpty((await agent.ApiAsync(HttpMethod.Get, $"{path}&until={Uri.EscapeDataString($"{newest.AddSeconds(1):O}")}", kontext.OwnerToken)).Json!["items"]!.AsArray());
        Assert.Empty((await agent.ApiAsync(HttpMethod.Get, $"{path}&until={Uri.EscapeDataString($"{newest.AddHours(-1):O}")}", kontext.OwnerToken)).Json!["items"]!.AsArray());
    }

    [Theory]
    [InlineData("/traces?until=yesterday")]
    [InlineData("/traces?limit=0")]
    [InlineData("/traces?offset=-1")]
    [InlineData("/traces?cursor=nonsense")]
    [InlineData("/traces?cursor=%21%21")]
    [InlineData("/traces?userId=x")]
    [InlineData("/traces?sessionId=x")]
    [InlineData("/traces?agentId=x")]
    [InlineData("/traces/stats?period=1y")]
    [InlineData("/traces/stats?userId=x")]
    public async Task Parameters_that_mean_nothing_are_refused(string path) =>
        Assert.Equal("kontext_validation_error", (await agent.ApiAsync(HttpMethod.Get, path, kontext.OwnerToken))["code"]);

    [Theory]
    [InlineData("/traces/x")]
    [InlineData("/traces/00000000000000000000000000000000")]
    public async Task An_unknown_trace_is_not_found(string path) =>
        Assert.Equal(HttpStatusCode.NotFound, (await agent.ApiAsync(HttpMethod.Get, path, kontext.OwnerToken)).Status);

    /// <summary>An agent of the person's exchanges its token for an integration's shared one; gives the application and the newest trace of it.</summary>
    private async Task<(string Application, JsonNode Trace)> ExchangedAsync(string person, string integration, int times = 1)
    {
        var service = await kontext.IntegrationAsync("server_token", new JsonObject { ["name"] = integration, ["serverToken"] = "shared-token" });
        var (application, _) = await kontext.ApplicationAsync();
        Assert.Equal(HttpStatusCode.OK, (await agent.ApiAsync(HttpMethod.Post, $"/applications/{application}/integrations/{service}", kontext.OwnerToken)).Status);
        using var browser = new FormBrowser();
        var tokens = await agent.AuthorizeAsync(browser, "app_" + application, person, agent.Gateway);
        for (var turn = 0; turn < times; turn++)
        {
            var exchanged = await agent.ExchangeAsync("app_" + application, tokens["access_token"]!, integration);
            Assert.True(exchanged.Status == HttpStatusCode.OK, $"{exchanged.Json}");
        }
        var listed = (await agent.ApiAsync(HttpMethod.Get, $"/traces?agentId={application}", kontext.OwnerToken)).Json!["items"]!.AsArray();
        foreach (var item in listed)
        {
            var read = (await agent.ApiAsync(HttpMethod.Get, $"/traces/{item!["traceId"]}", kontext.OwnerToken)).Json!;
            if (read["events"]!.AsArray().Any(happened => (string?)happened!["type"] == "credential.issued"))
                return (application, read["trace"]!.DeepClone());
        }
        throw new InvalidOperationException($"The exchange is in no trace: {listed}");
    }
}
