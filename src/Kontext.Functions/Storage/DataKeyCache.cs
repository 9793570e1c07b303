using System.Security.Cryptography;
using Kontext.Domain;

namespace Kontext.Functions.Storage;

/// <summary>Keeps data keys in memory for at most an hour and zeroes them when it drops them. What it gives out are copies, so that a key is never zeroed under an operation that uses it.</summary>
internal sealed class DataKeyCache : IDisposable
{
    /// <summary>How long a key is kept, and so for how long a process may go on with one that was replaced.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromHours(1);

    /// <summary>For clocks that differ, and for what was encrypted a moment before the key was dropped.</summary>
    public static readonly TimeSpan Slack = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan SweepEvery = TimeSpan.FromMinutes(1);
    private readonly Lock gate = new();
    private readonly Dictionary<(OrgId Org, string Name), Entry> entries = [];
    private readonly TimeProvider time;
    private readonly ITimer sweep;

    public DataKeyCache(TimeProvider time)
    {
        this.time = time;
        sweep = time.CreateTimer(static cache => ((DataKeyCache)cache!).DropExpired(), this, SweepEvery, SweepEvery);
    }

    /// <summary>The key kept under the name; null when there is none or its time is over.</summary>
    public DataKey? Find(OrgId org, string name)
    {
        lock (gate)
            return entries.TryGetValue((org, name), out var entry) && time.GetUtcNow() < entry.Until ? new DataKey(entry.Version, entry.Key) : null;
    }

    /// <summary>Keeps a copy.</summary>
    public void Keep(OrgId org, string name, DataKey key)
    {
        lock (gate)
        {
            DropUnderGate((org, name));
            entries[(org, name)] = new Entry(key.Version, key.Bytes.ToArray(), time.GetUtcNow() + Life);
        }
    }

    /// <summary>Forgets one key.</summary>
    public void Drop(OrgId org, string name)
    {
        lock (gate)
            DropUnderGate((org, name));
    }

    /// <summary>Forgets the keys whose time is over.</summary>
    public void DropExpired()
    {
        lock (gate)
        {
            var now = time.GetUtcNow();
            foreach (var place in entries.Where(entry => now >= entry.Value.Until).Select(entry => entry.Key).ToList())
                DropUnderGate(place);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        sweep.Dispose();
        lock (gate)
        {
            foreach (var place in entries.Keys.ToList())
                DropUnderGate(place);
        }
    }

    private void DropUnderGate((OrgId Org, string Name) place)
    {
        if (entries.Remove(place, out var entry))
            CryptographicOperations.ZeroMemory(entry.Key);
    }

    private sealed record Entry(string Version, byte[] Key, DateTimeOffset Until);
}
