using System.Numerics;

namespace Kontext.Load;

/// <summary>
/// Counts latencies in buckets that grow with the value (after HdrHistogram), so that any percentile of any number of requests is known to
/// within one part in 128 from a few kilobytes. Not synchronized: one per connection, merged at the end.
/// </summary>
public sealed class LatencyHistogram
{
    private const int SubBits = 7;
    private const int SubBuckets = 1 << SubBits;
    private readonly long[] counts = new long[(64 - SubBits) * SubBuckets];

    /// <summary>How many latencies it holds.</summary>
    public long Count { get; private set; }

    /// <summary>The longest, exactly.</summary>
    public TimeSpan Longest { get; private set; }

    /// <summary>Adds one.</summary>
    public void Record(TimeSpan latency)
    {
        counts[BucketOf(Math.Max(0, latency.Ticks))]++;
        Count++;
        if (latency > Longest)
            Longest = latency;
    }

    /// <summary>Adds all of another.</summary>
    public void Add(LatencyHistogram other)
    {
        for (var bucket = 0; bucket < counts.Length; bucket++)
            counts[bucket] += other.counts[bucket];
        Count += other.Count;
        if (other.Longest > Longest)
            Longest = other.Longest;
    }

    /// <summary>The latency that this share of the requests (0 to 1) did not exceed; zero when there are none.</summary>
    public TimeSpan Percentile(double share)
    {
        var wanted = Math.Max(1, (long)Math.Ceiling(share * Count));
        long seen = 0;
        for (var bucket = 0; bucket < counts.Length; bucket++)
        {
            seen += counts[bucket];
            if (seen >= wanted)
                return Min(TimeSpan.FromTicks(TopOf(bucket)), Longest);
        }
        return TimeSpan.Zero;
    }

    // Below SubBuckets each value has its own bucket; from there on each power of two is cut into SubBuckets equal parts.
    private static int BucketOf(long value)
    {
        if (value < SubBuckets)
            return (int)value;
        var shift = BitOperations.Log2((ulong)value) - SubBits;
        return ((shift + 1) << SubBits) + (int)((value >> shift) - SubBuckets);
    }

    private static long TopOf(int bucket)
    {
        if (bucket < SubBuckets)
            return bucket;
        var shift = (bucket >> SubBits) - 1;
        var part = (bucket & (SubBuckets - 1)) + SubBuckets;
        return ((part + 1L) << shift) - 1;
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
