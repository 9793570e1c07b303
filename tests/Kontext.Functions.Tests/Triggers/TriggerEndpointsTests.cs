using System.Net;
using System.Text;

namespace Kontext.Functions.Tests.Triggers;

public sealed class TriggerEndpointsTests
{
    private readonly RecordingTimer timer = new("fn-test", TimeSpan.FromHours(1));

    [Fact]
    public async Task What_the_host_posts_runs_the_timer_and_is_answered_with_an_empty_json_object()
    {
        await using var app = new HandlerApp(underHost: true, timer);
        using var response = await Post(app, "/fn-test");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal("{}", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(1, timer.Runs);
    }

    [Theory]
    [InlineData("x-ms-invocation-id")]
    [InlineData("X-MS-Invocation-Id")]
    [InlineData("X-Forwarded-For")]
    [InlineData("X-Forwarded-Host")]
    [InlineData("x-forwarded-proto")]
    [InlineData("X-Forwarded-Prefix")]
    public async Task A_request_the_host_passed_on_from_outside_finds_nothing_and_runs_nothing(string header)
    {
        await using var app = new HandlerApp(underHost: true, timer);
        using var refused = await Post(app, "/fn-test", header);
        using var unknown = await Post(app, "/fn-no-such-trigger", header);
        Assert.Equal(HttpStatusCode.NotFound, refused.StatusCode);
        Assert.Equal(0, timer.Runs);
        // Nor can the outside tell that there is a trigger.
        Assert.Equal(
            await unknown.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            await refused.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Alone_the_program_has_no_trigger_addresses()
    {
        await using var app = new HandlerApp(underHost: false, timer);
        using var response = await Post(app, "/fn-test");
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal(0, timer.Runs);
    }

    [Fact]
    public async Task A_trigger_is_only_ever_posted_to()
    {
        await using var app = new HandlerApp(underHost: true, timer);
        using var client = app.CreateClient();
        using var response = await client.GetAsync("/fn-test", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal(0, timer.Runs);
    }

    [Fact]
    public async Task A_timer_that_fails_tells_the_host_without_saying_why()
    {
        var failing = new RecordingTimer("fn-test", TimeSpan.FromHours(1)) { Fails = new InvalidOperationException("the reason") };
        await using var app = new HandlerApp(underHost: true, failing);
        using var response = await Post(app, "/fn-test");
        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        Assert.Equal("{}", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private static async Task<HttpResponseMessage> Post(HandlerApp app, string path, string? header = null)
    {
        using var client = app.CreateClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, path);
        request.Content = new StringContent("""{"Data":{"timer":{"IsPastDue":false}},"Metadata":{}}""", Encoding.UTF8, "application/json");
        if (header is not null)
            request.Headers.Add(header, "00000000-0000-0000-0000-000000000001");
        return await client.SendAsync(request, TestContext.Current.CancellationToken);
    }
}
