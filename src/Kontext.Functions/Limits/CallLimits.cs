using System.Threading.RateLimiting;
using Kontext.Domain;
using Kontext.Domain.Audit;

namespace Kontext.Functions.Limits;

/// <summary>A call that was let in, or not. Disposing it makes room for the next.</summary>
/// <param name="Refusal">Why it was not let in; null when it was.</param>
/// <param name="Leases">What it holds meanwhile.</param>
internal readonly record struct CallAdmission(Failure? Refusal, IReadOnlyList<RateLimitLease> Leases) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var lease in Leases ?? [])
            lease.Dispose();
    }
}

/// <summary>Bounds how often and how many at a time an agent calls, and is called for a person, through gateway and proxy together. Each instance counts for itself; who has not called for a while is forgotten.</summary>
internal sealed class CallLimits(IAuditLog audit, KontextSettings settings, TimeProvider time) : IDisposable
{
    private const int Segments = 6;
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(1);

    private readonly (PartitionedRateLimiter<Guid> Limiter, bool ByPerson, string Words)[] limiters =
    [
        (PerMinute(settings.Limits.Calls.PerAgent), false, $"at most {settings.Limits.Calls.PerAgent} calls a minute"),
        (PerMinute(settings.Limits.Calls.PerPerson), true, $"at most {settings.Limits.Calls.PerPerson} calls a minute"),
        (AtATime(settings.Limits.Calls.ConcurrentPerAgent), false, $"at most {settings.Limits.Calls.ConcurrentPerAgent} calls at a time"),
        (AtATime(settings.Limits.Calls.ConcurrentPerPerson), true, $"at most {settings.Limits.Calls.ConcurrentPerPerson} calls at a time"),
    ];

    private readonly PartitionedRateLimiter<Guid> recorded = PerMinute(1);

    /// <summary>Lets a call in. The admission has to be disposed when the call is over.</summary>
    public async ValueTask<CallAdmission> EnterAsync(AgentCaller caller)
    {
        var leases = new List<RateLimitLease>(limiters.Length);
        foreach (var (limiter, byPerson, words) in limiters)
        {
            var lease = limiter.AttemptAcquire(byPerson ? caller.User.Id.Value : caller.Application.Id.Value);
            leases.Add(lease);
            if (lease.IsAcquired)
                continue;
            var wait = limiter == limiters[0].Limiter || limiter == limiters[1].Limiter
                ? lease.TryGetMetadata(MetadataName.RetryAfter, out var known) ? known : TimeSpan.FromMinutes(1) / Segments
                : Moment;
            new CallAdmission(null, leases).Dispose();
            var message = $"Too many calls: {words} are let through for one {(byPerson ? "person" : "agent")}. Wait before calling again.";
            await RecordAsync(caller, message);
            return new CallAdmission(new Failure(FailureCode.RateLimited, message) { RetryAfter = wait }, []);
        }
        return new CallAdmission(null, leases);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (limiter, _, _) in limiters)
            limiter.Dispose();
        recorded.Dispose();
    }

    // A flood must not become a flood of entries.
    private async ValueTask RecordAsync(AgentCaller caller, string message)
    {
        using var lease = recorded.AttemptAcquire(caller.Session.Id.Value);
        if (!lease.IsAcquired)
            return;
        await audit.AppendAsync(caller.Org, new AuditEvent
        {
            At = time.GetUtcNow(),
            Type = AuditTypes.CallsLimited,
            Status = "error_proxy",
            Agent = new AuditParty(caller.Application.Id.ToString(), caller.Application.Name),
            User = new AuditParty(caller.User.Id.ToString(), caller.User.DisplayName),
            Act = caller.Act?.Chain,
            SessionId = caller.Session.Id.ToString(),
            ErrorType = "rate_limited",
            ErrorMessage = message,
        }, CancellationToken.None);
    }

    private static PartitionedRateLimiter<Guid> PerMinute(int permits) => PartitionedRateLimiter.Create<Guid, Guid>(key => permits == 0
        ? RateLimitPartition.GetNoLimiter(key)
        : RateLimitPartition.GetSlidingWindowLimiter(key, _ => new SlidingWindowRateLimiterOptions { PermitLimit = permits, Window = TimeSpan.FromMinutes(1), SegmentsPerWindow = Segments, AutoReplenishment = false }));

    private static PartitionedRateLimiter<Guid> AtATime(int permits) => PartitionedRateLimiter.Create<Guid, Guid>(key => permits == 0
        ? RateLimitPartition.GetNoLimiter(key)
        : RateLimitPartition.GetConcurrencyLimiter(key, _ => new ConcurrencyLimiterOptions { PermitLimit = permits, QueueLimit = 0 }));
}
