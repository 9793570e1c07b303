namespace Kontext.Domain.Vault;

/// <summary>All connections of the organizations that were active lately, wherever they are kept.</summary>
public interface IConnectionWalk
{
    /// <summary>Walks them, in no particular order.</summary>
    IAsyncEnumerable<(OrgId Org, Connection Connection)> AllAsync(CancellationToken cancellationToken);
}

/// <summary>Lets one instance at a time do what is due once a day.</summary>
public interface IDailyWork
{
    /// <summary>True when it is this instance's turn; whoever dies at it loses the turn after a while.</summary>
    Task<bool> TryBeginAsync(string work, DateOnly day, CancellationToken cancellationToken);

    /// <summary>The day's work is done.</summary>
    Task EndAsync(string work, DateOnly day, CancellationToken cancellationToken);
}

/// <summary>Once a day: connections without a note of when to refresh them get one, whether they are older than the notes or a note could not be written; and notes that nobody walks any more go.</summary>
public sealed class RefreshBackfill(IConnectionWalk walk, IRefreshSchedule schedule, IDailyWork daily, TimeProvider time)
{
    private const string Name = "refresh-backfill";
    private const int AtOnce = 8;

    // What is overdue is spread over this time: there may be a whole installation of it.
    private static readonly TimeSpan Spread = TimeSpan.FromMinutes(10);

    /// <summary>Does the day's part unless it is done, or another instance is at it.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var day = DateOnly.FromDateTime(now.UtcDateTime);
        if (!await daily.TryBeginAsync(Name, day, cancellationToken))
            return;
        await schedule.ForgetAsync(now - IRefreshSchedule.LookBack, cancellationToken);
        await Parallel.ForEachAsync(
            walk.AllAsync(cancellationToken),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken },
            async (found, token) => await FileAsync(found.Org, found.Connection, now, token));
        await daily.EndAsync(Name, day, cancellationToken);
    }

    private async Task FileAsync(OrgId org, Connection connection, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (RefreshFiling.NoteOf(org, connection) is not { } note || await schedule.FindAsync(note, cancellationToken) is not null)
            return;
        // Overdue and not noted may also mean that the sweep put it off, or gave it up: one more try a day does no harm.
        await schedule.FileAsync(note.DueAt > now ? note : note with { DueAt = now + (Spread * RefreshFiling.SpreadOf(connection)) }, cancellationToken);
    }
}
