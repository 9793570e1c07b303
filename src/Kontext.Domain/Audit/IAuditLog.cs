namespace Kontext.Domain.Audit;

/// <summary>An event with its place in its chain.</summary>
/// <param name="Chain">The chain's id.</param>
/// <param name="Sequence">Its number in the chain, from 1.</param>
/// <param name="Hash">SHA-256 over the predecessor's hash and the event's bytes, base64url.</param>
/// <param name="Event">The event.</param>
public sealed record AuditEntry(string Chain, long Sequence, string Hash, AuditEvent Event)
{
    /// <summary>Names the entry for good.</summary>
    public string Id => $"{Chain}.{Sequence}";
}

/// <summary>A stretch of time.</summary>
/// <param name="Since">No entry is older.</param>
/// <param name="Until">Every entry is older; <see cref="DateTimeOffset.MaxValue"/> for no end.</param>
public readonly record struct AuditTime(DateTimeOffset Since, DateTimeOffset Until)
{
    /// <summary>From a moment on.</summary>
    public static AuditTime From(DateTimeOffset since) => new(since, DateTimeOffset.MaxValue);
}

/// <summary>Entries that were looked for, newest first.</summary>
/// <param name="Entries">Those found.</param>
/// <param name="LookedBackTo">Not everything was looked at, only what is younger than this; null when nothing older was asked for or needed.</param>
public sealed record LatestEntries(IReadOnlyList<AuditEntry> Entries, DateTimeOffset? LookedBackTo = null);

/// <summary>The audit trail of each organization: append-only, chained, written before the answer leaves.</summary>
public interface IAuditLog
{
    /// <summary>Completes when the event is durable. If it fails, the action must be refused. A caller that cancels stops waiting; its entry is written all the same.</summary>
    Task AppendAsync(OrgId org, AuditEvent happened, CancellationToken cancellationToken);

    /// <summary>The newest entries of a time first, at most <paramref name="limit"/>. Not more than 100,000 are looked at: whoever wants to see further asks for the time before <see cref="LatestEntries.LookedBackTo"/>.</summary>
    Task<LatestEntries> LatestAsync(OrgId org, AuditTime time, int limit, Func<AuditEvent, bool> matches, CancellationToken cancellationToken);
}

/// <summary>The part of a trail that was taken out of storage.</summary>
/// <param name="Through">The last UTC day of it; what is younger is kept.</param>
/// <param name="Place">Where its files are.</param>
public sealed record AuditArchived(DateOnly Through, string Place);

/// <summary>An entry and the block it is in, by which reading can go on at the entry.</summary>
/// <param name="Line">The entry.</param>
/// <param name="Segment">The segment of its chain.</param>
/// <param name="Block">The block of the segment.</param>
public readonly record struct AuditPlace(AuditLine Line, int Segment, int Block);

/// <summary>Reads the trail as it is stored, for an export that can be verified elsewhere.</summary>
public interface IAuditExport
{
    /// <summary>Every entry recorded on the UTC days from <paramref name="from"/> to <paramref name="to"/>, both included. Each chain's entries come in order and without gaps; different chains take turns.</summary>
    IAsyncEnumerable<AuditLine> ReadAsync(OrgId org, DateOnly from, DateOnly to, CancellationToken cancellationToken);

    /// <summary>The entries of one day in the same order, with their places.</summary>
    IAsyncEnumerable<AuditPlace> ReadAsync(OrgId org, DateOnly day, CancellationToken cancellationToken);

    /// <summary>The same from an entry on, without reading what is before its block; nothing when the entry is not there any more.</summary>
    IAsyncEnumerable<AuditPlace> ReadFromAsync(OrgId org, DateOnly day, string chain, long sequence, int segment, int block, CancellationToken cancellationToken);

    /// <summary>The checkpoints signed on those days, in the order of their numbers.</summary>
    Task<IReadOnlyList<AuditCheckpoint>> CheckpointsAsync(OrgId org, DateOnly from, DateOnly to, CancellationToken cancellationToken);

    /// <summary>What is archived; null when nothing is. An archived day may be read no longer, or in part.</summary>
    Task<AuditArchived?> ArchivedAsync(OrgId org, CancellationToken cancellationToken);
}
