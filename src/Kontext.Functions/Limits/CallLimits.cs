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

/// <summary>Bounds how often and how many at a time an agent calls, and is called for a person, through gateway and proxy together; and how many streams it keeps open. Each instance counts for itself; who has not called for a while is forgotten.</summary>
internal sealed class CallLimits : IDisposable
{
    private const int Segments = 6;
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(1);
    // Streams stay open for long: asking again at once is of no use.
    private static readonly TimeSpan While = TimeSpan.FromSeconds(30);

    private readonly IAuditLog audit;
    private readonly TimeProvider time;
    private readonly Limit[] rates;
    private readonly Limit[] calls;
    private readonly Limit[] streams;
    private readonly Limit[] parked;
    private readonly PartitionedRateLimiter<Guid> recorded = PerMinute(1);

    /// <summary>Takes the numbers from the settings.</summary>
    public CallLimits(IAuditLog audit, KontextSettings settings, TimeProvider time)
    {
        (this.audit, this.time) = (audit, time);
        var set = settings.Limits.Calls;
        rates =
        [
            new(PerMinute(set.PerAgent), false, TimeSpan.FromMinutes(1) / Segments, $"Too many calls: at most {set.PerAgent} calls a minute"),
            new(PerMinute(set.PerPerson), true, TimeSpan.FromMinutes(1) / Segments, $"Too many calls: at most {set.PerPerson} calls a minute"),
        ];
        calls =
        [
            .. rates,
            new(AtATime(set.ConcurrentPerAgent), false, Moment, $"Too many calls: at most {set.ConcurrentPerAgent} calls at a time"),
            new(AtATime(set.ConcurrentPerPerson), true, Moment, $"Too many calls: at most {set.ConcurrentPerPerson} calls at a time"),
        ];
        streams =
        [
            .. rates,
            new(AtATime(set.StreamsPerAgent), false, While, $"Too many streams: at most {set.StreamsPerAgent} open streams"),
            new(AtATime(set.StreamsPerPerson), true, While, $"Too many streams: at most {set.StreamsPerPerson} open streams"),
        ];
        parked =
        [
            new(AtATime(set.ConcurrentPerAgent), false, While, $"Too many calls wait for an answer: at most {set.ConcurrentPerAgent} of them"),
            new(AtATime(set.ConcurrentPerPerson), true, While, $"Too many calls wait for an answer: at most {set.ConcurrentPerPerson} of them"),
        ];
    }

    /// <summary>Lets a call in. The admission has to be disposed when the call is over.</summary>
    public ValueTask<CallAdmission> EnterAsync(AgentCaller caller) => EnterAsync(caller, calls);

    /// <summary>Lets through what counts as a call, but is none that lasts.</summary>
    public ValueTask<CallAdmission> CountAsync(AgentCaller caller) => EnterAsync(caller, rates);

    /// <summary>Lets a stream be opened, which counts as a call once and as a stream until the admission is disposed.</summary>
    public ValueTask<CallAdmission> OpenAsync(AgentCaller caller) => EnterAsync(caller, streams);

    /// <summary>Lets a call wait for an answer after the request that began it has ended: as many at the same time as there may be calls under way. The admission has to be disposed when the call is over.</summary>
    public ValueTask<CallAdmission> ParkAsync(AgentCaller caller) => EnterAsync(caller, parked);

    /// <inheritdoc/>
    public void Dispose()
    {
        // The rates are in both.
        foreach (var limiter in calls.Concat(streams).Concat(parked).Select(limit => limit.Limiter).Distinct())
            limiter.Dispose();
        recorded.Dispose();
    }

    private async ValueTask<CallAdmission> EnterAsync(AgentCaller caller, Limit[] limits)
    {
        var leases = new List<RateLimitLease>(limits.Length);
        foreach (var (limiter, byPerson, otherwise, words) in limits)
        {
            var lease = limiter.AttemptAcquire(byPerson ? caller.User.Id.Value : caller.Application.Id.Value);
            leases.Add(lease);
            if (lease.IsAcquired)
                continue;
            var wait = lease.TryGetMetadata(MetadataName.RetryAfter, out var known) ? known : otherwise;
            new CallAdmission(null, leases).Dispose();
            var message = $"{words} are let through for one {(byPerson ? "person" : "agent")}. Wait before calling again.";
            await RecordAsync(caller, message);
            return new CallAdmission(new Failure(FailureCode.RateLimited, message) { RetryAfter = wait }, []);
        }
        return new CallAdmission(null, leases);
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

    /// <summary>One of the limits.</summary>
    /// <param name="Limiter">Counts.</param>
    /// <param name="ByPerson">By person; otherwise by agent.</param>
    /// <param name="Wait">When to ask again, where the limiter does not know.</param>
    /// <param name="Words">What it says of itself.</param>
    private sealed record Limit(PartitionedRateLimiter<Guid> Limiter, bool ByPerson, TimeSpan Wait, string Words);
}
