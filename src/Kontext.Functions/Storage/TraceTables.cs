using System.Globalization;
using Kontext.Domain;
using Kontext.Domain.Audit;

namespace Kontext.Functions.Storage;

/// <summary>The tables made from the audit trail, so that traces and their figures are found without reading it through. All of them can be made anew from it.</summary>
internal sealed class TraceTables
{
    /// <summary>How long traces and figures are kept.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(35);

    public TraceTables(ITableSource tables)
    {
        Audit = new TableAuditLogTables(tables);
        (TraceRows, PersonRows, HourRows) = (tables.Open("traces"), tables.Open("usertraces"), tables.Open("tracehours"));
        Traces = new DocumentTable<TraceMention>(TraceRows, StoredJson.Default.TraceMention);
        People = new DocumentTable<PersonMention>(PersonRows, StoredJson.Default.PersonMention);
        Hours = new DocumentTable<TraceHour>(HourRows, StoredJson.Default.TraceHour);
        Days = new DocumentTable<TraceDay>(tables.Open("tracedays"), StoredJson.Default.TraceDay);
        PersonDays = new DocumentTable<TraceDay>(tables.Open("usertracedays"), StoredJson.Default.TraceDay);
        DayRows = tables.Open("tracedays");
        PersonDayRows = tables.Open("usertracedays");
        Cursors = tables.Open("tracecursors");
    }

    /// <summary>The trail.</summary>
    public TableAuditLogTables Audit { get; }

    /// <summary>Per trace, the blocks of the trail that speak of it.</summary>
    public DocumentTable<TraceMention> Traces { get; }

    /// <summary>Per person, newest first, the blocks that speak of them and the traces in them.</summary>
    public DocumentTable<PersonMention> People { get; }

    /// <summary>Figures per hour in which blocks were written: a partition with a row for the organization and one for each person.</summary>
    public DocumentTable<TraceHour> Hours { get; }

    /// <summary>Figures of an organization per day that is over; the row says as well that nothing of the day is left to do.</summary>
    public DocumentTable<TraceDay> Days { get; }

    /// <summary>Figures of a person per day that is over.</summary>
    public DocumentTable<TraceDay> PersonDays { get; }

    /// <summary>The rows of <see cref="Traces"/>.</summary>
    public ITable TraceRows { get; }

    /// <summary>The rows of <see cref="People"/>.</summary>
    public ITable PersonRows { get; }

    /// <summary>The rows of <see cref="Hours"/>.</summary>
    public ITable HourRows { get; }

    /// <summary>The rows of <see cref="Days"/>.</summary>
    public ITable DayRows { get; }

    /// <summary>The rows of <see cref="PersonDays"/>.</summary>
    public ITable PersonDayRows { get; }

    /// <summary>Per segment, the block to go on with. It may lag behind, never run ahead.</summary>
    public ITable Cursors { get; }
}

/// <summary>What a block of the trail says of a trace.</summary>
internal sealed record TraceMention
{
    /// <summary>The trace.</summary>
    public required string Trace { get; init; }

    /// <summary>Where the block is.</summary>
    public required BlockName Block { get; init; }

    /// <summary>What it says.</summary>
    public required IReadOnlyList<TracePart> Parts { get; init; }

    /// <summary>When the row may go.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>Traces are spread by the beginning of their ids, which are random: over sixteen of the organization's shards, few enough that many rows go into one write.</summary>
    public static string Partition(OrgId org, string trace) => Key.Shard(org, Convert.ToInt32(trace[..1], 16));

    /// <summary>What the keys of a trace's rows begin with.</summary>
    public static string Prefix(OrgId org, string trace) => $"{org.Value:N}~{trace}~";
}

/// <summary>The traces in which a block of the trail speaks of a person.</summary>
internal sealed record PersonMention
{
    private const int TickDigits = 19;

    /// <summary>The traces, with what was done for the person.</summary>
    public required IReadOnlyList<PersonTrace> Traces { get; init; }

    /// <summary>When the row may go.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>What the keys of a person's rows begin with.</summary>
    public static string Prefix(OrgId org, UserId user) => $"{Key.Of(org, user)}~";

