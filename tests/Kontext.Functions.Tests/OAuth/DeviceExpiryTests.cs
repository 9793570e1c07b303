using System.Net;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>What the device grant does as time passes, on a clock that the test moves.</summary>
public sealed class DeviceExpiryTests : IAsyncLifetime
{
    private readonly TimedKontext kontext = new();
    private DeviceFlow flow = null!;

    public ValueTask InitializeAsync()
    {
        kontext.StartServer();
        flow = new DeviceFlow(kontext.Address);
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => kontext.DisposeAsync();

    [Fact]
    public async Task Polling_too_fast_makes_the_interval_longer_each_time()
    {
        var code = (await StartAsync())["device_code"]!;
        Assert.Equal("authorization_pending", await PollAsync(code));
        kontext.Time.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal("slow_down", await PollAsync(code));
        kontext.Time.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal("slow_down", await PollAsync(code));
        kontext.Time.Advance(TimeSpan.FromSeconds(14));
        Assert.Equal("slow_down", await PollAsync(code));
        kontext.Time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal("authorization_pending", await PollAsync(code));
    }

    [Fact]
    public async Task After_ten_minutes_the_device_code_has_expired_and_the_user_code_leads_nowhere()
    {
        var started = await StartAsync();
        kontext.Time.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal("expired_token", await PollAsync(started["device_code"]!));
        using var browser = new FormBrowser();
        var page = await flow.ConsentAsync(browser, "alice", started["user_code"]!);
        Assert.Equal(HttpStatusCode.BadRequest, page.Status);
        Assert.Contains("No agent is waiting with this code", page.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_decision_after_ten_minutes_comes_too_late()
    {
        var started = await StartAsync();
        using var browser = new FormBrowser();
        var consent = await flow.ConsentAsync(browser, "alice", started["user_code"]!);
        kontext.Time.Advance(TimeSpan.FromMinutes(10));
        var late = await DeviceFlow.DecideAsync(browser, consent);
        Assert.Equal(HttpStatusCode.BadRequest, late.Status);
        Assert.Equal("expired_token", await PollAsync(started["device_code"]!));
    }

    [Fact]
    public async Task After_a_quarter_of_an_hour_codes_can_be_entered_again()
    {
        using var browser = new FormBrowser();
        var page = await flow.OpenAsync(browser, "alice");
        for (var wrong = 0; wrong < 5; wrong++)
            Assert.Equal(HttpStatusCode.BadRequest, (await DeviceFlow.EnterAsync(browser, page, "BCDF-GHJK")).Status);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await DeviceFlow.EnterAsync(browser, page, "BCDF-GHJK")).Status);
        kontext.Time.Advance(TimeSpan.FromMinutes(15));
        var started = await StartAsync();
        Assert.Equal(HttpStatusCode.OK, (await DeviceFlow.EnterAsync(browser, page, started["user_code"]!)).Status);
    }

    private Task<JsonAnswer> StartAsync() => flow.StartAsync(TestAgent.CommandLineClient);

    private async Task<string?> PollAsync(string code) => (await flow.PollAsync(TestAgent.CommandLineClient, code))["error"];
}
