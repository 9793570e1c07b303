using System.Diagnostics;
using Kontext.Testing;

namespace Kontext.Load.Runs;

/// <summary>The way from an authorization request to tokens, with the pages in between: each person signs in once and approves each time.</summary>
public static class AuthorizeRun
{
    /// <summary>Runs this many people at once.</summary>
    public static async Task<LoadResult> RunAsync(Workplace workplace, int people, TimeSpan duration)
    {
        var clock = Stopwatch.StartNew();
        var measured = await Task.WhenAll(Enumerable.Range(0, people).Select(_ => Task.Run(() => OneAsync(workplace, duration))));
        var all = new LatencyHistogram();
        foreach (var one in measured)
            all.Add(one);
        return new LoadResult("authorize to token", people, clock.Elapsed, all, 0, null) { ResidentBytes = ServerMemory.Resident(workplace.Kontext.ProcessId) };
    }

    private static async Task<LatencyHistogram> OneAsync(Workplace workplace, TimeSpan duration)
    {
        using var browser = new FormBrowser();
        await workplace.AuthorizeAsync(browser);
        var latencies = new LatencyHistogram();
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < duration)
        {
            var begun = Stopwatch.GetTimestamp();
            await workplace.AuthorizeAsync(browser);
            latencies.Record(Stopwatch.GetElapsedTime(begun));
        }
        return latencies;
    }
}
