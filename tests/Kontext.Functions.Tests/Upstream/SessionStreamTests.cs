using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using Kontext.Functions.Upstream;

namespace Kontext.Functions.Tests.Upstream;

/// <summary>How often a server is asked for a session's stream.</summary>
public sealed class SessionStreamTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_server_without_the_stream_is_asked_ever_less_often(bool answers)
    {
        var pauses = new Pauses(7);
        var stream = new SessionStream(_ => answers ? Task.FromResult(new HttpResponseMessage(HttpStatusCode.ServiceUnavailable)) : throw new HttpRequestException("Nobody there."), Unasked, NothingToScrub, pauses);

        using var listener = await stream.ListenAsync(all: true, Cancelled);

        Assert.Equal([2, 4, 8, 16, 32, 60, 60], await pauses.Taken.WaitAsync(Cancelled));
    }

    [Fact]
    public async Task A_stream_that_was_open_is_opened_again_soon()
    {
        var asked = 0;
        var pauses = new Pauses(5);
        var stream = new SessionStream(_ => Interlocked.Increment(ref asked) % 3 == 0 ? Task.FromResult(Opened()) : throw new HttpRequestException("Nobody there."), Unasked, NothingToScrub, pauses);

        using var listener = await stream.ListenAsync(all: true, Cancelled);

        Assert.Equal([2, 4, 2, 4, 8], await pauses.Taken.WaitAsync(Cancelled));
    }

    private static Task Unasked(string id, string method) => throw new InvalidOperationException("The server asked for nothing.");

    private static CredentialScrub NothingToScrub() => throw new InvalidOperationException("The server said nothing.");

    private static HttpResponseMessage Opened()
    {
        var content = new ByteArrayContent([]);
        content.Headers.ContentType = new MediaTypeHeaderValue("text/event-stream");
        return new HttpResponseMessage(HttpStatusCode.OK) { Content = content };
    }

    /// <summary>Writes down the first pauses, in seconds, and skips them; the one after them lasts.</summary>
    private sealed class Pauses(int count) : TimeProvider
    {
        private readonly ConcurrentQueue<int> seconds = new();
        private readonly TaskCompletionSource<IReadOnlyCollection<int>> taken = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<IReadOnlyCollection<int>> Taken => taken.Task;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (seconds.Count == count)
                return base.CreateTimer(callback, state, dueTime, period);
            seconds.Enqueue((int)dueTime.TotalSeconds);
            if (seconds.Count == count)
                taken.SetResult([.. seconds]);
            return base.CreateTimer(callback, state, TimeSpan.Zero, period);
        }
    }
}
