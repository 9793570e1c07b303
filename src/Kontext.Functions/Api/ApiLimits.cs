using System.Threading.RateLimiting;
using Kontext.Domain;

namespace Kontext.Functions.Api;

/// <summary>How often one person or service account may use the management API (contract 2.1): enough for any program that works, too little to keep others from it.</summary>
internal sealed class ApiLimits(KontextSettings settings) : IDisposable
{
    private const int Segments = 6;
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly PartitionedRateLimiter<string> requests = PartitionedRateLimiter.Create<string, string>(caller => RateLimitPartition.GetSlidingWindowLimiter(caller, _ => new SlidingWindowRateLimiterOptions
    {
        PermitLimit = settings.Limits.ApiRequestsPerMinute, Window = Window, SegmentsPerWindow = Segments, QueueLimit = 0,
    }));

    /// <summary>The refusal for a caller who has had enough; null for all others.</summary>
    public Failure? RefusalOf(ApiCaller caller)
    {
        using var lease = requests.AttemptAcquire($"{caller.Org}/{caller.Actor.Id}");
        return lease.IsAcquired ? null : new Failure(FailureCode.RateLimited, "Too many requests. Wait before sending more.")
        {
            RetryAfter = lease.TryGetMetadata(MetadataName.RetryAfter, out var wait) ? wait : Window / Segments,
        };
    }

    /// <inheritdoc/>
    public void Dispose() => requests.Dispose();
}
