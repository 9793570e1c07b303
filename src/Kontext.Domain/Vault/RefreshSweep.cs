using Kontext.Domain.Work;

namespace Kontext.Domain.Vault;

/// <summary>Queues the refresh of what is due before anybody asks for it. Instances may sweep at once: a message too many finds nothing left to do.</summary>
public sealed class RefreshSweep(IRefreshSchedule schedule, IWorkQueue queue, TimeProvider time)
{
    // How long a message has before another is sent: longer than a refresh takes.
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(3);

    /// <summary>Walks what is due. What it does not get to, or fails at, stays due.</summary>
    /// <exception cref="AggregateException">Storage or the queue failed for some; the rest was done.</exception>
    public Task RunAsync(CancellationToken cancellationToken) =>
        Sweeping.RunAsync(schedule.DueAsync(time.GetUtcNow(), cancellationToken), time, HandOverAsync, cancellationToken);

    private async Task HandOverAsync(Versioned<DueRefresh> note, CancellationToken cancellationToken)
    {
        // The note stays, for a later time, until the work is done: a message that is lost is sent again.
        var later = note.Value with { DueAt = time.GetUtcNow() + Grace };
        await schedule.FileAsync(later, cancellationToken);
        await queue.EnqueueAsync(new RefreshConnection(later), TimeSpan.Zero, cancellationToken);
        await schedule.RemoveAsync(note, cancellationToken);
    }
}
