using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Retention;

/// <summary>Deletes rows that have expired, which are refused already: organization by organization, a bounded part per run. A run goes on where the one before it stopped, and instances that run at once take different organizations.</summary>
internal sealed class ExpirySweep(
    ITableSource tables, IApplicationStore applications, ISessionStore sessions, UnusedClients clients, SweepLimits limits, TimeProvider time, ILogger<ExpirySweep> log)
{
    /// <summary>How long agent sessions are kept.</summary>
    public const int SessionMonths = 13;

    private const int AtOnce = 16;
    private const int PageSize = 500;
    private const int ApplicationsAtOnce = 50;

    // Clocks differ between instances, and some reasons for refusal are told only while the row is there.
    private static readonly TimeSpan Grace = TimeSpan.FromHours(1);

    private readonly ImmutableArray<ExpiringTable> expiring = ExpiringTables.Of(tables);
    private readonly OrganizationIndex organizations = new(tables);
    private readonly SweepTurns turns = new(tables, time);

    /// <summary>Walks on until everything was walked or the limits are reached.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var budget = new SweepBudget(limits, time);
        var all = await organizations.AllAsync(cancellationToken);
        var first = await turns.NextAsync(cancellationToken) is { } next ? Math.Max(0, all.IndexOf(next)) : 0;
        var walked = 0;
        foreach (var org in all.Skip(first).Concat(all.Take(first)))
        {
            if (await turns.TryTakeAsync(org, cancellationToken) is not { } turn)
                continue;
            walked++;
            var place = await WalkTablesAsync(org, turn.Place, budget, cancellationToken);
            var after = place.Partition == Partitions ? place : null;
            while (after is not null && !budget.IsSpent)
                after = await WalkApplicationsAsync(org, after, budget, cancellationToken);
            await turns.LeaveAsync(turn, place.Partition < Partitions ? place : after, cancellationToken);
            if (budget.IsSpent)
            {
                await turns.SetNextAsync(org, cancellationToken);
                break;
            }
        }
        Log.Swept(log, walked, budget.Partitions, budget.Rows, budget.Tables, budget.Clients);
    }

    private int Partitions => expiring.Length * Key.ShardCount;

    /// <summary>Walks the tables from a place on; gives the place it came to.</summary>
    private async Task<SweepPlace> WalkTablesAsync(OrgId org, SweepPlace place, SweepBudget budget, CancellationToken cancellationToken)
    {
        while (place.Partition < Partitions && !budget.IsSpent)
        {
            var some = Enumerable.Range(place.Partition, Math.Min(AtOnce, Partitions - place.Partition));
            var done = await Task.WhenAll(some.Select(partition => SweepAsync(expiring[partition / Key.ShardCount], Key.Shard(org, partition % Key.ShardCount), budget, cancellationToken)));
            place = place with { Partition = place.Partition + done.TakeWhile(whole => whole).Count() };
        }
        return place;
    }

    /// <summary>Deletes what has expired in one partition; false when the run had to end before it was through.</summary>
    private async Task<bool> SweepAsync(ExpiringTable table, string partition, SweepBudget budget, CancellationToken cancellationToken)
    {
        var ended = time.GetUtcNow() - Grace;
        budget.Walked(1);
        string? continuation = null;
        do
        {
            var page = await table.Rows.RangeAsync(partition, partition[..32], null, PageSize, continuation, cancellationToken);
            budget.Deleted(table.Name, await table.Rows.RemoveAsync(page.Rows.Where(row => table.EndOf(row) < ended), cancellationToken));
            continuation = page.Continuation;
        }
        while (continuation is not null && !budget.IsSpent);
        return continuation is null;
    }

    /// <summary>Goes through a page of applications: their old sessions, and whether anybody ever used them. Gives where to go on; null at the end.</summary>
    private async Task<SweepPlace?> WalkApplicationsAsync(OrgId org, SweepPlace place, SweepBudget budget, CancellationToken cancellationToken)
    {
        var before = time.GetUtcNow().AddMonths(-SessionMonths);
        var page = await applications.ListAsync(org, place.Applications, ApplicationsAtOnce, cancellationToken);
        foreach (var application in page.Items)
        {
            budget.Walked(1);
            budget.Deleted("sessions", await sessions.ForgetAsync(org, application.Id, before, cancellationToken));
            if (await clients.ArchiveAsync(org, application, cancellationToken))
                budget.Archived();
        }
        return page.NextCursor is { } cursor ? place with { Applications = cursor } : null;
    }
}
