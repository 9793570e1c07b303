namespace Kontext.Domain.Audit;

/// <summary>How long calls took, in buckets that grow by a twentieth: small, exact to add up over hours and instances, and its percentiles are within 2.5 percent (contract 1.15).</summary>
public sealed class LatencyHistogram
{
    private const double Growth = 1.05;
    private static readonly double LogGrowth = Math.Log(Growth);

    private readonly SortedDictionary<int, long> buckets = [];

    /// <summary>Reads one that was stored.</summary>
    public static LatencyHistogram Of(IEnumerable<KeyValuePair<int, long>> stored)
    {
        var histogram = new LatencyHistogram();
        foreach (var (bucket, count) in stored)
            histogram.buckets[bucket] = count;
        return histogram;
    }

    /// <summary>Calls per bucket, for storing.</summary>
    public IReadOnlyDictionary<int, long> Buckets => buckets;

    /// <summary>How many calls it knows.</summary>
    public long Count => buckets.Values.Sum();

    /// <summary>Adds a call.</summary>
    public void Add(double milliseconds) => Add(BucketOf(milliseconds), 1);

    /// <summary>Adds all calls of another.</summary>
    public void Add(LatencyHistogram other)
    {
        foreach (var (bucket, count) in other.buckets)
            Add(bucket, count);
    }

    /// <summary>The time within which this share (0 to 1) of the calls ended; null without calls.</summary>
    public double? Percentile(double share)
    {
        var rank = (long)Math.Ceiling(share * Count);
        long seen = 0;
        foreach (var (bucket, count) in buckets)
        {
            seen += count;
            if (seen >= rank)
                return Math.Round(MiddleOf(bucket), 3);
        }
        return null;
    }

    private void Add(int bucket, long count) => buckets[bucket] = buckets.GetValueOrDefault(bucket) + count;

    // A thousandth of a millisecond is the shortest time told apart.
    private static int BucketOf(double milliseconds) => milliseconds < 0.001 ? int.MinValue : (int)Math.Ceiling(Math.Log(milliseconds) / LogGrowth);

    private static double MiddleOf(int bucket) => bucket == int.MinValue ? 0 : Math.Pow(Growth, bucket) * 2 / (1 + Growth);
}
