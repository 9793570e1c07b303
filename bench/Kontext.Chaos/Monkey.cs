using System.Text.Json.Nodes;

namespace Kontext.Chaos;

/// <summary>Makes things go wrong. Every kind of trouble comes once before any comes again.</summary>
internal sealed class Monkey(Site site, Journal journal, Choices dice, TimeSpan duration)
{
    private enum Deed
    {
        Kill,
        Trap,
        Stall,
        Fail,
        CutEpoch,
        LoseAnswers,
        SlowProvider,
        Withdraw,
        Skew,
    }

    private static readonly Deed[] Deck =
    [
        Deed.Kill, Deed.Trap, Deed.Trap, Deed.Trap, Deed.Trap, Deed.Stall, Deed.Stall, Deed.Fail, Deed.Fail, Deed.CutEpoch, Deed.CutEpoch,
        Deed.LoseAnswers, Deed.SlowProvider, Deed.Withdraw, Deed.Skew,
    ];

    // Where a write that is cut off hurts: a new grant, the row that points to it, what tells the others of a revocation, the trail.
    private static readonly string[] Traps = ["vault", "vault", "vault", "connections", "epochs", "epochs", "epochs", "epochs", "audit", "sessions", "applications", "integrations", "users", "organizations", "cutoffs"];
    private static readonly TimeSpan TrapLife = TimeSpan.FromSeconds(4);

    private readonly HashSet<Instance> troubled = [];
    private readonly List<Task> going = [];

    // A short run is to see everything too.
    private readonly int longestPause = (int)Math.Clamp(duration.TotalMilliseconds / Deck.Length, 600, 2_000);

    /// <summary>Goes on until it is over; then everything works again.</summary>
    public async Task RunAsync(CancellationToken over)
    {
        var restarts = site.Instances.Select(instance => RestartAsync(instance, dice.Apart(instance.Number), over)).ToList();
        while (!over.IsCancellationRequested)
        {
            foreach (var deed in dice.Shuffled(Deck).ToList())
            {
                await Task.Delay(dice.Between(500, longestPause), over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (over.IsCancellationRequested)
                    break;
                going.RemoveAll(done => done.IsCompletedSuccessfully);
                going.Add(DoAsync(deed));
            }
        }
        await Task.WhenAll(going);
        foreach (var instance in site.Instances)
            instance.Trouble.Heal();
        await Task.WhenAll(restarts);
        await Task.WhenAll(site.Instances.Select(instance => instance.StartAsync(site.PublicUrl)));
        foreach (var relay in site.Relays)
            await relay.Provider.ConfigureAsync(new JsonObject { ["skew"] = 0 });
    }

    private async Task RestartAsync(Instance instance, Choices own, CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            await Task.Delay(own.Between(100, 1_000), CancellationToken.None);
            if (!instance.Up)
                await instance.StartAsync(site.PublicUrl);
        }
    }

    private Task DoAsync(Deed deed)
    {
        switch (deed)
        {
            case Deed.Kill:
                journal.Count("kills at any moment");
                return dice.Of(site.Instances).KillAsync();
            case Deed.Trap:
                var (table, after) = (dice.Of(Traps), dice.Percent(50));
                return TroubleAsync(TrapLife, instance => instance.Trouble.SetTrap(table, after), instance => instance.Trouble.Disarm());
            case Deed.Stall:
                journal.Count("stalls of storage");
                return StorageAsync(StorageMode.Stalled, dice.Between(500, 5_000));
            case Deed.Fail:
                journal.Count("failures of storage");
                return StorageAsync(StorageMode.Failing, dice.Between(1_000, 5_000));
            case Deed.CutEpoch:
                return CutEpochAsync(dice.Percent(50) ? StorageMode.EpochRefused : StorageMode.EpochSilent, dice.Between(2_500, 5_000));
            case Deed.LoseAnswers:
                return ProviderAsync(relay => relay.LosesPercent = 20, relay => relay.LosesPercent = 0);
            case Deed.SlowProvider:
                journal.Count("slow spells of a provider");
                var delay = dice.Between(500, 3_000);
                return ProviderAsync(relay => relay.Delay = delay, relay => relay.Delay = TimeSpan.Zero);
            case Deed.Withdraw:
                journal.Count("grants withdrawn at the provider");
                var account = dice.Of(site.Accounts);
                journal.Withdrawn[account.Name] = true;
                return account.Relay.Provider.RevokeUserAsync(account.Name);
            case Deed.Skew:
                journal.Count("jumps of a provider's clock");
                return dice.Of(site.Relays).Provider.ConfigureAsync(new JsonObject { ["skew"] = dice.Below(41) - 20 });
            default:
                throw new InvalidOperationException($"Unknown deed {deed}.");
        }
    }

    private Task StorageAsync(StorageMode mode, TimeSpan life)
    {
        var over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return TroubleAsync(life, instance => instance.Trouble.Set(mode, over.Task), instance =>
        {
            instance.Trouble.Set(StorageMode.Whole, Task.CompletedTask);
            over.SetResult();
        });
    }

    private Task CutEpochAsync(StorageMode mode, TimeSpan life)
    {
        var over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var from = TimeSpan.Zero;
        return TroubleAsync(life, instance =>
        {
            instance.Trouble.Set(mode, over.Task);
            from = journal.Now;
        }, instance =>
        {
            journal.EpochCuts.Enqueue(new EpochCut(instance.Number, from, journal.Now));
            instance.Trouble.Set(StorageMode.Whole, Task.CompletedTask);
            over.SetResult();
        });
    }

    /// <summary>One trouble of an instance at a time, so that it is clear what follows from it.</summary>
    private async Task TroubleAsync(TimeSpan life, Action<Instance> begin, Action<Instance> end)
    {
        Instance? instance;
        while ((instance = Take()) is null)
            await Task.Delay(50);
        begin(instance);
        await Task.Delay(life);
        end(instance);
        lock (troubled)
            troubled.Remove(instance);
    }

    private Instance? Take()
    {
        lock (troubled)
        {
            if (site.Instances.Where(candidate => !troubled.Contains(candidate)).ToList() is not { Count: > 0 } whole)
                return null;
            var instance = dice.Of(whole);
            troubled.Add(instance);
            return instance;
        }
    }

    private async Task ProviderAsync(Action<ProviderRelay> begin, Action<ProviderRelay> end)
    {
        var relay = dice.Of(site.Relays);
        begin(relay);
        await Task.Delay(dice.Between(2_000, 4_000));
        end(relay);
    }
}
