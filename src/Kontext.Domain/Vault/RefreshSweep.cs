using System.Collections.Concurrent;
using Kontext.Domain.Work;

namespace Kontext.Domain.Vault;

/// <summary>Queues the refresh of what is due before anybody asks for it. Instances may sweep at once: a message too many finds nothing left to do.</summary>
public sealed class RefreshSweep(IRefreshSchedule schedule, IWorkQueue queue, TimeProvider time)
{
    // More would write faster to the index of due notes than one partition of a storage account takes (bench/report).
    private const int AtOnce = 24;

    // A sweep ends before the next one begins.
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(50);

    // How long a message has before another is sent: longer than a refresh takes.
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(3);

    /// <summary>Walks what is due. What it does not get to, or fails at, stays due.</summary>
    /// <exception cref="AggregateException">Storage or the queue failed for some; the rest was done.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var started = time.GetUtcNow();
        var failures = new ConcurrentQueue<Exception>();
        await Parallel.ForEachAsync(
            schedule.DueAsync(started, cancellationToken).TakeWhile(_ => time.GetUtcNow() - started < Budget),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken },
            async (due, token) =>
            {
                try
                {
                    await HandOverAsync(due, token);
                }
                catch (Exception failure) when (!token.IsCancellationRequested)
                {
                    failures.Enqueue(failure);
                }
            });
        if (!failures.IsEmpty)
            throw new AggregateException(failures);
    }

    private async Task HandOverAsync(Versioned<DueRefresh> note, CancellationToken cancellationToken)
    {
        // The note stays, for a later time, until the work is done: a message that is lost is sent again.
        var later = note.Value with { DueAt = time.GetUtcNow() + Grace };
        await schedule.FileAsync(later, cancellationToken);
        await queue.EnqueueAsync(new RefreshConnection(later), TimeSpan.Zero, cancellationToken);
        await schedule.RemoveAsync(note, cancellationToken);
    }
}
