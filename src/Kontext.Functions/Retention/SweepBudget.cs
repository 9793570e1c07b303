using System.Collections.Concurrent;

namespace Kontext.Functions.Retention;

/// <summary>How much one run of the sweep does at most, about.</summary>
/// <param name="Partitions">Partitions it reads.</param>
/// <param name="Rows">Rows it deletes.</param>
/// <param name="Time">How long it goes on.</param>
internal sealed record SweepLimits(int Partitions, int Rows, TimeSpan Time)
{
    /// <summary>Well within the five minutes that the Functions host gives a trigger, and within a <see cref="Storage.SweepTurns">turn</see>.</summary>
    public static readonly SweepLimits Default = new(20_000, 50_000, TimeSpan.FromMinutes(2));
}

/// <summary>What one run of the sweep has done, and whether it may go on.</summary>
internal sealed class SweepBudget(SweepLimits limits, TimeProvider time)
{
    private readonly long started = time.GetTimestamp();
    private readonly ConcurrentDictionary<string, int> deleted = new(StringComparer.Ordinal);
    private int partitions;
    private int rows;

    /// <summary>Unused clients archived.</summary>
    public int Clients { get; private set; }

    /// <summary>Partitions read.</summary>
    public int Partitions => Volatile.Read(ref partitions);

    /// <summary>Rows deleted.</summary>
    public int Rows => Volatile.Read(ref rows);

    /// <summary>Deleted rows by table, in words.</summary>
    public string Tables => string.Join(", ", deleted.OrderBy(table => table.Key, StringComparer.Ordinal).Select(table => $"{table.Key} {table.Value}"));

    /// <summary>The run has to end.</summary>
    public bool IsSpent => Partitions >= limits.Partitions || Rows >= limits.Rows || time.GetElapsedTime(started) >= limits.Time;

    /// <summary>Notes partitions that were read.</summary>
    public void Walked(int count) => Interlocked.Add(ref partitions, count);

    /// <summary>Notes an unused client that was archived.</summary>
    public void Archived() => Clients++;

    /// <summary>Notes rows that were deleted.</summary>
    public void Deleted(string table, int count)
    {
        if (count == 0)
            return;
        Interlocked.Add(ref rows, count);
        deleted.AddOrUpdate(table, count, (_, before) => before + count);
    }
}