    /// <summary>The key of a block's row.</summary>
    public static string RowKey(OrgId org, UserId user, AuditBlock block) => $"{Prefix(org, user)}{Complement(block.Written)}~{BlockName.Of(block).Text}";

    /// <summary>Where the rows begin of blocks that may speak of a moment, or of earlier ones.</summary>
    public static string From(OrgId org, UserId user, DateTimeOffset until) =>
        Prefix(org, user) + Complement(until < DateTimeOffset.MaxValue - TableAuditLogReader.LongestWait ? until + TableAuditLogReader.LongestWait : DateTimeOffset.MaxValue);

    /// <summary>When the block of a row was written.</summary>
    public static DateTimeOffset WrittenOf(OrgId org, UserId user, string rowKey) =>
        new(DateTimeOffset.MaxValue.UtcTicks - long.Parse(rowKey.AsSpan(Prefix(org, user).Length, TickDigits), NumberStyles.None, CultureInfo.InvariantCulture), TimeSpan.Zero);

    // The same for newer blocks is smaller, so that they come first.
    private static string Complement(DateTimeOffset written) => (DateTimeOffset.MaxValue.UtcTicks - written.UtcTicks).ToString("D19", CultureInfo.InvariantCulture);
}

/// <summary>A trace that has to do with a person.</summary>
internal sealed record PersonTrace(string Trace, TracePart Part);

/// <summary>Names a block of the trail.</summary>
internal sealed record BlockName(string Chain, int Segment, DateTimeOffset Start, int Number)
{
    /// <summary>The name of a block.</summary>
    public static BlockName Of(AuditBlock block) => new(block.Segment.Chain, block.Segment.Number, block.Segment.Start, block.Number);

    /// <summary>The segment it is in.</summary>
    public AuditSegment SegmentOf(OrgId org) => new(org, Chain, Segment, Start);

    /// <summary>As part of a key.</summary>
    public string Text => string.Create(CultureInfo.InvariantCulture, $"{Chain}~{Segment:D6}~{Number:D6}");
}

/// <summary>Figures of an hour.</summary>
internal sealed record TraceHour
{
    /// <summary>The figures.</summary>
    public required StoredStatistics Statistics { get; init; }

    /// <summary>Per chain, the last entry that is in them; empty in the rows of people, which are written together with the organization's.</summary>
    public IReadOnlyDictionary<string, long> Through { get; init; } = new Dictionary<string, long>();

    /// <summary>Whose; null for the organization's.</summary>
    public UserId? User { get; init; }

    /// <summary>The hour a moment is in.</summary>
    public static DateTimeOffset Of(DateTimeOffset moment) => new(moment.Year, moment.Month, moment.Day, moment.Hour, 0, 0, TimeSpan.Zero);

    /// <summary>The partition of an hour, and the key of the organization's row.</summary>
    public static string Partition(OrgId org, DateTimeOffset hour) => string.Create(CultureInfo.InvariantCulture, $"{Key.Of(org)}~{hour.UtcDateTime:yyyyMMddHH}");

    /// <summary>The key of a row.</summary>
    public static string RowKey(OrgId org, DateTimeOffset hour, UserId? user) => user is { } person ? $"{Partition(org, hour)}~{person.Value:N}" : Partition(org, hour);
}

/// <summary>Figures of a day that is over.</summary>
/// <param name="Day">The UTC day.</param>
/// <param name="Statistics">The figures.</param>
/// <param name="ExpiresAt">When the row may go.</param>
internal sealed record TraceDay(DateOnly Day, StoredStatistics Statistics, DateTimeOffset ExpiresAt)
{
    /// <summary>The key of an organization's row.</summary>
    public static string RowKey(OrgId org, DateOnly day) => string.Create(CultureInfo.InvariantCulture, $"{Key.Of(org)}~{day:yyyyMMdd}");

    /// <summary>The key of a person's row.</summary>
    public static string RowKey(OrgId org, UserId user, DateOnly day) => string.Create(CultureInfo.InvariantCulture, $"{Key.Of(org, user)}~{day:yyyyMMdd}");
}
