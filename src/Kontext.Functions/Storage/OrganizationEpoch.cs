using System.Collections.Immutable;

namespace Kontext.Functions.Storage;

/// <summary>An epoch number and when it was asked for.</summary>
/// <param name="Number">The number.</param>
/// <param name="Asked">Timestamp from before the read: it was true then.</param>
internal sealed record EpochReading(long Number, long Asked);

/// <summary>What this instance knows of one organization's epoch number, and the streams that depend on it.</summary>
internal sealed class OrganizationEpoch
{
    private readonly Lock gate = new();
    private ImmutableArray<StreamWatch> watches = [];
    private Task<EpochReading>? reading;
    private EpochReading? known;
    private long seen = -1;
    private long lastUsed;
    private long debt;
    private long settled;
    private bool retired;

    /// <summary>When somebody last asked.</summary>
    public long LastUsed => Volatile.Read(ref lastUsed);

    /// <summary>The number of changes of ours, told of or not.</summary>
    public long Debt => Volatile.Read(ref debt);

    /// <summary>There are changes of ours that other instances have not been told of yet.</summary>
    public bool Owes => Volatile.Read(ref settled) < Volatile.Read(ref debt);

    /// <summary>It has to be polled even if nobody asks.</summary>
    public bool IsNeeded
    {
        get
        {
            lock (gate)
                return Owes || !watches.IsEmpty;
        }
    }

    /// <summary>Somebody asked.</summary>
    public void MarkUsed(long timestamp) => Volatile.Write(ref lastUsed, timestamp);

    /// <summary>The number if it was read recently enough and takes in all changes of ours.</summary>
    public bool TryGet(TimeProvider time, TimeSpan maxAge, out long number)
    {
        var current = Volatile.Read(ref known);
        number = current?.Number ?? 0;
        return current is not null && !Owes && time.GetElapsedTime(current.Asked) < maxAge;
    }

    /// <summary>Takes it out of use, unless something depends on it.</summary>
    public bool TryRetire()
    {
        lock (gate)
            return retired = !Owes && watches.IsEmpty;
    }

    /// <summary>Notes a change of ours, unless retired. From now on what was known before does not count, nor does a read that is under way.</summary>
    public bool TryOwe()
    {
        lock (gate)
        {
            if (retired)
                return false;
            debt++;
            known = null;
            reading = null;
            return true;
        }
    }

    /// <summary>The changes up to this one have been told of.</summary>
    public void Settle(long upTo)
    {
        lock (gate)
            settled = Math.Max(settled, upTo);
    }

    /// <summary>Takes in a reading. A slow, older one changes nothing.</summary>
    public EpochReading Learn(EpochReading reading)
    {
        lock (gate)
        {
            if (reading.Number >= seen && (known is null || reading.Asked >= known.Asked))
            {
                seen = reading.Number;
                known = reading;
            }
            return reading;
        }
    }

    /// <summary>Starts a read unless one is under way.</summary>
    public Task<EpochReading> ShareRead(Func<Task<EpochReading>> read)
    {
        lock (gate)
        {
            if (reading is not { IsCompleted: false })
                reading = Task.Run(read);
            return reading;
        }
    }

    /// <summary>Adds a stream; disposing of it takes it away. Null when retired.</summary>
    public StreamWatch? TryAdd(Func<CancellationToken, ValueTask<bool>> stillAllowed, Action cut)
    {
        lock (gate)
        {
            if (retired)
                return null;
            var watch = new StreamWatch(this, stillAllowed, cut);
            watches = watches.Add(watch);
            return watch;
        }
    }

    /// <summary>Takes a stream away.</summary>
    public void Remove(StreamWatch watch)
    {
        lock (gate)
            watches = watches.Remove(watch);
    }

    /// <summary>The streams that were not checked since the number last changed; new ones among them, for the change may have come before them.</summary>
    public ImmutableArray<StreamWatch> TakeUnchecked()
    {
        lock (gate)
            return watches.RemoveAll(watch => !watch.TakeCheck(seen));
    }

    /// <summary>All streams.</summary>
    public ImmutableArray<StreamWatch> Watches
    {
        get
        {
            lock (gate)
                return watches;
        }
    }
}

/// <summary>An open stream that is cut when it is no longer allowed.</summary>
internal sealed class StreamWatch(OrganizationEpoch epoch, Func<CancellationToken, ValueTask<bool>> stillAllowed, Action cut) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private int ended;
    private long checkedAt = -1;

    /// <summary>Whether it has not been checked under this number yet; from now on it counts as checked.</summary>
    public bool TakeCheck(long number)
    {
        var due = checkedAt != number;
        checkedAt = number;
        return due;
    }

    /// <summary>Asks, and cuts unless the answer is yes.</summary>
    public async ValueTask CheckAsync()
    {
        if (await IsAllowedAsync() || Interlocked.Exchange(ref ended, 1) != 0)
            return;
        epoch.Remove(this);
        cut();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref ended, 1) == 0)
            epoch.Remove(this);
    }

    private async ValueTask<bool> IsAllowedAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            return await stillAllowed(patience.Token);
        }
        catch (Exception)
        {
            // Whatever went wrong, nobody said that the stream may go on.
            return false;
        }
    }
}
