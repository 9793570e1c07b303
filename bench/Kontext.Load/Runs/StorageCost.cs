using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Kontext.Testing;

namespace Kontext.Load.Runs;

/// <summary>What requests of one kind cost at the table service.</summary>
/// <param name="Name">The kind.</param>
/// <param name="Connections">How many were under way at a time.</param>
/// <param name="Requests">How many were answered.</param>
/// <param name="Reads">Reads of the table service.</param>
/// <param name="Writes">Writes; a transaction counts once, as it is billed.</param>
/// <param name="BytesUp">Bytes of bodies that were written.</param>
/// <param name="BytesDown">Bytes of bodies that were read.</param>
public sealed record Cost(string Name, int Connections, long Requests, long Reads, long Writes, long BytesUp, long BytesDown);

/// <summary>Counts what goes over the wire between an instance and the table service.</summary>
public sealed class StorageCost : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, long> counts = new(StringComparer.Ordinal);
    private readonly Wire wire;
    private readonly KontextServer server;

    private StorageCost(Wire wire, KontextServer server) => (this.wire, this.server) = (wire, server);

    /// <summary>The instance that is watched.</summary>
    public Uri Instance => server.Url;

    /// <summary>Starts an instance with a wire to the table service.</summary>
    public static async Task<StorageCost> StartAsync(Workplace workplace)
    {
        var wire = await Wire.OpenAsync(workplace.Tables);
        var cost = new StorageCost(wire, await workplace.StartAsync(wire.Address));
        wire.Rule = cost.CountAsync;
        return cost;
    }

    /// <summary>Loads it and counts; what a running instance reads without being asked is taken off.</summary>
    public async Task<Cost> MeasureAsync(string name, Func<int, HttpRequestMessage> request, int connections, TimeSpan duration)
    {
        // Once without load, while everything that is kept in memory is there and the instance goes on watching what it watches.
        await LoadRun.RunAsync(request, connections, TimeSpan.FromSeconds(1));
        counts.Clear();
        await Task.Delay(duration);
        var idle = Snapshot();
        counts.Clear();
        var result = await LoadRun.RunAsync(request, connections, duration, TimeSpan.Zero);
        if (result.Errors > 0)
            throw new InvalidOperationException($"{name}: {result.FirstError}");
        var busy = Snapshot();
        long Of(string what) => Math.Max(0, busy.GetValueOrDefault(what) - idle.GetValueOrDefault(what));
        return new Cost(name, connections, result.Latencies.Count, Of("reads"), Of("writes"), Of("up"), Of("down"));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        await wire.DisposeAsync();
    }

    /// <summary>A number of things per request.</summary>
    public static string Each(long count, Cost cost) => string.Create(CultureInfo.InvariantCulture, $"{(double)count / cost.Requests:0.00}");

    private Dictionary<string, long> Snapshot() => counts.ToDictionary();

    private async Task<WireAnswer?> CountAsync(WireRequest request, Func<Task<WireAnswer>> pass)
    {
        Add(request.Method == "GET" ? "reads" : "writes", 1);
        Add("up", Encoding.UTF8.GetByteCount(request.Body));
        var answer = await pass();
        Add("down", answer.Body.Length);
        return answer;
    }

    private void Add(string what, long amount) => counts.AddOrUpdate(what, amount, (_, before) => before + amount);
}
