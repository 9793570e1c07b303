using System.Globalization;
using Kontext.Domain;
using Kontext.Domain.Audit;

namespace Kontext.Functions.Storage;

/// <summary>Carries what is new in the audit trail over to the tables of traces. Any number of instances may do so at once, and a run may be cut off anywhere: rows of the index are the same whoever writes them,
/// and figures of an hour are written together with the last entry that is in them.</summary>
internal sealed class TraceRollup(ITableSource source, TimeProvider time)
{
    private const int DaysBack = 31;
    private const int OperationsPerWrite = 100;
    private const int WritesAtOnce = 8;
    private const int PeoplePerWrite = OperationsPerWrite - 1;

    // A block is stamped before it is written, and instances' clocks differ.
    private static readonly TimeSpan Grace = TimeSpan.FromHours(1);

    private readonly TraceTables tables = new(source);
    private readonly OrganizationIndex organizations = new(source);

    /// <summary>Brings every organization up to date.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        foreach (var org in await organizations.AllAsync(cancellationToken))
            await RunAsync(org, cancellationToken);
    }

    /// <summary>Brings an organization up to date.</summary>
    public async Task RunAsync(OrgId org, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var tail = new TraceTail(tables);
        var days = await tail.OpenDaysAsync(org, DateOnly.FromDateTime(now.UtcDateTime).AddDays(-DaysBack), cancellationToken);
        days.Reverse();
        foreach (var day in days)
        {
            foreach (var (segment, next) in await tail.SegmentsAsync(org, day, cancellationToken))
            {
                await foreach (var blocks in tail.BlocksAsync(segment, next, cancellationToken))
                {
                    await CarryAsync(org, blocks, cancellationToken);
                    await tail.LeaveAsync(segment, blocks[^1].Number + 1, cancellationToken);
                }
            }
            if (EndOf(day) + Grace < now)
                await CloseAsync(org, day, cancellationToken);
        }
    }

    private async Task CarryAsync(OrgId org, IReadOnlyList<AuditBlock> blocks, CancellationToken cancellationToken)
    {
        var rows = new List<(ITable Table, TableRow Row)>();
        var entries = new List<(DateTimeOffset Hour, AuditEntry Entry)>();
        foreach (var block in blocks)
        {
            var there = TraceEntries.Of(block);
            rows.AddRange(MentionsOf(org, block, there));
            entries.AddRange(there.Select(entry => (TraceHour.Of(block.Written), entry)));
        }
        var writes = rows.GroupBy(row => (row.Table, row.Row.PartitionKey)).SelectMany(partition => partition.Chunk(OperationsPerWrite));
        await Parallel.ForEachAsync(writes, new ParallelOptions { MaxDegreeOfParallelism = WritesAtOnce, CancellationToken = cancellationToken },
            async (some, cancelled) => await some[0].Table.TransactAsync([.. some.Select(row => new RowOperation(RowChange.Upsert, row.Row))], cancelled));
        foreach (var hour in entries.GroupBy(entry => entry.Hour, entry => entry.Entry))
            await CountAsync(org, hour.Key, [.. hour], cancellationToken);
    }

    /// <summary>The rows by which a block is found. They depend on the block alone.</summary>
    private IEnumerable<(ITable Table, TableRow Row)> MentionsOf(OrgId org, AuditBlock block, List<AuditEntry> entries)
    {
        var (name, expires) = (BlockName.Of(block), block.Written + TraceTables.Kept);
        var people = new Dictionary<UserId, List<PersonTrace>>();
        foreach (var trace in entries.GroupBy(entry => entry.Event.TraceId!, StringComparer.Ordinal))
        {
            var parts = new List<TracePart>();
            foreach (var entry in trace)
                TracePart.Add(parts, TracePart.Of(entry.Event));
            var mention = new TraceMention { Trace = trace.Key, Block = name, Parts = parts, ExpiresAt = expires };
            yield return (tables.TraceRows, tables.Traces.RowOf(TraceMention.Partition(org, trace.Key), TraceMention.Prefix(org, trace.Key) + name.Text, mention));
            foreach (var part in parts)
            {
                if (UserId.TryParse(part.User?.Id, null, out var user))
                    (people.TryGetValue(user, out var traces) ? traces : people[user] = []).Add(new PersonTrace(trace.Key, part));
            }
        }
        foreach (var (user, traces) in people)
        {
            yield return (tables.PersonRows, tables.People.RowOf(Key.Shard(org, user), PersonMention.RowKey(org, user, block), new PersonMention { Traces = traces, ExpiresAt = expires }));
        }
    }

    /// <summary>Adds entries of one chain to an hour's figures, each once.</summary>
    private async Task CountAsync(OrgId org, DateTimeOffset hour, IReadOnlyList<AuditEntry> entries, CancellationToken cancellationToken)
    {
        var (partition, chain) = (TraceHour.Partition(org, hour), entries[0].Chain);
        while (true)
        {
            var stored = await tables.Hours.FindAsync(partition, TraceHour.RowKey(org, hour, null), cancellationToken);
            var through = stored?.Value.Through ?? new Dictionary<string, long>();
            var some = UpTo(entries.Where(entry => entry.Sequence > through.GetValueOrDefault(chain)), PeoplePerWrite);
            if (some.Count == 0)
                return;
            var all = new TraceHour { Statistics = Sum(stored?.Value.Statistics, some), Through = new Dictionary<string, long>(through) { [chain] = some[^1].Sequence } };
            var operations = new List<RowOperation> { OperationOf(partition, TraceHour.RowKey(org, hour, null), stored, all) };
            foreach (var own in some.GroupBy(PersonOf))
            {
                if (own.Key is not { } user)
                    continue;
                var key = TraceHour.RowKey(org, hour, user);
                var before = await tables.Hours.FindAsync(partition, key, cancellationToken);
                operations.Add(OperationOf(partition, key, before, new TraceHour { User = user, Statistics = Sum(before?.Value.Statistics, own) }));
            }
            // Whoever was faster has counted the same: what is left is seen in the next turn.
            await tables.HourRows.TransactAsync(operations, cancellationToken);
        }
    }

    /// <summary>Adds up the hours of a day that is over. The organization's row is last: it says that the day is done.</summary>
    private async Task CloseAsync(OrgId org, DateOnly day, CancellationToken cancellationToken)
    {
        var (all, people) = (new TraceStatistics(), new Dictionary<UserId, TraceStatistics>());
        for (var hour = StartOf(day); hour < EndOf(day); hour = hour.AddHours(1))
        {
            var partition = TraceHour.Partition(org, hour);
            await foreach (var row in tables.HourRows.RowsAsync(partition, Key.Of(org), cancellationToken))
            {
                var stored = tables.Hours.Read(row).Value;
                var sum = stored.User is not { } user ? all : people.TryGetValue(user, out var known) ? known : people[user] = new TraceStatistics();
                sum.Add(TraceStatistics.Of(stored.Statistics));
            }
        }
        var expires = EndOf(day) + TraceTables.Kept;
        await Parallel.ForEachAsync(people, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = cancellationToken }, async (person, token) => await tables.PersonDayRows.UpsertAsync(
            tables.PersonDays.RowOf(Key.Shard(org, person.Key), TraceDay.RowKey(org, person.Key, day), new TraceDay(day, person.Value.ToStored(), expires)), token));
        await tables.DayRows.UpsertAsync(tables.Days.RowOf(Key.Of(org), TraceDay.RowKey(org, day), new TraceDay(day, all.ToStored(), expires)), cancellationToken);
        await new TraceTail(tables).ForgetAsync(org, day, cancellationToken);
        await foreach (var row in tables.DayRows.RowsAsync(Key.Of(org), Key.Of(org), cancellationToken))
        {
            if (tables.Days.Read(row).Value.Day is var old && old > day.AddDays(-DaysBack - 1))
                break;
            await ForgetAsync(org, old, cancellationToken);
        }
    }

    private async Task ForgetAsync(OrgId org, DateOnly day, CancellationToken cancellationToken)
    {
        for (var hour = StartOf(day); hour < EndOf(day); hour = hour.AddHours(1))
        {
            var rows = new List<TableRow>();
            await foreach (var row in tables.HourRows.RowsAsync(TraceHour.Partition(org, hour), Key.Of(org), cancellationToken))
                rows.Add(row);
            await tables.HourRows.RemoveAsync(rows, cancellationToken);
        }
        await tables.DayRows.DeleteAsync(Key.Of(org), TraceDay.RowKey(org, day), "*", cancellationToken);
    }

    private RowOperation OperationOf(string partition, string key, Versioned<TraceHour>? before, TraceHour next) =>
        new(before is null ? RowChange.Insert : RowChange.Replace, tables.Hours.RowOf(partition, key, next, before));

    private static StoredStatistics Sum(StoredStatistics? before, IEnumerable<AuditEntry> more)
    {
        var sum = before is null ? new TraceStatistics() : TraceStatistics.Of(before);
        foreach (var entry in more)
            sum.Add(entry.Event);
        return sum.ToStored();
    }

    /// <summary>As many of the first entries as have to do with at most so many people.</summary>
    private static List<AuditEntry> UpTo(IEnumerable<AuditEntry> entries, int maxPeople)
    {
        var (some, people) = (new List<AuditEntry>(), new HashSet<UserId>());
        foreach (var entry in entries)
        {
            if (PersonOf(entry) is { } user && people.Add(user) && people.Count > maxPeople)
                break;
            some.Add(entry);
        }
        return some;
    }

    private static UserId? PersonOf(AuditEntry entry) => UserId.TryParse(entry.Event.User?.Id, null, out var user) ? user : null;

    private static DateTimeOffset StartOf(DateOnly day) => new(day.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);

    private static DateTimeOffset EndOf(DateOnly day) => StartOf(day.AddDays(1));
}

/// <summary>The entries of a block that are part of a trace.</summary>
internal static class TraceEntries
{
    /// <summary>Oldest first.</summary>
    public static List<AuditEntry> Of(AuditBlock block) => [.. block.Lines().Select(line => line.Read()).Where(entry => TracePart.Has(entry.Event))];
}
