using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Kontext.Testing;
using Microsoft.AspNetCore.Http;

namespace Kontext.Functions.Tests.Proxy;

/// <summary>What agents may ask, and how services that limit, fail or keep silent are treated. Eight calls a minute, four seconds of silence.</summary>
public sealed class ProxyLimitTests : IAsyncLifetime
{
    private const int PerMinute = 8;
    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;
    private KontextServer server = null!;
    private string owner = "";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        // The product lets go of a call a moment after its last byte, so only the test of calls at the same time limits those.
        server = await StartAsync(concurrent: "0");
        owner = await new TestAgent(server.Url).ManagementTokenAsync(KontextFixture.Owner);
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        Directory.Delete(keys, recursive: true);
    }

    [Fact]
    public async Task One_agents_calls_are_limited_over_proxy_and_gateway_together_with_a_hint_when_to_come_back()
    {
        await using var world = await WorldAsync();
        for (var call = 0; call < PerMinute; call++)
        {
            using var passed = await world.GetAsync("/x");
            Assert.Equal(HttpStatusCode.OK, passed.StatusCode);
        }
        using var refused = await world.GetAsync("/x");
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.True(refused.Headers.RetryAfter!.Delta > TimeSpan.Zero);
        var body = await refused.Content.ReadFromJsonAsync<JsonNode>(Cancelled);
        Assert.Equal("kontext_rate_limited", (string?)body!["code"]);
        Assert.True((int)body["retryAfterSeconds"]! > 0);

        var message = await new TestAgent(server.Url).McpAsync(world.Token, "tools/list");
        Assert.Equal(HttpStatusCode.OK, message.Status);
        Assert.Equal("kontext_rate_limited", (string?)message.Json!["error"]!["data"]!["code"]);
        Assert.True((int)message.Json["error"]!["data"]!["retryAfterSeconds"]! > 0);
        Assert.True(message.Headers.RetryAfter!.Delta > TimeSpan.Zero);

        await using var other = await WorldAsync();
        using var unaffected = await other.GetAsync("/x");
        Assert.Equal(HttpStatusCode.OK, unaffected.StatusCode);
        Assert.Equal(PerMinute, world.Api.Seen.Count);
        var events = await new TestAgent(server.Url).ApiAsync(HttpMethod.Get, "/audit/events?limit=100", owner);
        Assert.Single(events.Json!["items"]!.AsArray(), happened => (string?)happened!["type"] == "calls.limited");
    }

    [Fact]
    public async Task Calls_at_the_same_time_are_limited_until_one_ends()
    {
        await using var narrow = await StartAsync(concurrent: "2");
        await using var world = await ProxyWorld.CreateAsync(narrow, await new TestAgent(narrow.Url).ManagementTokenAsync(KontextFixture.Owner));
        var (reached, release) = (new SemaphoreSlim(0), new TaskCompletionSource());
        world.Api.Answer = async context =>
        {
            await context.Response.WriteAsync(": waiting");
            await context.Response.Body.FlushAsync();
            reached.Release();
            await release.Task.WaitAsync(context.RequestAborted);
        };
        using var first = await world.GetAsync("/1");
        using var second = await world.GetAsync("/2");
        await reached.WaitAsync(TimeSpan.FromSeconds(30), Cancelled);
        await reached.WaitAsync(TimeSpan.FromSeconds(30), Cancelled);
        using var third = await world.GetAsync("/3");
        Assert.Equal((HttpStatusCode.TooManyRequests, TimeSpan.FromSeconds(1)), (third.StatusCode, third.Headers.RetryAfter?.Delta));
        release.SetResult();
        await first.Content.ReadAsStringAsync(Cancelled);
        await second.Content.ReadAsStringAsync(Cancelled);
        HttpStatusCode status;
        do
        {
            // The product lets go of a call a moment after its last byte.
            using var fourth = await world.GetAsync("/4");
            status = fourth.StatusCode;
        }
        while (status == HttpStatusCode.TooManyRequests && world.Api.Seen.Count < PerMinute - 1);
        Assert.Equal(HttpStatusCode.OK, status);
    }

    [Fact]
    public async Task A_service_that_asks_for_a_short_wait_gets_the_call_again_afterwards()
    {
        await using var world = await WorldAsync();
        var began = TimeProvider.System.GetTimestamp();
        var waited = TimeSpan.Zero;
        world.Api.Answer = context =>
        {
            waited = TimeProvider.System.GetElapsedTime(began);
            if (world.Api.Seen.Count > 1)
                return context.Response.WriteAsync("ok");
            (context.Response.StatusCode, context.Response.Headers.RetryAfter) = (429, "1");
            return Task.CompletedTask;
        };
        using var answer = await world.SendAsync(HttpMethod.Post, "/x", new StringContent("body"));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(["body", "body"], world.Api.Seen.Select(seen => seen.Body));
        Assert.True(waited >= TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task A_long_wait_is_left_to_the_agent_and_nothing_is_sent_meanwhile()
    {
        await using var world = await WorldAsync();
        world.Api.Answer = context =>
        {
            (context.Response.StatusCode, context.Response.Headers.RetryAfter) = (429, TimeProvider.System.GetUtcNow().AddSeconds(120).ToString("R"));
            return Task.CompletedTask;
        };
        using var first = await world.GetAsync("/x");
        using var second = await world.GetAsync("/y");
        foreach (var answer in new[] { first, second })
        {
            Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode);
            Assert.InRange(answer.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(121));
        }
        Assert.Single(world.Api.Seen);
    }

    [Fact]
    public async Task Only_what_can_do_nothing_twice_is_repeated_when_a_service_fails()
    {
        await using var world = await WorldAsync();
        world.Api.Answer = context =>
        {
            context.Response.StatusCode = world.Api.Seen.Count % 3 == 0 ? 200 : 503;
            return Task.CompletedTask;
        };
        using var repeated = await world.SendAsync(HttpMethod.Put, "/x", new StringContent("body"));
        Assert.Equal(HttpStatusCode.OK, repeated.StatusCode);
        Assert.Equal(["body", "body", "body"], world.Api.Seen.Select(seen => seen.Body));
        using var once = await world.SendAsync(HttpMethod.Post, "/x", new StringContent("body"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, once.StatusCode);
        Assert.Equal(4, world.Api.Seen.Count);
    }

    [Fact]
    public async Task A_service_that_keeps_failing_is_left_alone_for_a_while_and_others_are_not()
    {
        await using var world = await WorldAsync();
        world.Api.Answer = context =>
        {
            context.Response.StatusCode = 503;
            return Task.CompletedTask;
        };
        HttpResponseMessage last;
        do
        {
            last = await world.GetAsync("/x");
            Assert.Equal(HttpStatusCode.ServiceUnavailable, last.StatusCode);
        }
        while (!last.Headers.Contains("X-Kontext-Error"));
        Assert.True(last.Headers.RetryAfter!.Delta > TimeSpan.Zero);
        var reached = world.Api.Seen.Count;
        using var refused = await world.GetAsync("/x");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, reached), (refused.StatusCode, world.Api.Seen.Count));
        await using var other = await WorldAsync();
        using var unaffected = await other.GetAsync("/x");
        Assert.Equal(HttpStatusCode.OK, unaffected.StatusCode);
        last.Dispose();
    }

    [Fact]
    public async Task A_service_that_falls_silent_is_given_up_before_and_during_its_answer()
    {
        await using var world = await WorldAsync();
        world.Api.Answer = async context =>
        {
            if (context.Request.Path.Value!.EndsWith("during", StringComparison.Ordinal))
            {
                await context.Response.WriteAsync("half");
                await context.Response.Body.FlushAsync();
            }
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        };
        using var before = await world.SendAsync(HttpMethod.Post, "/before", new StringContent("x"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, before.StatusCode);
        Assert.Contains("did not answer in time", await before.Content.ReadAsStringAsync(Cancelled));
        using var during = await world.GetAsync("/during");
        Assert.Equal(HttpStatusCode.OK, during.StatusCode);
        await Assert.ThrowsAnyAsync<Exception>(() => during.Content.ReadAsStringAsync(Cancelled));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_body_above_the_limit_is_refused_whether_announced_or_not(bool announced)
    {
        await using var world = await WorldAsync();
        using var request = world.Request(HttpMethod.Post, "/x", new ByteArrayContent(new byte[300_000]));
        request.Headers.TransferEncodingChunked = !announced;
        using var answer = await world.SendAsync(request, Cancelled);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        Assert.Empty(world.Api.Seen);
    }

    private Task<KontextServer> StartAsync(string concurrent) => KontextServer.StartAsync("memory", keys, settings: new Dictionary<string, string>
    {
        ["Kontext__Limits__CallsPerMinuteAndAgent"] = "8",
        ["Kontext__Limits__CallsPerMinuteAndPerson"] = "0",
        ["Kontext__Limits__ConcurrentCallsPerAgent"] = concurrent,
        ["Kontext__Limits__SilenceSeconds"] = "4",
        ["Kontext__Limits__WaitSeconds"] = "5",
        ["Kontext__Limits__ProxyBodyBytes"] = "200000",
    });

    private Task<ProxyWorld> WorldAsync() => ProxyWorld.CreateAsync(server, owner);
}
