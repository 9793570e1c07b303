using System.Collections.Concurrent;
using System.Collections.Immutable;
using Kontext.Domain;

namespace Kontext.Functions.Storage;

/// <summary>Tells every instance, within a second, that something in an organization was revoked or reconfigured: one small row per organization with a number that only grows.
/// What was read under an earlier number may no longer be relied on (architecture section 8).</summary>
internal sealed class EpochFeed(ITableSource tables, TimeProvider time, ILogger<EpochFeed> log) : BackgroundService
{
    private const string Number = "n";
    private static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan InUse = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Forget = TimeSpan.FromMinutes(10);

    private readonly ITable table = tables.Open("epochs");
    private readonly ConcurrentDictionary<OrgId, OrganizationEpoch> epochs = new();

    /// <summary>The number as it was at most a second ago.</summary>
    /// <exception cref="StorageUnavailableException">It is not known that recently and cannot be read: nothing may be served.</exception>
    public ValueTask<long> CurrentAsync(OrgId org, CancellationToken cancellationToken)
    {
        var epoch = EpochOf(org);
        epoch.MarkUsed(time.GetTimestamp());
        return epoch.TryGet(time, MaxAge, out var number) ? ValueTask.FromResult(number) : new ValueTask<long>(RefreshAsync(org, epoch).WaitAsync(cancellationToken));
    }

    /// <summary>Says that something changed; call it after the write. Holds here at once, and elsewhere within a second.</summary>
    /// <exception cref="StorageUnavailableException">Other instances were not told. This one serves nothing of the organization until they are, and goes on trying;
    /// the others may rely on what they know for up to <see cref="FreshCache.MaxAge"/>.</exception>
    public async Task BumpAsync(OrgId org)
    {
        // The change is made and others must hear of it: no caller's hanging up may stop this, so there is no cancellation token.
        OrganizationEpoch epoch;
        do
            epoch = EpochOf(org);
        while (!epoch.TryOwe());
        await PayAsync(org, epoch);
        await CheckAsync(epoch.TakeUnchecked());
    }

    /// <summary>Keeps a long-lived stream honest: whenever the organization's number changes, <paramref name="stillAllowed"/> is asked again, and unless it says yes <paramref name="cut"/> is called, once.
    /// A check that throws or takes seconds is no yes. Dispose of the result when the stream ends.</summary>
    /// <param name="org">The organization.</param>
    /// <param name="stillAllowed">Asks the stores' current values whether the stream may go on.</param>
    /// <param name="cut">Ends the stream, such as by cancelling it; must not block or throw.</param>
    public IDisposable Watch(OrgId org, Func<CancellationToken, ValueTask<bool>> stillAllowed, Action cut)
    {
        while (true)
        {
            if (EpochOf(org).TryAdd(stillAllowed, cut) is { } watch)
                return watch;
        }
    }

    /// <summary>Reads the numbers of the organizations in use, once. The background loop does this twice a second.</summary>
    public Task PollAsync(CancellationToken cancellationToken)
    {
        var now = time.GetTimestamp();
        foreach (var entry in epochs)
        {
            if (time.GetElapsedTime(entry.Value.LastUsed, now) > Forget && entry.Value.TryRetire())
                epochs.TryRemove(entry);
        }
        return Parallel.ForEachAsync(
            epochs.Where(entry => entry.Value.IsNeeded || time.GetElapsedTime(entry.Value.LastUsed, now) <= InUse),
            new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = cancellationToken },
            async (entry, token) =>
            {
                try
                {
                    await PollOneAsync(entry.Key, entry.Value).WaitAsync(MaxAge, time, token);
                }
                catch (TimeoutException)
                {
                    // One organization that is slow to read must not hold up the others. Its read goes on.
                }
            });
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(PollInterval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                await PollAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The program is ending.
        }
    }

    private async Task PollOneAsync(OrgId org, OrganizationEpoch epoch)
    {
        try
        {
            await RefreshAsync(org, epoch);
        }
        catch (Exception failure)
        {
            Log.StorageUnavailable(log, failure);
            // Fail closed: the checks of open streams cannot be answered either, which cuts them.
            await CheckAsync(epoch.Watches);
            return;
        }
        await CheckAsync(epoch.TakeUnchecked());
    }

    private static Task CheckAsync(ImmutableArray<StreamWatch> watches) =>
        Parallel.ForEachAsync(watches, new ParallelOptions { MaxDegreeOfParallelism = 16 }, (watch, _) => watch.CheckAsync());

    /// <summary>Reads the number; callers at the same time share one read.</summary>
    private async Task<long> RefreshAsync(OrgId org, OrganizationEpoch epoch)
    {
        var arrived = time.GetTimestamp();
        while (true)
        {
            var read = await epoch.ShareRead(() => epoch.Owes ? PayAsync(org, epoch) : ReadAsync(org, epoch));
            // A read that was slow and began before we came may be older than we promise; the next one cannot be.
            if (read.Asked >= arrived || time.GetElapsedTime(read.Asked) < MaxAge)
                return read.Number;
        }
    }

    private async Task<EpochReading> ReadAsync(OrgId org, OrganizationEpoch epoch)
    {
        // The age counts from before the read: what the answer says was true then.
        var asked = time.GetTimestamp();
        var number = NumberOf(await table.GetAsync(Key.Of(org), Key.Of(org), CancellationToken.None));
        return epoch.Learn(new EpochReading(number, asked));
    }

    private async Task<EpochReading> PayAsync(OrgId org, OrganizationEpoch epoch)
    {
        var debt = epoch.Debt;
        var asked = time.GetTimestamp();
        var stored = await table.GetAsync(Key.Of(org), Key.Of(org), CancellationToken.None);
        var number = NumberOf(stored) + 1;
        var row = new TableRow(Key.Of(org), Key.Of(org), new Dictionary<string, object> { [Number] = number }) { ETag = stored?.ETag };
        var write = stored is null ? await table.InsertAsync(row, CancellationToken.None) : await table.ReplaceAsync(row, CancellationToken.None);
        // Who raced us raised the number after our change was written, which tells of our change as well: only its value has to be read.
        if (!write.Ok)
            number = NumberOf(await table.GetAsync(Key.Of(org), Key.Of(org), CancellationToken.None));
        epoch.Settle(debt);
        return epoch.Learn(new EpochReading(number, asked));
    }

    private static long NumberOf(TableRow? row) => row is null ? 0 : (long)row.Properties[Number];

    private OrganizationEpoch EpochOf(OrgId org) => epochs.GetOrAdd(org, static _ => new OrganizationEpoch());
}
