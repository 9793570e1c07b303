using System.Collections.Concurrent;
using Kontext.Domain;

namespace Kontext.Functions.Storage;

/// <summary>What kind of value a <see cref="FreshKey"/> names.</summary>
internal enum FreshKind
{
    /// <summary>An organization.</summary>
    Organization,

    /// <summary>A person.</summary>
    User,

    /// <summary>An application.</summary>
    Application,

    /// <summary>A service account.</summary>
    ServiceAccount,

    /// <summary>A session.</summary>
    Session,

    /// <summary>An integration by id.</summary>
    Integration,

    /// <summary>An integration by name.</summary>
    IntegrationName,

    /// <summary>The integrations attached by default.</summary>
    IntegrationDefaults,

    /// <summary>The compiled rules.</summary>
    Policy,

    /// <summary>A connection.</summary>
    Connection,

    /// <summary>The issuer's signing keys.</summary>
    SigningKeys,

    /// <summary>An organization's webhooks.</summary>
    Webhooks,
}

/// <summary>Names a value in the cache without allocating.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Org">Whose.</param>
/// <param name="First">The first id; empty where the kind has none.</param>
/// <param name="Second">The second id; empty where the kind has none.</param>
/// <param name="Name">The name; null where the kind has none.</param>
internal readonly record struct FreshKey(FreshKind Kind, OrgId Org, Guid First = default, Guid Second = default, string? Name = null);

/// <summary>Values that were read under the organization's current epoch number, and so are at most a second behind any revocation or change of configuration, on any instance.</summary>
internal sealed class FreshCache(EpochFeed epochs, TimeProvider time)
{
    /// <summary>No value is older, changed or not.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(60);

    // Two generations: when the young one is full it becomes the old one, whose unused entries go with the next change.
    private const int GenerationSize = 25_000;

    private Generation young = new();
    private Generation old = new();

    /// <summary>The value, from memory if it may still be relied on; else <paramref name="load"/> reads it. Null is not remembered.</summary>
    /// <exception cref="StorageUnavailableException">The epoch or the value cannot be read.</exception>
    public ValueTask<T?> GetAsync<TState, T>(in FreshKey key, TState state, Func<TState, CancellationToken, Task<T?>> load, CancellationToken cancellationToken)
        where T : class
    {
        var epoch = epochs.CurrentAsync(key.Org, cancellationToken);
        if (!epoch.IsCompletedSuccessfully)
            return AwaitAsync(key, epoch, state, load, cancellationToken);
        var number = epoch.Result;
        return Find(key, number) is T value ? ValueTask.FromResult<T?>(value) : LoadAsync(key, number, state, load, cancellationToken);
    }

    /// <summary>Forgets a value this instance has just changed in a way that others need not hear of.</summary>
    public void Remove(in FreshKey key)
    {
        young.Entries.TryRemove(key, out _);
        old.Entries.TryRemove(key, out _);
    }

    private async ValueTask<T?> AwaitAsync<TState, T>(FreshKey key, ValueTask<long> epoch, TState state, Func<TState, CancellationToken, Task<T?>> load, CancellationToken cancellationToken)
        where T : class
    {
        var number = await epoch;
        return Find(key, number) is T value ? value : await LoadAsync(key, number, state, load, cancellationToken);
    }

    // INVARIANT: the number was read before the value is, so a change in between makes the entry void rather than wrongly valid.
    private async ValueTask<T?> LoadAsync<TState, T>(FreshKey key, long number, TState state, Func<TState, CancellationToken, Task<T?>> load, CancellationToken cancellationToken)
        where T : class
    {
        var loadedAt = time.GetTimestamp();
        var value = await load(state, cancellationToken);
        if (value is not null)
            Keep(key, new Entry(value, number, loadedAt));
        return value;
    }

    private object? Find(in FreshKey key, long number)
    {
        if (!young.Entries.TryGetValue(key, out var entry))
        {
            if (!old.Entries.TryRemove(key, out entry))
                return null;
            Keep(key, entry);
        }
        return entry.Epoch == number && time.GetElapsedTime(entry.LoadedAt) < MaxAge ? entry.Value : null;
    }

    private void Keep(in FreshKey key, Entry entry)
    {
        var generation = young;
        generation.Entries[key] = entry;
        if (Interlocked.Increment(ref generation.Writes) == GenerationSize)
            (old, young) = (generation, new Generation());
    }

    private sealed class Generation
    {
        public readonly ConcurrentDictionary<FreshKey, Entry> Entries = new();
        public int Writes;
    }

    private sealed record Entry(object Value, long Epoch, long LoadedAt);
}
