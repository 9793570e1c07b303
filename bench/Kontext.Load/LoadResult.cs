using System.Globalization;

namespace Kontext.Load;

/// <summary>What a load run measured.</summary>
/// <param name="Name">What was called.</param>
/// <param name="Connections">How many connections, each with one request at a time.</param>
/// <param name="Elapsed">How long was measured, without the warm-up.</param>
/// <param name="Latencies">Of the successful requests.</param>
/// <param name="Errors">Answers other than 2xx, and requests without an answer.</param>
/// <param name="FirstError">The first of them in words; null when there was none.</param>
public sealed record LoadResult(string Name, int Connections, TimeSpan Elapsed, LatencyHistogram Latencies, long Errors, string? FirstError)
{
    /// <summary>Successful requests per second.</summary>
    public double PerSecond => Latencies.Count / Elapsed.TotalSeconds;

    /// <summary>Resident memory of the server at the end; null when its process is not known.</summary>
    public long? ResidentBytes { get; init; }

    /// <summary>One line of the table.</summary>
    /// <param name="floor">What the same machine does at best; null for the floor itself.</param>
    public string ToLine(LoadResult? floor = null)
    {
        var ratio = floor is null ? "" : $"  {PerSecond / floor.PerSecond,5:0.00} of {floor.Name}";
        var memory = ResidentBytes is { } bytes ? $"  {bytes / (1024.0 * 1024.0),5:0} MB" : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Name,-24} {PerSecond,8:0}/s  p50 {Milliseconds(0.5)}  p99 {Milliseconds(0.99)}  errors {Errors}{memory}{ratio}");
    }

    /// <summary>The whole distribution, one percentile per line.</summary>
    public IEnumerable<string> ToPercentiles()
    {
        double[] shares = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1];
        return shares.Select(share => string.Create(CultureInfo.InvariantCulture, $"  {share * 100,8:0.##} %  {Milliseconds(share)}"));
    }

    private string Milliseconds(double share) => string.Create(CultureInfo.InvariantCulture, $"{Latencies.Percentile(share).TotalMilliseconds,8:0.000} ms");
}
