using System.Threading.RateLimiting;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Limits;

/// <summary>Bounds attempts per client and network (OAuth 2.1 section 7.4: brute-force protection). Each instance counts for itself: what several let through together is their number times as much.</summary>
internal sealed class AttemptLimits(IOrganizationStore organizations, IAuditLog audit, KontextSettings settings, TimeProvider time) : IDisposable
{
    // However many addresses an attacker has, memory is bounded: callers share buckets by a hash that is seeded anew in every process, so that nobody can pick whom to share with.
    private const int Buckets = 1 << 15;
    private const int Segments = 6;
    private const int MaxClientId = 100;

    private readonly PartitionedRateLimiter<int> failures = PerMinute(settings.Limits.FailuresPerMinute);
    private readonly PartitionedRateLimiter<int> creations = PerMinute(settings.Limits.CreationsPerMinute);
    private readonly PartitionedRateLimiter<int> recordedPerBucket = PerMinute(1);
    private readonly SlidingWindowRateLimiter recorded = new(Options(30, autoReplenishment: true));
    private long unrecorded;

    /// <summary>May the client try again? Null when it may, or the refusal. Nothing is counted yet: only failures are, and per network, so that nobody can lock out a client from elsewhere.</summary>
    public ValueTask<Failure?> FailuresRefusalAsync(HttpContext context, string? clientId)
    {
        var network = NetworkOf(context);
        var bucket = BucketOf(clientId, network);
        using var lease = failures.AttemptAcquire(bucket, permitCount: 0);
        return RefusalAsync(lease, bucket, clientId, network);
    }

    /// <summary>Counts a failed attempt.</summary>
    public void CountFailure(HttpContext context, string? clientId) => failures.AttemptAcquire(BucketOf(clientId, NetworkOf(context))).Dispose();

    /// <summary>Counts something that is about to be made for a network; null when it may be, or the refusal.</summary>
    public ValueTask<Failure?> CreationRefusalAsync(HttpContext context)
    {
        var network = NetworkOf(context);
        var bucket = BucketOf(clientId: null, network);
        using var lease = creations.AttemptAcquire(bucket);
        return RefusalAsync(lease, bucket, clientId: null, network);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        failures.Dispose();
        creations.Dispose();
        recordedPerBucket.Dispose();
        recorded.Dispose();
    }

    private ValueTask<Failure?> RefusalAsync(RateLimitLease lease, int bucket, string? clientId, string network)
    {
        if (lease.IsAcquired)
            return ValueTask.FromResult<Failure?>(null);
        var retryAfter = lease.TryGetMetadata(MetadataName.RetryAfter, out var wait) ? wait : TimeSpan.FromMinutes(1) / Segments;
        return RefuseAsync(bucket, clientId, network, retryAfter);
    }

    private async ValueTask<Failure?> RefuseAsync(int bucket, string? clientId, string network, TimeSpan retryAfter)
    {
        // A flood must not become a flood of entries: one a minute for each bucket, and not many for all.
        if (recordedPerBucket.AttemptAcquire(bucket) is { IsAcquired: true } && recorded.AttemptAcquire() is { IsAcquired: true })
            await RecordAsync(clientId, network, Interlocked.Exchange(ref unrecorded, 0));
        else
            Interlocked.Increment(ref unrecorded);
        return new Failure(FailureCode.RateLimited, "Too many attempts. Wait before trying again.", network) { RetryAfter = retryAfter };
    }

    private async Task RecordAsync(string? clientId, string network, long before)
    {
        if (await organizations.FindBySlugAsync(settings.Organization, CancellationToken.None) is not { } org)
            return;
        await audit.AppendAsync(org, new AuditEvent
        {
            At = time.GetUtcNow(),
            Type = AuditTypes.AttemptsLimited,
            Status = "error_auth",
            Target = clientId is null ? network : $"{Shown(clientId)} from {network}",
            ErrorType = "rate_limited",
            ErrorMessage = before == 0 ? "Too many attempts." : $"Too many attempts. {before} more were refused since the last entry of this kind.",
        }, CancellationToken.None);
    }

    private string NetworkOf(HttpContext context) => ClientNetwork.Of(context, settings.Limits.TrustedProxies);

    private static int BucketOf(string? clientId, string network) => (int)((uint)HashCode.Combine(clientId, network) % Buckets);

    private static string Shown(string clientId) => clientId.Length <= MaxClientId && PrintableText.IsPrintable(clientId) ? clientId : "a client id that is none";

    private static PartitionedRateLimiter<int> PerMinute(int permits) =>
        PartitionedRateLimiter.Create<int, int>(bucket => RateLimitPartition.GetSlidingWindowLimiter(bucket, _ => Options(permits, autoReplenishment: false)));

    private static SlidingWindowRateLimiterOptions Options(int permits, bool autoReplenishment) => new()
    {
        PermitLimit = permits,
        Window = TimeSpan.FromMinutes(1),
        SegmentsPerWindow = Segments,
        AutoReplenishment = autoReplenishment,
    };
}
