namespace Kontext.Load.Scale;

/// <summary>What the audit trail costs and how long its entries take.</summary>
/// <param name="Instances">Instances that take calls.</param>
/// <param name="Entries">Entries a second.</param>
/// <param name="Writes">Writes of blocks a second.</param>
/// <param name="PerWrite">Entries in a block, on average.</param>
/// <param name="Median">Milliseconds until an entry is durable, median.</param>
/// <param name="Worst">The 99th percentile.</param>
public sealed record AuditOutcome(int Instances, double Entries, double Writes, double PerWrite, double Median, double Worst);

/// <summary>
/// The audit trail as the product writes it (TableAuditLogWriter): an instance has two chains for an organization, each with one write in flight;
/// entries that come meanwhile go into the next block together, up to 256. Each call has two entries.
/// </summary>
public sealed class AuditShardingSimulation(int instances, double callsPerSecond)
{
    private const int Chains = 2;
    private const int MaxEntries = 256;
    private const double Seconds = 5;
    private const double Most = 200_000;

    private readonly Chance chance = new(2);

    /// <summary>Simulates one instance and multiplies: instances share nothing but the account.</summary>
    public AuditOutcome Run()
    {
        var rate = callsPerSecond / instances;
        // As long as it takes to see enough on an instance with little to do.
        var seconds = Math.Min(Math.Max(Seconds, 2_000 / rate), Most / rate);
        var events = new PriorityQueue<Action, double>();
        var (waiting, idle, writes, durable, now) = (new Queue<double>(), Chains, 0L, new List<double>(), 0.0);
        void Write()
        {
            var block = new List<double>();
            while (block.Count < MaxEntries && waiting.TryDequeue(out var entry))
                block.Add(entry);
            if (block.Count == 0)
            {
                idle++;
                return;
            }
            writes++;
            events.Enqueue(() =>
            {
                durable.AddRange(block.Select(entry => now - entry));
                Write();
            }, now + chance.Around(Assumptions.TableSeconds));
        }
        void Enter()
        {
            waiting.Enqueue(now);
            if (idle == 0)
                return;
            idle--;
            Write();
        }
        for (var at = chance.Until(rate); at < seconds; at += chance.Until(rate))
        {
            events.Enqueue(Enter, at);
            events.Enqueue(Enter, at + chance.Around(Assumptions.ProviderSeconds));
        }
        while (events.TryDequeue(out var next, out var at))
        {
            now = at;
            next();
        }
        durable.Sort();
        return new AuditOutcome(instances, durable.Count / seconds * instances, writes / seconds * instances, (double)durable.Count / writes,
            durable[durable.Count / 2] * 1000, durable[(int)(durable.Count * 0.99)] * 1000);
    }
}
