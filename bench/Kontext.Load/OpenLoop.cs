using System.Diagnostics;

namespace Kontext.Load;

/// <summary>What one second of open load saw.</summary>
/// <param name="Accepted">Answers of success that ended in it.</param>
/// <param name="Refused">Answers 429 or 503 with Retry-After.</param>
/// <param name="Failed">Anything else.</param>
/// <param name="Latencies">Of the accepted.</param>
/// <param name="ResidentBytes">The server's memory at its end.</param>
public sealed record OpenSecond(long Accepted, long Refused, long Failed, LatencyHistogram Latencies, long ResidentBytes);

/// <summary>Open-loop load: requests begin at a rate, whether or not earlier ones were answered, as callers do who don't know of each other.</summary>
public static class OpenLoop
{
    private const int Tick = 5;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    // Callers beyond these wait for one of their connections: without a bound a stall of a second takes every file this process may open.
    private const int MaxConnections = 4_000;

    /// <summary>Runs.</summary>
    /// <param name="request">Makes the next request.</param>
    /// <param name="perSecond">How many begin in a second.</param>
    /// <param name="seconds">For how long.</param>
    /// <param name="server">The server's process.</param>
    public static async Task<IReadOnlyList<OpenSecond>> RunAsync(Func<HttpRequestMessage> request, int perSecond, int seconds, int server)
    {
        using var client = new HttpMessageInvoker(new SocketsHttpHandler { UseCookies = false, UseProxy = false, AllowAutoRedirect = false, ActivityHeadersPropagator = null, MaxConnectionsPerServer = MaxConnections });
        var counts = Enumerable.Range(0, seconds + (int)Patience.TotalSeconds + 1).Select(_ => new Count()).ToList();
        var memory = new long[seconds];
        var under = new List<Task>();
        var clock = Stopwatch.StartNew();
        var begun = 0L;
        for (var second = 0; second < seconds; second++)
        {
            while (clock.Elapsed < TimeSpan.FromSeconds(second + 1))
            {
                for (var due = (long)(clock.Elapsed.TotalSeconds * perSecond); begun < due; begun++)
                    under.Add(Task.Run(() => SendAsync(client, request, clock, counts)));
                await Task.Delay(Tick);
            }
            memory[second] = ServerMemory.Resident(server);
            under.RemoveAll(task => task.IsCompletedSuccessfully);
        }
        await Task.WhenAll(under);
        return [.. counts.Take(seconds).Select((count, second) => new OpenSecond(count.Accepted, count.Refused, count.Failed, count.Latencies, memory[second]))];
    }

    private static async Task SendAsync(HttpMessageInvoker client, Func<HttpRequestMessage> next, Stopwatch clock, List<Count> counts)
    {
        using var patience = new CancellationTokenSource(Patience);
        var sent = clock.Elapsed;
        var outcome = Outcome.Failed;
        try
        {
            using var request = next();
            using var answer = await client.SendAsync(request, patience.Token);
            await answer.Content.CopyToAsync(Stream.Null, patience.Token);
            outcome = answer.IsSuccessStatusCode ? Outcome.Accepted : (int)answer.StatusCode is 429 or 503 && answer.Headers.RetryAfter is not null ? Outcome.Refused : Outcome.Failed;
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException or OperationCanceledException)
        {
            // Counted as failed.
        }
        var ended = clock.Elapsed;
        counts[Math.Min((int)ended.TotalSeconds, counts.Count - 1)].Add(outcome, ended - sent);
    }

    private enum Outcome
    {
        Accepted,
        Refused,
        Failed,
    }

    private sealed class Count
    {
        private readonly Lock gate = new();

        public long Accepted => Latencies.Count;

        public long Refused { get; private set; }

        public long Failed { get; private set; }

        public LatencyHistogram Latencies { get; } = new();

        public void Add(Outcome outcome, TimeSpan took)
        {
            lock (gate)
            {
                if (outcome == Outcome.Accepted)
                    Latencies.Record(took);
                else if (outcome == Outcome.Refused)
                    Refused++;
                else
                    Failed++;
            }
        }
    }
}
