using System.Collections.Concurrent;

namespace Kontext.Domain.Work;

/// <summary>Goes through what is due, as the sweeps do that run every minute.</summary>
internal static class Sweeping
{
    // More would write faster to the index of due notes than one partition of a storage account takes (bench/report).
    private const int AtOnce = 24;

    // A sweep ends before the next one begins.
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(50);

    /// <summary>Does the work for each, several at once. What it does not get to in time, or fails at, is left for the next run.</summary>
    /// <exception cref="AggregateException">It failed for some; the rest was done.</exception>
    public static async Task RunAsync<T>(IAsyncEnumerable<T> due, TimeProvider time, Func<T, CancellationToken, Task> work, CancellationToken cancellationToken)
    {
        var started = time.GetUtcNow();
        var failures = new ConcurrentQueue<Exception>();
        await Parallel.ForEachAsync(
            due.TakeWhile(_ => time.GetUtcNow() - started < Budget),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken },
            async (one, token) =>
            {
                try
                {
                    await work(one, token);
                }
                catch (Exception failure) when (!token.IsCancellationRequested)
                {
                    failures.Enqueue(failure);
                }
            });
        if (!failures.IsEmpty)
            throw new AggregateException(failures);
    }
}
