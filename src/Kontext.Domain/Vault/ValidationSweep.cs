using Kontext.Domain.Work;

namespace Kontext.Domain.Vault;

/// <summary>Finds connections nothing was heard of for long, once a day, and queues over the day that their services be asked: a token that was withdrawn is found before an agent needs it.
/// Runs may overlap: a message too many finds nothing left to do.</summary>
public sealed class ValidationSweep(IConnectionWalk walk, IValidationSchedule schedule, IDailyWork daily, IWorkQueue queue, Staleness staleness, TimeProvider time)
{
    /// <summary>How many a run queues. The rest stays due; so services and the queue never get a whole installation at once.</summary>
    public const int MostPerRun = 500;

    private const string Name = "validation";
    private const int AtOnce = 20;

    // A sweep ends before the next one begins.
    private static readonly TimeSpan Budget = TimeSpan.FromMinutes(4);

    // How long a message has before another is sent: longer than it waits for its turn at a busy provider.
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(30);

    // What a day's walk finds is asked about over this time, so that it is done before the next walk.
    private static readonly TimeSpan Spread = TimeSpan.FromHours(20);

    /// <summary>Queues what is due; then does the day's walk unless it is done, or another instance is at it.</summary>
    /// <exception cref="AggregateException">Storage or the queue failed for some; the rest was done.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (staleness.After <= TimeSpan.Zero)
            return;
        await HandOverAsync(cancellationToken);
        var now = time.GetUtcNow();
        var day = DateOnly.FromDateTime(now.UtcDateTime);
        if (!await daily.TryBeginAsync(Name, day, cancellationToken))
            return;
        await schedule.ForgetAsync(now - IValidationSchedule.LookBack, cancellationToken);
        await Parallel.ForEachAsync(
            walk.AllAsync(cancellationToken).Where(found => staleness.Holds(found.Connection, now)),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken },
            async (found, token) => await schedule.FileAsync(NoteOf(found.Org, found.Connection, now), token));
        await daily.EndAsync(Name, day, cancellationToken);
    }

    private static DueValidation NoteOf(OrgId org, Connection connection, DateTimeOffset now) => new(
        org, connection.User, connection.Integration, connection.Id, Staleness.HeardAt(connection), now + (Spread * RefreshFiling.SpreadOf(connection)));

    private async Task HandOverAsync(CancellationToken cancellationToken)
    {
        var started = time.GetUtcNow();
        var failures = new List<Exception>();
        await foreach (var notes in schedule.DueAsync(started, cancellationToken).Take(MostPerRun).TakeWhile(_ => time.GetUtcNow() - started < Budget).Chunk(AtOnce).WithCancellation(cancellationToken))
        {
            try
            {
                await HandOverAsync(notes, cancellationToken);
            }
            catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
            {
                failures.Add(failure);
            }
        }
        if (failures.Count > 0)
            throw new AggregateException(failures);
    }

    private async Task HandOverAsync(Versioned<DueValidation>[] notes, CancellationToken cancellationToken)
    {
        // A note stays, for a later time, until the work is done: a message that is lost is sent again.
        var later = notes.Select(note => note.Value with { DueAt = time.GetUtcNow() + Grace }).ToList();
        await Task.WhenAll(later.Select(note => schedule.FileAsync(note, cancellationToken)));
        await queue.EnqueueAllAsync(later.ConvertAll<WorkItem>(note => new ValidateConnection(note)), cancellationToken);
        await Task.WhenAll(notes.Select(note => schedule.RemoveAsync(note, cancellationToken)));
    }
}
