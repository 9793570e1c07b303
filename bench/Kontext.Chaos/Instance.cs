using Kontext.Testing;

namespace Kontext.Chaos;

/// <summary>One instance of the product: killed and started again at the same address, with wires of its own to storage.</summary>
internal sealed class Instance : IAsyncDisposable
{
    private static readonly Dictionary<string, string> Settings = new()
    {
        // A few agents stand in for many here.
        ["Kontext__Limits__CallsPerMinuteAndAgent"] = "0",
        ["Kontext__Limits__CallsPerMinuteAndPerson"] = "0",
        ["Kontext__Limits__ConcurrentCallsPerAgent"] = "0",
        ["Kontext__Limits__ConcurrentCallsPerPerson"] = "0",
        ["Kontext__Limits__CreationsPerMinute"] = "1000000",
        ["Kontext__Limits__FailuresPerMinute"] = "1000000",
        ["Kontext__Limits__ApiRequestsPerMinute"] = "1000000",
    };

    private readonly Choices dice;
    private readonly TimeSpan skew;
    private readonly Journal journal;
    private readonly Wire tables;
    private readonly Wire queue;
    private readonly string storage;
    private readonly string keys;
    private readonly string? logs;
    private readonly int port = KontextServer.FreePort();
    private readonly SemaphoreSlim changing = new(1);
    private volatile KontextServer? process;
    private TimeSpan away;
    private int lives;

    private Instance(int number, Wire tables, Wire queue, string storage, string keys, ChaosOptions options, Choices dice, Journal journal)
    {
        (Number, this.tables, this.queue, this.storage, this.keys, this.dice, this.journal) = (number, tables, queue, storage, keys, dice.Apart(1), journal);
        (logs, skew) = (options.Logs, options.Skew);
        Trouble = new StorageTrouble(dice, journal, KillAsync);
        tables.Rule = Trouble.OnTablesAsync;
        queue.Rule = Trouble.OnQueueAsync;
    }

    /// <summary>From 0.</summary>
    public int Number { get; }

    /// <summary>Where it is, dead or alive.</summary>
    public Uri Url => new($"http://127.0.0.1:{port}");

    /// <summary>It answers, as far as the driver knows.</summary>
    public bool Up => process is not null;

    /// <summary>What is wrong between it and storage.</summary>
    public StorageTrouble Trouble { get; }

    /// <summary>Lays the wires. Nothing is started yet.</summary>
    public static async Task<Instance> CreateAsync(int number, string storage, string keys, ChaosOptions options, Choices dice, Journal journal)
    {
        static Uri EndpointOf(string storage, string service) => new(storage.Split($"{service}Endpoint=")[1].Split(';')[0]);
        var (tablesAt, queueAt) = (EndpointOf(storage, "Table"), EndpointOf(storage, "Queue"));
        var (tables, queue) = (await Wire.OpenAsync(tablesAt), await Wire.OpenAsync(queueAt));
        var reached = storage
            .Replace(tablesAt.GetLeftPart(UriPartial.Authority), tables.Address.GetLeftPart(UriPartial.Authority), StringComparison.Ordinal)
            .Replace(queueAt.GetLeftPart(UriPartial.Authority), queue.Address.GetLeftPart(UriPartial.Authority), StringComparison.Ordinal);
        return new Instance(number, tables, queue, reached, keys, options, dice, journal);
    }

    /// <summary>Starts it, unless it runs, and waits until it answers. While storage fails it may not start at all: it is tried again.</summary>
    public async Task StartAsync(Uri publicUrl)
    {
        await changing.WaitAsync();
        try
        {
            while (process is null)
            {
                try
                {
                    // As the Functions host starts it: timers come from outside, so that they can come more often. It takes messages from the queue itself.
                    process = await KontextServer.StartAsync(storage, keys, publicUrl, SettingsOfLife(), handler: true, listenOn: port);
                    if (lives++ > 0)
                        journal.Absences.Enqueue(new EpochCut(Number, away, journal.Now));
                }
                catch (Exception failed) when (failed is InvalidOperationException or TimeoutException)
                {
                    journal.Count("starts that failed and were repeated");
                    await KeepLogAsync(failed.Message);
                }
            }
        }
        finally
        {
            changing.Release();
        }
    }

    /// <summary>Kills it without notice (SIGKILL); false when it was not there.</summary>
    public async Task<bool> KillAsync()
    {
        await changing.WaitAsync();
        try
        {
            if (process is not { } killed)
                return false;
            away = journal.Now;
            process = null;
            await killed.KillAsync();
            journal.Kills.Enqueue(new Kill(Number, journal.Now));
            await KeepLogAsync(killed.Output);
            await killed.DisposeAsync();
            return true;
        }
        finally
        {
            changing.Release();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Trouble.Heal();
        if (process is { } left)
        {
            await left.KillAsync();
            await KeepLogAsync(left.Output);
            await left.DisposeAsync();
        }
        await tables.DisposeAsync();
        await queue.DisposeAsync();
        changing.Dispose();
    }

    // Each life has a clock of its own.
    private Dictionary<string, string> SettingsOfLife()
    {
        if (skew == TimeSpan.Zero)
            return Settings;
        journal.Count("starts of an instance with a clock of its own");
        return new Dictionary<string, string>([.. Settings, .. ClockSkew.Environment(dice.Between(0, 2 * (int)skew.TotalMilliseconds) - skew)]);
    }

    private Task KeepLogAsync(string text) => logs is null ? Task.CompletedTask : File.AppendAllTextAsync(Path.Combine(logs, $"instance-{Number}.log"), $"{text}\n---- life {lives} ended\n");
}
