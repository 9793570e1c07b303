using System.Diagnostics;

namespace Kontext.Load;

/// <summary>Closed-loop load: each connection sends its next request when the answer to the last has been read to its end.</summary>
public static class LoadRun
{
    /// <summary>Runs before anything counts, so that both sides are compiled and connected.</summary>
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(2);

    /// <summary>Runs.</summary>
    /// <param name="request">Makes the next request of a connection, given the connection's number from 0. Called by many threads at once.</param>
    /// <param name="connections">How many keep-alive connections.</param>
    /// <param name="duration">How long to measure.</param>
    public static Task<LoadResult> RunAsync(Func<int, HttpRequestMessage> request, int connections, TimeSpan duration) => RunAsync(request, connections, duration, WarmUp);

    /// <summary>Runs after a warm-up of another length, which may be none.</summary>
    public static async Task<LoadResult> RunAsync(Func<int, HttpRequestMessage> request, int connections, TimeSpan duration, TimeSpan warmUp)
    {
        await Task.WhenAll(Connections(warmUp));
        var clock = Stopwatch.StartNew();
        var measured = await Task.WhenAll(Connections(duration));
        var elapsed = clock.Elapsed;

        var all = new LatencyHistogram();
        foreach (var one in measured)
            all.Add(one.Latencies);
        return new LoadResult("", connections, elapsed, all, measured.Sum(one => one.Errors), measured.Select(one => one.FirstError).FirstOrDefault(error => error is not null));

        IEnumerable<Task<Connection>> Connections(TimeSpan time) => Enumerable.Range(0, connections).Select(number => Task.Run(() => new Connection(number).RunAsync(request, time)));
    }

    /// <summary>One connection and what it measured.</summary>
    private sealed class Connection(int number)
    {
        public LatencyHistogram Latencies { get; } = new();

        public long Errors { get; private set; }

        public string? FirstError { get; private set; }

        public async Task<Connection> RunAsync(Func<int, HttpRequestMessage> next, TimeSpan time)
        {
            using var client = new HttpMessageInvoker(new SocketsHttpHandler { MaxConnectionsPerServer = 1, UseCookies = false, UseProxy = false, AllowAutoRedirect = false, ActivityHeadersPropagator = null });
            var clock = Stopwatch.StartNew();
            while (clock.Elapsed < time)
            {
                using var request = next(number);
                var sent = Stopwatch.GetTimestamp();
                var error = await SendAsync(client, request);
                if (error is null)
                    Latencies.Record(Stopwatch.GetElapsedTime(sent));
                else
                    (Errors, FirstError) = (Errors + 1, FirstError ?? error);
            }
            return this;
        }

        private static async Task<string?> SendAsync(HttpMessageInvoker client, HttpRequestMessage request)
        {
            try
            {
                using var response = await client.SendAsync(request, CancellationToken.None);
                if (response.IsSuccessStatusCode)
                {
                    await response.Content.CopyToAsync(Stream.Null);
                    return null;
                }
                return $"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}";
            }
            catch (Exception broken) when (broken is HttpRequestException or IOException)
            {
                return broken.Message;
            }
        }
    }
}
